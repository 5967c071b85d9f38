// The parts of the microsandbox runtime, compressed for the executable: as one file, because two of them share much of their code, which is
// compressed away only within one. What has been compressed once is kept, by its content, in node_modules/.cache.

import { createHash } from "node:crypto";
import { mkdir, rename } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import type { EmbeddedPart } from "../../src/sandbox/microvm/runtime/carried.ts";
import { packageOf, partNames, partsIn, type RuntimePlatform } from "../../src/sandbox/microvm/runtime/platform.ts";

/** Of 90 MB. "quick": 28.2 MB in 1.3 s. "best", for releases: 21.3 MB in two minutes. */
const levels = { quick: 3, best: 22 } as const;

export type Compression = keyof typeof levels;

export const compressions: readonly Compression[] = ["quick", "best"];

/** 128 MB: more than all parts have, so that each is compared with all before it. */
const windowLog = 27;

export type Parts = {
  readonly version: string;
  /** All parts, one after the other, compressed. */
  readonly file: string;
  readonly parts: readonly EmbeddedPart[];
};

export type PartsOptions = {
  /** This project's folder. */
  readonly root: string;
  readonly platform: RuntimePlatform;
  /** The folder in whose node_modules the platform's package is. */
  readonly installedIn: string;
  readonly compression: Compression;
};

/** Undefined if the platform's package is not installed. */
export async function compressParts(options: PartsOptions): Promise<Parts | undefined> {
  const { root, platform, installedIn, compression } = options;
  const folder = join(installedIn, "node_modules", packageOf(platform));
  const manifest = Bun.file(join(folder, "package.json"));
  if (!(await manifest.exists())) return undefined;
  const { version } = await manifest.json();
  const found = partsIn(folder);
  const parts: EmbeddedPart[] = [];
  const contents: Uint8Array[] = [];
  let offsetBytes = 0;
  for (const name of partNames) {
    const path = found[name];
    if (path === undefined) throw new Error(`${folder} has no ${name}`);
    const bytes = await Bun.file(path).bytes();
    const place = relative(folder, path).replaceAll("\\", "/");
    parts.push({ name, place, offsetBytes, sizeBytes: bytes.byteLength, sha256: sha256(bytes) });
    contents.push(bytes);
    offsetBytes += bytes.byteLength;
  }
  const cacheDir = join(root, "node_modules/.cache/msb-mcp-runtime");
  const file = await compress(Buffer.concat(contents), levels[compression], cacheDir);
  return { version: String(version), file, parts };
}

async function compress(bytes: Uint8Array, level: number, cacheDir: string): Promise<string> {
  const file = join(cacheDir, `${sha256(bytes).slice(0, 16)}-${level}.zst`);
  if (await Bun.file(file).exists()) return file;
  await mkdir(cacheDir, { recursive: true });
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: windowLog,
    [constants.ZSTD_c_enableLongDistanceMatching]: 1,
  };
  const fresh = `${file}.${process.pid}`;
  await Bun.write(fresh, await promisify(zstdCompress)(bytes, { params }));
  await rename(fresh, file);
  return file;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
