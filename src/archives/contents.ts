// What of a folder goes into an archive, entry after entry, each file opened when its turn comes.

import { Failure } from "../failure.ts";
import { type FileInfo, type Files, isUnfinished, maxReadBytes, type OpenedFile } from "../sandbox/files.ts";
import { readBetween } from "../sandbox/read-between.ts";
import type { LeftOut } from "./left-out.ts";
import { maxDepth, maxEntries } from "./limits.ts";

export type Content =
  | { readonly kind: "folder"; readonly name: string; readonly info: FileInfo }
  | { readonly kind: "link"; readonly name: string; readonly info: FileInfo; readonly target: string }
  /** As many bytes as `info` says, to be had until the next one is asked for. */
  | { readonly kind: "file"; readonly name: string; readonly info: FileInfo; readonly pieces: Pieces };

type Pieces = AsyncIterable<Uint8Array>;

/** Where the system tells of itself in files, in a root folder. */
const systemFolders = ["dev", "proc", "sys"];

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
    const [top = ""] = name.split("/");
    if (root === "" && systemFolders.includes(top)) {
      if (name === top) leftOut.add(name, "it is the system's");
      continue;
    }
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
    leftOut.add(name, whyNot(error));
    return;
  }
  try {
    const content = await readable(file, name, leftOut);
    if (content !== null) yield { kind: "file", name, ...content };
  } finally {
    await file[Symbol.asyncDispose]();
  }
}

/** Null, and told, where not even its beginning can be read. */
async function readable(
  file: OpenedFile,
  name: string,
  leftOut: LeftOut,
): Promise<{ readonly info: FileInfo; readonly pieces: Pieces } | null> {
  const { sizeBytes } = file.info;
  let first: Uint8Array;
  try {
    first = await file.read(0, Math.min(Math.max(sizeBytes, 1), maxReadBytes));
  } catch (error) {
    leftOut.add(name, whyNot(error));
    return null;
  }
  if (sizeBytes === 0 && first.length > 0) {
    leftOut.add(name, "it does not tell its size");
    return null;
  }
  // One of the system's may have less than it says.
  const isAll = sizeBytes <= maxReadBytes;
  const info = isAll ? { ...file.info, sizeBytes: first.length } : file.info;
  return { info, pieces: isAll ? only(first) : withRest(file, name, first, leftOut) };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** As many bytes as it had when it was opened: an archive cannot take back what it has said. */
async function* withRest(
  file: OpenedFile,
  name: string,
  first: Uint8Array,
  leftOut: LeftOut,
): AsyncGenerator<Uint8Array> {
  const { sizeBytes } = file.info;
  yield first;
  let at = first.length;
  try {
    for await (const piece of readBetween(file, at, sizeBytes)) {
      yield piece;
      at += piece.length;
    }
  } catch (error) {
    leftOut.add(name, `its bytes from ${at} on, which are zeros here: ${whyNot(error)}`);
    for (; at < sizeBytes; at += maxReadBytes) yield new Uint8Array(Math.min(maxReadBytes, sizeBytes - at));
  }
}

/** Throws what does not come of the file itself. */
function whyNot(error: unknown): string {
  if (!(error instanceof Failure)) throw error;
  if (error.kind === "file_not_found") return "gone meanwhile";
  if (error.kind !== "file_refused") throw error;
  const { reason } = error.context;
  return reason === "other" ? error.what : String(reason);
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
