// Which package of npm carries the microsandbox runtime for a platform, and where its three parts lie in there.

import { readdirSync } from "node:fs";
import { join } from "node:path";

/** The platforms that the makers of microsandbox publish a runtime for. */
const runtimePlatforms = [
  "linux-x64-gnu",
  "linux-arm64-gnu",
  "darwin-arm64",
  "win32-x64-msvc",
  "win32-arm64-msvc",
] as const;

export type RuntimePlatform = (typeof runtimePlatforms)[number];

export const partNames = ["addon", "msb", "libkrunfw"] as const;

/** `addon` is loaded into this process; `msb` is the program that becomes a microVM; `libkrunfw` holds the guest's kernel. */
export type PartName = (typeof partNames)[number];

/** A path a part. */
export type RuntimePaths = Readonly<Record<PartName, string>>;

/** The runtime's platform for this machine; undefined where there is none (an Intel Mac, another CPU). */
export function runtimePlatform(os: string, cpu: string): RuntimePlatform | undefined {
  return runtimePlatforms.find((name) => name === `${os}-${cpu}${suffixes[os] ?? ""}`);
}

/** Of each operating system that has several C libraries, the one that the runtime is built for. */
const suffixes: Readonly<Record<string, string>> = { linux: "-gnu", win32: "-msvc" };

export function packageOf(platform: RuntimePlatform): string {
  return `@superradcompany/microsandbox-${platform}`;
}

/** Finds the parts in a folder laid out as the package is; those that are not there are undefined. */
export function partsIn(folder: string): Readonly<Record<PartName, string | undefined>> {
  return {
    addon: oneOf(folder, /^microsandbox\..*\.node$/),
    msb: oneOf(join(folder, "bin"), /^msb(?:\.exe)?$/),
    libkrunfw: oneOf(join(folder, "lib"), /^libkrunfw\b.*\.(?:so|dylib|dll)\b/),
  };
}

function oneOf(folder: string, pattern: RegExp): string | undefined {
  try {
    const name = readdirSync(folder).find((entry) => pattern.test(entry));
    return name === undefined ? undefined : join(folder, name);
  } catch {
    return undefined;
  }
}
