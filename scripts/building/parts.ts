// The parts of the microsandbox runtime, compressed for the executable. Compressing takes 3 s, so what has been compressed once is kept,
// by its content, in node_modules/.cache.

import { createHash } from "node:crypto";
import { mkdir, rename } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import type { EmbeddedPart } from "../../src/sandbox/microvm/carried.ts";
import {
  type PartName,
  packageOf,
  partNames,
  partsIn,
  type RuntimePlatform,
} from "../../src/sandbox/microvm/platform.ts";

/** 30.7 MB of 90 in 2.7 s; level 3 gives 34.4 in 0.6 s, level 19 gives 27.0 in 47 s. */
const compressionLevel = 10;

export type Parts = {
  readonly version: string;
  readonly parts: readonly EmbeddedPart[];
};

export type PartsOptions = {
  /** This project's folder. */
  readonly root: string;
  readonly platform: RuntimePlatform;
  /** The folder in whose node_modules the platform's package is. */
  readonly installedIn: string;
};

/** Undefined if the platform's package is not installed. */
export async function compressParts({ root, platform, installedIn }: PartsOptions): Promise<Parts | undefined> {
  const folder = join(installedIn, "node_modules", packageOf(platform));
  const manifest = Bun.file(join(folder, "package.json"));
  if (!(await manifest.exists())) return undefined;
  const { version } = await manifest.json();
  const found = partsIn(folder);
  const parts: EmbeddedPart[] = [];
  for (const name of partNames) {
    const path = found[name];
    if (path === undefined) throw new Error(`${folder} has no ${name}`);
    parts.push(await compress(name, path, relative(folder, path), join(root, "node_modules/.cache/msb-mcp-runtime")));
  }
  return { version: String(version), parts };
}

async function compress(name: PartName, path: string, place: string, cacheDir: string): Promise<EmbeddedPart> {
  const bytes = await Bun.file(path).bytes();
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const file = join(cacheDir, `${basename(path)}-${sha256.slice(0, 16)}-${compressionLevel}.zst`);
  if (!(await Bun.file(file).exists())) {
    await mkdir(cacheDir, { recursive: true });
    const fresh = `${file}.${process.pid}`;
    await Bun.write(fresh, await Bun.zstdCompress(bytes, { level: compressionLevel }));
    await rename(fresh, file);
  }
  return { name, place: place.replaceAll("\\", "/"), file, sizeBytes: bytes.byteLength, sha256 };
}
