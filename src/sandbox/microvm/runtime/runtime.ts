// The microsandbox runtime of this process: carried by the executable, the project's own when run from source, or an installed one. Never
// one that lies about in the working directory or in PATH.

import { arch, homedir, platform as osPlatform } from "node:os";
import { dirname, join } from "node:path";
import { Failure } from "../../../failure.ts";
import { type Carried, carried } from "./carried.ts";
import { findInstalled, type InstalledRuntime, NoRuntime, programVersion } from "./installed.ts";
import { loadMicrosandbox, type Microsandbox, overriddenPaths } from "./load.ts";
import { removeOldRuntimes } from "./old-runtimes.ts";
import { packageOf, type RuntimePaths, type RuntimePlatform, runtimePlatform } from "./platform.ts";
import { NotPrivate } from "./private-folder.ts";
import { versionProblem } from "./tested-version.ts";
import { DamagedExecutable, unpackRuntime } from "./unpack.ts";

export type Runtime = LocatedRuntime & {
  /** The loaded package. */
  readonly microsandbox: Microsandbox;
  /** Of `paths`, those that MSB_PATH and MSB_LIBKRUNFW_PATH put in the place of the runtime's own. */
  readonly overridden: Partial<RuntimePaths>;
};

export type LocatedRuntime = {
  readonly source: Carried["kind"];
  readonly folder: string;
  readonly paths: RuntimePaths;
  readonly version: string;
};

export type RuntimeOptions = {
  /** Where the embedded runtime is unpacked: `--runtime-dir`, or a folder in the user's cache. */
  readonly cacheDir: string;
  /** Where an installed runtime is, for a build without one: `--runtime-dir`; undefined where it was not given. */
  readonly installedDir: string | undefined;
  /** What the program carries, where it is not what was built; for tests. */
  readonly carried?: Carried;
  /** This machine's, as Node names them; for tests. */
  readonly os?: string;
  readonly cpu?: string;
};

/**
 * Finds or unpacks the runtime, and loads it: 0.7 s the first time, a few milliseconds later on. One process loads one runtime: the first.
 *
 * Throws Failure `configuration` that says what is missing and how to get it. Its message names folders: it is for the operator.
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const located = await locateRuntime(options);
  const overridden = overriddenPaths();
  if (overridden.msb !== undefined) await checkOverride(overridden.msb);
  const paths = { ...located.paths, ...overridden };
  try {
    return { ...located, paths, overridden, microsandbox: await loadMicrosandbox(paths) };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    const advice = [
      "If the folder may not be executed from (noexec), name another one with --runtime-dir.",
      otherBackends,
    ];
    throw unusable(`The microVM runtime in ${located.folder} does not load here: ${why}.`, advice, error);
  }
}

/** The same without loading anything. */
export async function locateRuntime(options: RuntimeOptions): Promise<LocatedRuntime> {
  const { cacheDir, installedDir, os = osPlatform(), cpu = arch() } = options;
  const own = options.carried ?? carried;
  const platform = own.kind === "project" ? runtimePlatform(os, cpu) : own.platform;
  if (platform === undefined) {
    const what = own.kind === "project" ? `${os} on ${cpu}` : "the platform of this build (musl, or an Intel Mac)";
    throw unusable(`There is no microVM runtime for ${what}.`, ["Take another backend: --backend server."]);
  }
  try {
    switch (own.kind) {
      case "embedded": {
        const { folder, paths } = await unpackRuntime(own, cacheDir);
        await removeOldRuntimes({ folder, cacheDir: dirname(folder), nowMs: Date.now() });
        return { source: own.kind, folder, paths, version: own.version };
      }
      case "project":
        return { source: own.kind, ...(await findInstalled(projectFolder(platform), platform)) };
      case "none": {
        const installed: InstalledRuntime = await findInstalled(
          installedDir ?? join(homedir(), ".microsandbox"),
          platform,
        );
        return { source: own.kind, ...installed };
      }
    }
  } catch (error) {
    throw explain(error, cacheDir);
  }
}

async function checkOverride(msb: string): Promise<void> {
  const problem = versionProblem(await programVersion(msb));
  if (problem !== undefined)
    throw unusable(`The version of ${msb}, which MSB_PATH names, ${problem}.`, ["Unset MSB_PATH."]);
}

const otherBackends = "Or take another backend: --backend server.";

/** Beside the microsandbox package, as seen from this file. Throws NoRuntime. */
function projectFolder(platform: RuntimePlatform): string {
  const name = packageOf(platform);
  try {
    const microsandbox = dirname(Bun.resolveSync("microsandbox", import.meta.dir));
    return dirname(Bun.resolveSync(`${name}/package.json`, microsandbox));
  } catch (error) {
    const advice = ["Run `bun install` in the project's folder. Where the C library is musl there is none."];
    throw new NoRuntime(`The microVM runtime, the package ${name}, is not installed.`, { advice, cause: error });
  }
}

function explain(error: unknown, cacheDir: string): Failure {
  if (error instanceof NoRuntime) return unusable(error.message, [...error.advice, otherBackends], error);
  if (error instanceof DamagedExecutable) {
    return unusable(
      `The executable is damaged: its ${error.message} is not what was built.`,
      ["Download it again."],
      error,
    );
  }
  const why = error instanceof Error ? error.message : String(error);
  const what = error instanceof NotPrivate ? `the folder ${why}` : why;
  return unusable(
    `The microVM runtime cannot be unpacked in ${cacheDir}: ${what}.`,
    ["Name another one with --runtime-dir."],
    error,
  );
}

function unusable(what: string, advice: readonly string[], cause?: unknown): Failure {
  return new Failure("configuration", what, { advice, cause });
}
