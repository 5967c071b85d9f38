// The microsandbox runtime of this process: carried by the executable, the project's own when run from source, or an installed one. Never
// one that lies about in the working directory or in PATH.

import { arch, homedir, platform as osPlatform } from "node:os";
import { dirname, join } from "node:path";
import { Failure } from "../../failure.ts";
import { type Carried, carried } from "./carried.ts";
import { findInstalled, type InstalledRuntime, NoRuntime } from "./installed.ts";
import { loadMicrosandbox, type Microsandbox } from "./load.ts";
import { removeOldRuntimes } from "./old-runtimes.ts";
import { packageOf, type RuntimePaths, type RuntimePlatform, runtimePlatform } from "./platform.ts";
import { NotPrivate } from "./private-folder.ts";
import { DamagedExecutable, unpackRuntime } from "./unpack.ts";

export type Runtime = LocatedRuntime & {
  /** The loaded package. */
  readonly microsandbox: Microsandbox;
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
  try {
    return { ...located, microsandbox: await loadMicrosandbox(located.paths) };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw unusable(`The microVM runtime in ${located.folder} does not load here: ${why}.`, [], error);
  }
}

/** The same without loading anything. */
export async function locateRuntime(options: RuntimeOptions): Promise<LocatedRuntime> {
  const { cacheDir, installedDir, os = osPlatform(), cpu = arch() } = options;
  const own = options.carried ?? carried;
  const platform = own.kind === "embedded" ? own.platform : runtimePlatform(os, cpu);
  if (platform === undefined) {
    throw unusable(`There is no microVM runtime for ${os} on ${cpu}.`, [otherBackends]);
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

const otherBackends = "Take another backend: --backend server, or --backend cloud.";

/** Beside the microsandbox package, as seen from this file. Throws NoRuntime. */
function projectFolder(platform: RuntimePlatform): string {
  const name = packageOf(platform);
  try {
    const microsandbox = dirname(Bun.resolveSync("microsandbox", import.meta.dir));
    return dirname(Bun.resolveSync(`${name}/package.json`, microsandbox));
  } catch (error) {
    const advice = [
      "Run `bun install` in the project's folder. Where the C library is musl there is none.",
      otherBackends,
    ];
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
    ["Remove that folder, or name another one with --runtime-dir."],
    error,
  );
}

function unusable(what: string, advice: readonly string[], cause?: unknown): Failure {
  return new Failure("configuration", what, { advice: advice.length === 0 ? [otherBackends] : advice, cause });
}
