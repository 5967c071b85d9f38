// A client's file on the disk: read whole, replaced whole. A link is followed to its target, as those who keep their settings elsewhere
// have them; mode and owner stay; what was there before is kept beside it. Nothing is written over a change that another made meanwhile.

import { randomBytes } from "node:crypto";
import { chown, lstat, mkdir, open, readFile, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
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

const backupSuffix = ".msb-mcp-backup";

export function backupPath(path: string): string {
  return `${path}${backupSuffix}`;
}

/** Rejects with the system's error where there is a file that cannot be read. */
export async function snapshot(path: string): Promise<Snapshot> {
  const target = await targetOf(path);
  try {
    const { size, mode } = await stat(target);
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
 * `isBackedUp` keeps the bytes of the snapshot beside it first.
 */
export async function replace(
  before: Snapshot,
  text: string | undefined,
  { isPrivate, isBackedUp }: { readonly isPrivate: boolean; readonly isBackedUp: boolean },
): Promise<boolean> {
  await mkdir(dirname(before.target), { recursive: true });
  const { bytes } = before;
  if (isBackedUp && bytes !== undefined) await writeWhole(backupPath(before.path), bytes, before, async () => true);
  if (text === undefined) {
    if (!(await isUnchanged(before))) return false;
    await rm(before.target);
    return true;
  }
  const mode = before.mode ?? (isPrivate ? 0o600 : 0o644);
  return await writeWhole(before.target, text, { ...before, mode }, () => isUnchanged(before));
}

/** The bytes from before the last change, if they were kept. */
export async function backupOf(path: string): Promise<string | undefined> {
  try {
    const kept = await snapshot(backupPath(path));
    return kept.bytes === undefined ? undefined : textOf(kept);
  } catch {
    return undefined;
  }
}

export async function removeBackup(path: string): Promise<void> {
  await rm(backupPath(path), { force: true });
}

async function writeWhole(
  target: string,
  content: string | Buffer,
  { target: like, mode }: Pick<Snapshot, "target" | "mode">,
  isAllowed: () => Promise<boolean>,
): Promise<boolean> {
  const draft = `${target}.${randomBytes(8).toString("hex")}.tmp`;
  try {
    {
      await using file = await open(draft, "wx", mode ?? 0o600);
      await file.writeFile(content);
      if (mode !== undefined && mode !== 0o644) await file.chmod(mode);
      await file.sync();
    }
    await keepOwner(draft, like);
    if (!(await isAllowed())) return false;
    await rename(draft, target);
    return true;
  } finally {
    await rm(draft, { force: true });
  }
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
