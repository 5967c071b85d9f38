// Unpacks the runtime that the executable carries into a private folder, once. Whatever state the folder is in, and however many
// processes do this at once, each gets parts whose content is the build's: a part is written beside its place, checked, and moved in, whole.

import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { EmbeddedPart, EmbeddedRuntime } from "./carried.ts";
import type { RuntimePaths } from "./platform.ts";
import {
  folderProblem,
  type Imprint,
  imprintOf,
  NotPrivate,
  openPrivateFolder,
  writePrivateFile,
} from "./private-folder.ts";

/** The executable's own copy of a part is not what was built. */
export class DamagedExecutable extends Error {
  override readonly name = "DamagedExecutable";
}

export type Unpacked = {
  /** The runtime's own folder, within the cache. */
  readonly folder: string;
  readonly paths: RuntimePaths;
  /** Parts that were missing or were not what they should be. */
  readonly written: number;
};

/** The name of a runtime's folder; what begins with its first word is a runtime's. */
function folderName({ version, hash }: EmbeddedRuntime): string {
  return `runtime-${version}-${hash}`;
}

/** The start of the name of a part that is being written. */
export const unfinished = ".unfinished-";

/**
 * Takes what is there if it is whole, and mends it if not. Throws NotPrivate, DamagedExecutable, and errors of the file system.
 */
export async function unpackRuntime(runtime: EmbeddedRuntime, cacheDir: string): Promise<Unpacked> {
  const folder = join(await openPrivateFolder(cacheDir), folderName(runtime));
  await makeOwn(folder);
  const recorded = await readImprints(folder);
  const imprints: Imprints = {};
  let written = 0;
  let content: Promise<Uint8Array | undefined> | undefined;
  for (const part of runtime.parts) {
    const path = join(folder, part.place);
    await makeOwn(dirname(path));
    let imprint = await wholeImprint(path, part, recorded[part.name]);
    if (imprint === undefined) {
      content ??= decompress(runtime.file);
      await writePart(path, part, await content);
      written++;
      imprint = await imprintOf(path);
    }
    if (imprint !== undefined) imprints[part.name] = imprint;
  }
  if (!Bun.deepEquals(imprints, recorded)) await writeImprints(folder, imprints);
  const now = new Date();
  // When it was last used, for those who look for old ones.
  await utimes(folder, now, now);
  const path = (name: EmbeddedPart["name"]) =>
    join(folder, runtime.parts.find((part) => part.name === name)?.place ?? "");
  return { folder, paths: { addon: path("addon"), msb: path("msb"), libkrunfw: path("libkrunfw") }, written };
}

/** In a folder that is this user's already, so that nobody else makes it first. */
async function makeOwn(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700, recursive: true });
  const problem = await folderProblem(folder);
  if (problem !== undefined) throw new NotPrivate(problem);
}

/**
 * The file's imprint if its content is the part's. Reading 90 MB at every start would be most of the start: a file that has not
 * been changed since it was last found whole is not read again. Only its owner could forge that, who could change the executable too.
 */
async function wholeImprint(
  path: string,
  part: EmbeddedPart,
  recorded: Imprint | undefined,
): Promise<Imprint | undefined> {
  const imprint = await imprintOf(path);
  if (imprint === undefined || imprint.sizeBytes !== String(part.sizeBytes)) return undefined;
  if (Bun.deepEquals(imprint, recorded)) return imprint;
  return sha256(await readFile(path)) === part.sha256 ? imprint : undefined;
}

/** Undefined if it cannot be. */
async function decompress(file: string): Promise<Uint8Array | undefined> {
  return Bun.zstdDecompress(await Bun.file(file).bytes()).catch(() => undefined);
}

async function writePart(path: string, part: EmbeddedPart, content: Uint8Array | undefined): Promise<void> {
  const bytes = content?.subarray(part.offsetBytes, part.offsetBytes + part.sizeBytes);
  if (bytes === undefined || sha256(bytes) !== part.sha256) throw new DamagedExecutable(part.name);
  const fresh = join(dirname(path), `${unfinished}${randomUUID()}`);
  try {
    await writePrivateFile(fresh, bytes, 0o700);
    await rename(fresh, path).catch(async (error: unknown) => {
      // Windows moves nothing onto a file in use: another process has put the same there meanwhile.
      if ((await wholeImprint(path, part, undefined)) === undefined) throw error;
    });
  } finally {
    await rm(fresh, { force: true });
  }
}

type Imprints = { [Name in EmbeddedPart["name"]]?: Imprint };

const imprintsFile = "imprints.json";

/** Nothing if it is not there or cannot be read: then every part is. */
async function readImprints(folder: string): Promise<Imprints> {
  try {
    const imprints: unknown = JSON.parse(await readFile(join(folder, imprintsFile), "utf8"));
    return typeof imprints === "object" && imprints !== null ? imprints : {};
  } catch {
    return {};
  }
}

async function writeImprints(folder: string, imprints: Imprints): Promise<void> {
  const fresh = join(folder, `${unfinished}${randomUUID()}`);
  await writeFile(fresh, JSON.stringify(imprints), { flag: "wx", mode: 0o600 });
  await rename(fresh, join(folder, imprintsFile));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
