// Finds a microsandbox runtime that somebody has installed, for builds that carry none, and says what is wrong with it.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { packageOf, partNames, partsIn, type RuntimePaths, type RuntimePlatform } from "./platform.ts";
import { testedVersion, versionProblem } from "./tested-version.ts";

/** A sentence or two on what is missing, and what to do about it. */
export class NoRuntime extends Error {
  override readonly name = "NoRuntime";
  readonly advice: readonly string[];

  constructor(message: string, options: { readonly advice: readonly string[]; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.advice = options.advice;
  }
}

export type InstalledRuntime = { readonly folder: string; readonly paths: RuntimePaths; readonly version: string };

/** How long `msb --version` may take. Milliseconds. */
const versionTimeoutMs = 10_000;

/**
 * Looks in the folder itself and in its node_modules, where npm puts the package of the platform. The makers' own installer
 * (~/.microsandbox/bin and lib) brings `msb` and `libkrunfw`, but no addon, so that alone is not enough; beside an addon, it is.
 *
 * Throws NoRuntime.
 */
export async function findInstalled(folder: string, platform: RuntimePlatform): Promise<InstalledRuntime> {
  const inPackage = partsIn(join(folder, "node_modules", packageOf(platform)));
  const inFolder = partsIn(folder);
  const has = (parts: typeof inFolder) => partNames.every((name) => parts[name] !== undefined);
  const parts = has(inFolder) ? inFolder : { ...inFolder, ...defined(inPackage) };
  const { addon, msb, libkrunfw } = parts;
  if (addon === undefined || msb === undefined || libkrunfw === undefined) {
    const missing = partNames.filter((name) => parts[name] === undefined);
    throw new NoRuntime(`The microVM runtime is not whole in ${folder}: ${missing.join(", ")} missing.`, {
      advice: [installAdvice(folder, platform)],
    });
  }
  const version = await checkVersions(addon, msb, installAdvice(folder, platform));
  return { folder, paths: { addon, msb, libkrunfw }, version };
}

function installAdvice(folder: string, platform: RuntimePlatform): string {
  return `Install it with: npm install --prefix ${folder} ${packageOf(platform)}@${testedVersion}`;
}

/** The addon's version is told by the package that it lies in; it is not loaded to ask. */
async function checkVersions(addon: string, msb: string, advice: string): Promise<string> {
  const version = await packageVersion(dirname(addon));
  for (const [what, found] of [
    ["addon", version],
    ["msb", await programVersion(msb)],
  ] as const) {
    const problem = versionProblem(found);
    if (problem !== undefined) throw new NoRuntime(`The microVM runtime's ${what} ${problem}.`, { advice: [advice] });
  }
  return version;
}

async function packageVersion(folder: string): Promise<string> {
  try {
    const content: unknown = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    if (typeof content !== "object" || content === null || !("version" in content)) return "";
    return String(content.version);
  } catch {
    return "";
  }
}

/** Empty if it does not tell. */
export async function programVersion(msb: string): Promise<string> {
  try {
    const child = Bun.spawn([msb, "--version"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: versionTimeoutMs,
      killSignal: "SIGKILL",
    });
    const [text] = await Promise.all([child.stdout.text(), child.exited]);
    return text.trim().replace(/^msb /, "");
  } catch {
    return "";
  }
}

function defined<T extends object>(parts: T): Partial<T> {
  return Object.fromEntries(Object.entries(parts).filter(([, path]) => path !== undefined)) as Partial<T>;
}
