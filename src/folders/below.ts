// Files of this machine below a folder that the operator has allowed. No link is followed on the way, not even one that is put there meanwhile: the
// folder may be one that sandboxes write to.

import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { platform } from "node:os";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { Failure } from "../failure.ts";

/** Where a file is or is to be: its folder, held open, and its name there. */
export type Spot = AsyncDisposable & {
  readonly name: string;
  /** A path to this name in the folder that is held, whatever becomes of the folder's own name. */
  at(name: string): string;
};

/**
 * `dirs` are real paths, without links. A relative path is one from the first of them on.
 *
 * Throws Failure `file_refused` or `file_not_found`.
 */
export async function spotBelow(dirs: readonly string[], hostPath: string): Promise<Spot> {
  const [first = ""] = dirs;
  const path = resolve(first, hostPath);
  const dir = dirs.find((candidate) => isBelow(candidate, path));
  if (dir === undefined || hostPath.includes("\0")) throw outside(hostPath, dirs);
  const parts = relative(dir, path).split(sep);
  const name = parts.pop() ?? "";
  return await held(dir, parts, name, hostPath);
}

/** Throws what `open` throws; a name that is a link is refused by O_NOFOLLOW. */
export function openAt(spot: Spot, name: string, flags: number): Promise<FileHandle> {
  return open(spot.at(name), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o644);
}

async function held(dir: string, parts: readonly string[], name: string, hostPath: string): Promise<Spot> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  let folder = await open(dir, flags).catch((error: unknown) => {
    throw unreachable(error, hostPath);
  });
  let path = dir;
  for (const part of parts) {
    const above = folder;
    path = join(path, part);
    try {
      folder = await open(platform() === "linux" ? `/proc/self/fd/${above.fd}/${part}` : path, flags);
    } catch (error) {
      throw unreachable(error, hostPath);
    } finally {
      await above.close();
    }
  }
  const isHeldByPath = platform() !== "linux";
  if (isHeldByPath && (await realpath(path)) !== path) {
    await folder.close();
    throw unreachable(undefined, hostPath);
  }
  const { fd } = folder;
  return {
    name,
    // Only Linux names a folder by its descriptor. Elsewhere sandboxes share no folders with this machine's own kernel.
    at: (child) => (isHeldByPath ? join(path, child) : `/proc/self/fd/${fd}/${child}`),
    [Symbol.asyncDispose]: () => folder.close(),
  };
}

function isBelow(dir: string, path: string): boolean {
  const way = relative(dir, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function outside(hostPath: string, dirs: readonly string[]): Failure {
  const what = `host_path ${JSON.stringify(hostPath)} is not in a folder that this server may use: ${dirs.join(", ")}.`;
  return new Failure("file_refused", what, {
    context: { reason: "not_permitted" },
    advice: ["Choose a path in one of them, or ask the operator for another --transfer-dir."],
  });
}

/** What the system says of a path on this machine, for whoever named it. */
export function unreachable(error: unknown, hostPath: string): Failure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "ELOOP";
  const shown = JSON.stringify(hostPath);
  if (code === "ENOENT")
    return new Failure("file_not_found", `host_path ${shown} is not there.`, { advice: [], cause: error });
  const isLink = code === "ELOOP" || code === "ENOTDIR";
  const why = isLink
    ? "goes through a link or a file; only folders and files themselves are used"
    : `cannot be used (${code})`;
  return new Failure("file_refused", `host_path ${shown} ${why}.`, {
    context: { reason: isLink ? "too_many_links" : "other" },
    advice: ["Choose another path."],
    cause: error,
  });
}
