// Folders and files that nobody else can have put there or can change: what is loaded into this process and run as a program
// must be its own user's.

import { constants } from "node:fs";
import { lstat, mkdir, open, realpath } from "node:fs/promises";
import { userInfo } from "node:os";
import { basename, dirname, join } from "node:path";

/** Not the place for what is private; the message completes "the folder …". */
export class NotPrivate extends Error {
  override readonly name = "NotPrivate";
}

/** -1 where there are no user ids (Windows, whose profile folders are private to their user by themselves). */
const self = userInfo().uid;
const hasOwners = self >= 0;

/**
 * Makes the folder (0700) if need be, and gives its real path. Throws NotPrivate if it is a link, another user's, writable by others or in a folder in
 * which anybody may put another one in its place.
 */
export async function openPrivateFolder(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const parent = await realpath(dirname(path));
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== "EEXIST") throw error;
  });
  const problem = (await parentProblem(parent)) ?? (await folderProblem(path));
  if (problem !== undefined) throw new NotPrivate(problem);
  return join(parent, basename(path));
}

/** What is wrong with a folder that should be this user's own; undefined if nothing is. */
export async function folderProblem(path: string): Promise<string | undefined> {
  const stats = await lstat(path);
  if (stats.isSymbolicLink()) return "is a symbolic link";
  if (!stats.isDirectory()) return "is not a folder";
  if (!hasOwners) return undefined;
  if (stats.uid !== self) return `belongs to the user with id ${stats.uid}, and not to ${self}`;
  return (stats.mode & 0o022) === 0 ? undefined : "may be written to by others than its owner";
}

/** In a folder that anybody may write to without the sticky bit (/tmp has it), others can move ours away. */
async function parentProblem(parent: string): Promise<string | undefined> {
  if (!hasOwners) return undefined;
  for (let path = parent; ; path = dirname(path)) {
    const { mode } = await lstat(path);
    if ((mode & 0o002) !== 0 && (mode & 0o1000) === 0) return `is in ${path}, which everybody may write to`;
    if (path === dirname(path)) return undefined;
  }
}

/** A new file that did not exist, its content on the disk when this resolves. */
export async function writePrivateFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  await using file = await open(path, O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0), mode);
  await file.writeFile(bytes);
  // Whatever the umask is.
  await file.chmod(mode);
  // A crash of the machine may keep a file's name and length, and lose its content.
  await file.sync();
}

/** What may tell, without reading it, that a file is still what was written. Nanoseconds and bytes as decimal texts. */
export type Imprint = { readonly sizeBytes: string; readonly changedNs: string; readonly inode: string };

/** Undefined if there is no such file, or it is a link, not a plain file, another user's, or writable by others. */
export async function imprintOf(path: string): Promise<Imprint | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    const isOurs = !hasOwners || (stats.uid === BigInt(self) && (stats.mode & 0o022n) === 0n);
    if (!stats.isFile() || !isOurs) return undefined;
    return { sizeBytes: String(stats.size), changedNs: String(stats.ctimeNs), inode: String(stats.ino) };
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
