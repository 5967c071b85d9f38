// Brings packages of other platforms, which an ordinary install leaves out: the Bun and the microVM runtime of each target. Exactly those of
// bun.lock: Bun refuses an archive with another sum. What was brought once is kept in node_modules/.cache.

import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { packageOf, type RuntimePlatform, runtimePlatform } from "../../src/sandbox/microvm/runtime/platform.ts";
import type { Lock, LockedPackage } from "./lock.ts";
import type { Target } from "./targets.ts";

const architectures = { x64: "x64", arm64: "aarch64" } as const;
const systems = { linux: "linux", darwin: "darwin", win32: "windows" } as const;

export function bunPackageOf({ os, arch, libc }: Target): string {
  return `@oven/bun-${systems[os]}-${architectures[arch]}${libc === "musl" ? "-musl" : ""}`;
}

export function bunProgramIn(folder: string, { os }: Target): string {
  return join(folder, os === "win32" ? "bin/bun.exe" : "bin/bun");
}

/** The platform whose runtime an executable of the target can use. */
export function runtimeOf({ os, arch, libc }: Target): RuntimePlatform | undefined {
  return libc === "musl" ? undefined : runtimePlatform(os, arch);
}

export function runtimePackageOf(target: Target): string | undefined {
  const platform = runtimeOf(target);
  return platform === undefined ? undefined : packageOf(platform);
}

/** The locked package of this name. Throws if there is none. */
export function lockedPackage(lock: Lock, name: string): LockedPackage {
  const found = lock.byName.get(name);
  if (found === undefined) throw new Error(`bun.lock has no ${name}`);
  return found;
}

/** The folder in whose node_modules the package then is. Throws if it cannot be had, or has another sum than bun.lock says. */
export async function bringPackage(root: string, { name, version, integrity }: LockedPackage): Promise<string> {
  const cacheDir = join(root, "node_modules/.cache/msb-mcp-release");
  const place = join(
    cacheDir,
    `${name.replace("/", "+")}-${version}-${Buffer.from(integrity).toString("hex").slice(-24)}`,
  );
  if (await Bun.file(join(place, "node_modules", name, "package.json")).exists()) return place;
  await mkdir(cacheDir, { recursive: true });
  const fresh = await mkdtemp(join(cacheDir, "new-"));
  try {
    const dependencies = { [name]: version };
    await Bun.write(join(fresh, "package.json"), JSON.stringify({ name: "brought", private: true, dependencies }));
    // Without "os" and "cpu", which would leave the package out on another platform.
    const lock = {
      lockfileVersion: 1,
      workspaces: { "": { name: "brought", dependencies } },
      packages: { [name]: [`${name}@${version}`, "", {}, integrity] },
    };
    await Bun.write(join(fresh, "bun.lock"), JSON.stringify(lock));
    // A cache of its own: what comes from the common one is not checked again.
    const argv = [
      "install",
      "--frozen-lockfile",
      "--ignore-scripts",
      "--no-progress",
      "--cache-dir",
      join(fresh, "cache"),
    ];
    const install = Bun.spawn([process.execPath, ...argv], { cwd: fresh, stdout: "ignore", stderr: "pipe" });
    const [errors, status] = await Promise.all([install.stderr.text(), install.exited]);
    if (status !== 0) throw new Error(`${name} ${version} could not be had:\n${errors.trim()}`);
    await rm(join(fresh, "cache"), { recursive: true, force: true });
    await rename(fresh, place);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return place;
}
