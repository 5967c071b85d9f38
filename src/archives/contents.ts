// What of a folder goes into an archive, entry after entry, each file opened when its turn comes.

import { Failure } from "../failure.ts";
import { type FileInfo, type Files, isUnfinished, type OpenedFile } from "../sandbox/files.ts";
import { readBetween } from "../sandbox/read-between.ts";
import type { LeftOut } from "./left-out.ts";
import { maxDepth, maxEntries } from "./limits.ts";

export type Content =
  | { readonly kind: "folder"; readonly name: string; readonly info: FileInfo }
  | { readonly kind: "link"; readonly name: string; readonly info: FileInfo; readonly target: string }
  /** Open until the next one is asked for. */
  | { readonly kind: "file"; readonly name: string; readonly info: FileInfo; readonly file: OpenedFile };

/** The folder's own path is no part of the names. What cannot be had is left out. */
export async function* contentsOf(
  files: Files,
  folder: FileInfo,
  leftOut: LeftOut,
  signal: AbortSignal,
): AsyncGenerator<Content> {
  const root = folder.path === "/" ? "" : folder.path;
  let entries = 0;
  for await (const info of files.walk(folder.path, { depth: maxDepth }, signal)) {
    const name = printable(info.path.slice(root.length + 1));
    if (++entries > maxEntries) {
      leftOut.add(name, `and all after it: an archive has at most ${maxEntries} entries`);
      return;
    }
    if (isUnfinished(name)) continue;
    switch (info.kind) {
      case "folder":
        if (name.split("/").length === maxDepth) leftOut.add(name, `what is in it: more than ${maxDepth} folders deep`);
        yield { kind: "folder", name, info };
        break;
      case "link":
        yield { kind: "link", name, info, target: printable(info.target ?? "") };
        break;
      case "file":
        yield* opened(files, info, name, leftOut, signal);
        break;
      case "other":
        leftOut.add(name, "neither a file nor a folder nor a link");
    }
  }
}

async function* opened(
  files: Files,
  info: FileInfo,
  name: string,
  leftOut: LeftOut,
  signal: AbortSignal,
): AsyncGenerator<Content> {
  let file: OpenedFile;
  try {
    file = await files.open(info.path, signal);
  } catch (error) {
    if (!(error instanceof Failure) || !["file_not_found", "file_refused"].includes(error.kind)) throw error;
    leftOut.add(name, error.kind === "file_not_found" ? "gone meanwhile" : String(error.context.reason));
    return;
  }
  try {
    yield { kind: "file", name, info: file.info, file };
  } finally {
    await file[Symbol.asyncDispose]();
  }
}

/** As many bytes as it had when it was opened: an archive cannot take back what it has said. */
export function bytesOf(file: OpenedFile): AsyncGenerator<Uint8Array> {
  return readBetween(file, 0, file.info.sizeBytes);
}

/** Archives have names in UTF-8: a byte that is none is written out, as \xff. */
function printable(name: string): string {
  return name.replace(/[\uDC80-\uDCFF]/g, (byte, at: number) =>
    isLone(name, at) ? `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}` : byte,
  );
}

/** Not the second half of a character beyond U+FFFF. */
function isLone(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  return !(before >= 0xd800 && before <= 0xdbff);
}
