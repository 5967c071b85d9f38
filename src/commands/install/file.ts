// A client's file on the disk: read whole, replaced whole. A link is followed to its target, as those who keep their settings elsewhere
// have them; mode and owner stay; what was there before is kept beside it. Nothing is written over a change that another made meanwhile.

import type { Stats } from "node:fs";
import {
  access,
  chown,
  constants,
  lstat,
  mkdir,
  open,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { UnusableText } from "./text.ts";

export type Snapshot = {
  readonly path: string;
  /** Where the file itself is, links followed. */
  readonly target: string;
  /** Undefined where there is no file. */
  readonly bytes: Buffer | undefined;
  readonly mode: number | undefined;
};

/** Far beyond any settings; more is some other file. Bytes. */
const sizeLimit = 64 * 1024 * 1024;

/** What is written goes here first: one name for each file, so that a run that was ended leaves nothing that the next does not find. */
const draftSuffix = ".msb-mcp.tmp";

/** Another run has its draft for a moment only. */
const draftPatienceMs = 2000;
const draftPauseMs = 50;

/**
 * Where the bytes of a snapshot are kept. `isPrivate`: for the owner's eyes only, whatever the file's own mode. `isOfAnother`: whether another run
 * of ours has changed the file to this meanwhile, and counts on the backup as its own.
 */
export type Backup = {
  readonly path: string;
  readonly isNew: boolean;
  readonly isPrivate: boolean;
  readonly isOfAnother?: (now: Snapshot) => boolean;
};

/** Rejects with the system's error where there is a file that cannot be read. */
export async function snapshot(path: string): Promise<Snapshot> {
  const target = await targetOf(path);
  try {
    const it = await stat(target);
    const { size, mode } = it;
    if (!it.isFile()) throw new UnusableText(`it is ${kindOf(it)}, not a regular file`);
    if (size > sizeLimit) throw new UnusableText(`the file has ${size} bytes; at most ${sizeLimit} are read`);
    return { path, target, bytes: await readFile(target), mode: mode & 0o777 };
  } catch (error) {
    if (isCode(error, "ENOENT")) return { path, target, bytes: undefined, mode: undefined };
    throw error;
  }
}

/** Throws UnusableText for bytes that are no UTF-8: written back, they would not be the same. */
export function textOf({ bytes }: Snapshot): string {
  try {
    // The byte order mark stays.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes ?? Buffer.alloc(0));
  } catch (error) {
    throw new UnusableText("the file is not UTF-8", { cause: error });
  }
}

/**
 * Writes the text, or removes the file where it is undefined. False, and nothing is done, if the file is no longer as in the snapshot.
 * The bytes of the snapshot are kept in the backup first.
 */
export async function replace(
  before: Snapshot,
  text: string | undefined,
  { isPrivate, backup }: { readonly isPrivate: boolean; readonly backup: Backup | undefined },
): Promise<boolean> {
  await mkdir(dirname(before.target), { recursive: true });
  const { bytes } = before;
  const isKept = backup !== undefined && bytes !== undefined;
  if (isKept) {
    const mode = backup.isPrivate ? 0o600 : before.mode;
    const isWritten = await writeWhole(backup.path, bytes, { ...before, mode }, () => isUnchanged(before));
    if (!isWritten) return false;
  }
  const isDone = await put(before, text, isPrivate);
  if (!isDone && isKept && backup.isNew) {
    const isOfAnother = backup.isOfAnother?.(await snapshot(before.path)) ?? false;
    if (!isOfAnother) await rm(backup.path, { force: true });
  }
  return isDone;
}

async function put(before: Snapshot, text: string | undefined, isPrivate: boolean): Promise<boolean> {
  if (text === undefined) {
    if (!(await isUnchanged(before))) return false;
    await rm(before.target);
    return true;
  }
  return await writeWhole(before.target, text, before, () => isUnchanged(before), isPrivate ? 0o600 : 0o644);
}

/** Throws where the file is there, and is not to be written. A new file in its place would not ask. */
export async function refuseReadOnly({ target, mode }: Snapshot): Promise<void> {
  if (mode === undefined) return;
  const isWritable = await access(target, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (isWritable && (mode & 0o200) !== 0) return;
  throw new UnusableText(
    `it is read-only (mode ${mode.toString(8).padStart(4, "0")}); if it may be changed, make it writable first: chmod u+w '${target}'`,
  );
}

/** Takes away what a run that was ended has left of writing these. */
export async function clearDrafts(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map(async (path) => await clearDraft((await targetOf(path)) + draftSuffix)));
}

async function clearDraft(draft: string): Promise<void> {
  const inode = await inodeOf(draft);
  if (inode === undefined) return;
  for (let waitedMs = 0; waitedMs < draftPatienceMs; waitedMs += draftPauseMs) {
    await setTimeout(draftPauseMs);
    if ((await inodeOf(draft)) !== inode) return;
  }
  await rm(draft, { force: true });
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).ino;
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/** False, and nothing is done, if it is not allowed in the end, or another run is at the same. `newMode` goes through the umask. */
async function writeWhole(
  target: string,
  content: string | Buffer,
  { target: like, mode }: Pick<Snapshot, "target" | "mode">,
  isAllowed: () => Promise<boolean>,
  newMode = 0o600,
): Promise<boolean> {
  const draft = target + draftSuffix;
  await clearDraft(draft);
  const inode = await writeDraft(draft, content, mode, newMode);
  if (inode === undefined) return false;
  try {
    await keepOwner(draft, like);
    if (!(await isAllowed()) || (await inodeOf(draft)) !== inode) return false;
    await rename(draft, target);
    return true;
  } finally {
    if ((await inodeOf(draft)) === inode) await rm(draft, { force: true });
  }
}

/** Its inode; undefined where there is one of another run. */
async function writeDraft(
  draft: string,
  content: string | Buffer,
  mode: number | undefined,
  newMode: number,
): Promise<number | undefined> {
  let inode: number | undefined;
  try {
    await using file = await open(draft, "wx", mode === undefined ? newMode : 0o600);
    inode = (await file.stat()).ino;
    await file.writeFile(content);
    if (mode !== undefined) await file.chmod(mode);
    await file.sync();
    return inode;
  } catch (error) {
    if (inode === undefined && isCode(error, "EEXIST")) return undefined;
    if (inode !== undefined) await rm(draft, { force: true });
    throw error;
  }
}

function kindOf(it: Stats): string {
  if (it.isDirectory()) return "a folder";
  if (it.isFIFO()) return "a FIFO";
  if (it.isSocket()) return "a socket";
  return "a device";
}

/** Root who changes another's file leaves it theirs. */
async function keepOwner(draft: string, like: string): Promise<void> {
  try {
    const [own, wanted] = await Promise.all([stat(draft), stat(like)]);
    if (own.uid !== wanted.uid || own.gid !== wanted.gid) await chown(draft, wanted.uid, wanted.gid);
  } catch {
    // There is none yet, or only root may give a file away: it is then the caller's own.
  }
}

async function isUnchanged(before: Snapshot): Promise<boolean> {
  const now = await snapshot(before.path);
  if (now.bytes === undefined || before.bytes === undefined) return now.bytes === before.bytes;
  return now.bytes.equals(before.bytes);
}

async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
  // A link whose target is still to be made.
  const isLink = await lstat(path)
    .then((it) => it.isSymbolicLink())
    .catch(() => false);
  return isLink ? resolve(dirname(path), await readlink(path)) : path;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
