// Builds the executables of a release, each with the Bun of its target, and with the microVM runtime where the target has one.

import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buildExecutable } from "../building/executable.ts";
import { type Compression, compressParts, type Parts } from "../building/parts.ts";
import { runtimePlugin } from "../building/plugin.ts";
import type { Lock } from "./lock.ts";
import { bringPackage, bunPackageOf, bunProgramIn, lockedPackage, runtimeOf, runtimePackageOf } from "./packages.ts";
import type { Executable, Target } from "./targets.ts";

export type ExecutableContents = Executable & {
  readonly bun: { readonly packageName: string; readonly path: string };
  readonly runtime: { readonly packageName: string; readonly parts: Parts } | undefined;
};

export type BuildOptions = {
  readonly root: string;
  readonly outDir: string;
  readonly commit: string;
  readonly compression: Compression;
  readonly lock: Lock;
  /** Is told each step before it begins: some take minutes. */
  readonly tell: (step: string) => void;
};

export async function buildTarget(target: Target, options: BuildOptions): Promise<ExecutableContents> {
  const { root, outDir, commit, lock, tell } = options;
  const bunPackage = bunPackageOf(target);
  tell("getting its Bun");
  const bunFolder = await bringPackage(root, lockedPackage(lock, bunPackage));
  const bunPath = bunProgramIn(join(bunFolder, "node_modules", bunPackage), target);
  const runtime = target.hasRuntime ? await runtimeFor(target, options) : undefined;
  tell("building the executable");
  await mkdir(outDir, { recursive: true });
  const path = join(outDir, target.executable);
  const built = await buildExecutable({
    entry: join(root, "src/main.ts"),
    outfile: path,
    target: target.bunTarget,
    bunPath,
    plugin: runtimePlugin(runtimeOf(target), runtime?.parts),
    commit,
  });
  if (!built.ok) throw new Error(`${target.id} could not be built:\n${built.messages.join("\n")}`);
  await chmod(path, 0o755);
  return { target, path, bun: { packageName: bunPackage, path: bunPath }, runtime };
}

async function runtimeFor(target: Target, { root, lock, compression, tell }: BuildOptions) {
  const platform = runtimeOf(target);
  const packageName = runtimePackageOf(target);
  if (platform === undefined || packageName === undefined) throw new Error(`there is no runtime for ${target.id}`);
  tell("getting its microVM runtime");
  const installedIn = await bringPackage(root, lockedPackage(lock, packageName));
  tell(`compressing its microVM runtime (compression ${compression})`);
  const parts = await compressParts({ root, platform, installedIn, compression });
  if (parts === undefined) throw new Error(`${installedIn} does not have ${packageName}`);
  return { packageName, parts };
}
