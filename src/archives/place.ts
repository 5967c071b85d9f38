// What has been unpacked moves to where it belongs: a new folder at once; into one that is there, as much at once as does not meet anything.

import { Failure } from "../failure.ts";
import { isRefusedAs } from "../sandbox/file-verdicts.ts";
import type { FileInfo, Files, GuestPath } from "../sandbox/files.ts";

export type Place = {
  readonly from: GuestPath;
  readonly to: GuestPath;
  /** `to` is there. */
  readonly isThere: boolean;
};

/** Throws Failure `file_refused` where a folder would take a file's place, or the other way round: what came before it is in place then. */
export async function moveInto(files: Files, { from, to, isThere }: Place, signal: AbortSignal): Promise<void> {
  if (isThere) {
    const moved = { entries: 0 };
    await merge(files, from, to, moved, signal);
  } else await files.move(from, to, { replace: false }, signal);
}

async function merge(
  files: Files,
  from: GuestPath,
  to: GuestPath,
  moved: { entries: number },
  signal: AbortSignal,
): Promise<void> {
  const entries: FileInfo[] = []; // at most limits.maxEntries
  for await (const info of files.walk(from, { depth: 1 }, signal)) entries.push(info);
  for (const info of entries) {
    const target = `${to === "/" ? "" : to}${info.path.slice(info.path.lastIndexOf("/"))}`;
    try {
      if (await moves(files, info, target, signal)) moved.entries++;
      else await merge(files, info.path, target, moved, signal);
    } catch (error) {
      throw partly(error, target, moved.entries);
    }
  }
}

/** False where both are folders. */
async function moves(files: Files, info: FileInfo, target: GuestPath, signal: AbortSignal): Promise<boolean> {
  try {
    await files.move(info.path, target, { replace: false }, signal);
    return true;
  } catch (error) {
    if (!isRefusedAs(error, "exists", "not_empty", "is_folder", "not_folder")) throw error;
  }
  const { kind } = await files.stat(target, signal);
  if (kind === "folder" && info.kind === "folder") return false;
  if (kind === "folder" || info.kind === "folder") throw new Clash(kind === "folder");
  await files.move(info.path, target, { replace: true }, signal);
  return true;
}

class Clash extends Error {
  override readonly name = "Clash";
  readonly isFolderThere: boolean;

  constructor(isFolderThere: boolean) {
    super("a file and a folder have the same name");
    this.isFolderThere = isFolderThere;
  }
}

function partly(error: unknown, target: GuestPath, movedEntries: number): unknown {
  const told =
    movedEntries === 0 ? "Nothing has been changed." : `${movedEntries} files and folders before it are in place.`;
  if (error instanceof Clash) {
    const { isFolderThere } = error;
    const what = isFolderThere
      ? "is a folder here and a file in the archive"
      : "is a file here and a folder in the archive";
    const reason = isFolderThere ? "is_folder" : "not_folder";
    return new Failure("file_refused", `${target} ${what}. ${told}`, { context: { reason, moved: movedEntries } });
  }
  if (!(error instanceof Failure) || error.kind !== "file_refused" || "moved" in error.context) return error;
  const context = { ...error.context, moved: movedEntries };
  return new Failure("file_refused", `${error.what} ${told}`, { context, advice: error.advice, cause: error });
}
