// An archive into a folder of a sandbox. Everything is unpacked beside it first, under a hidden name, and moved into place only when all of it has
// been looked at: an archive that is refused leaves nothing.

import { Failure } from "../failure.ts";
import { statIfThere } from "../sandbox/file-verdicts.ts";
import type { FileInfo, Files, GuestPath } from "../sandbox/files.ts";
import { type Entry, tarEntries, zipEntries } from "./entries.ts";
import type { ArchiveFormat } from "./format.ts";
import { LeftOut } from "./left-out.ts";
import { maxEntries, maxRatio, ratioFromBytes } from "./limits.ts";
import { Links } from "./links.ts";
import { ArchiveRefused, partsOf } from "./names.ts";
import { moveInto } from "./place.ts";

export type UnpackRequest = {
  readonly files: Files;
  /** Made if it is not there; what it has stays, but for files of the same names. */
  readonly folder: GuestPath;
  readonly format: ArchiveFormat;
  readonly packed: AsyncIterable<Uint8Array>;
  /** Of all that comes out, together. */
  readonly maxBytes: number;
  /** Told of each piece that has been unpacked. */
  readonly onUnpacked: (bytes: number) => void;
  readonly signal: AbortSignal;
};

export type Unpacked = {
  readonly files: number;
  readonly folders: number;
  readonly links: number;
  readonly bytes: number;
  /** Links that could not be made: their names, as many as are told, and how many there are. */
  readonly leftOut: LeftOut;
};

/** Throws ArchiveRefused, and then nothing has been written; what `files` throws; the signal's reason. */
export async function unpack(request: UnpackRequest): Promise<Unpacked> {
  const { files, folder, format, signal } = request;
  const there = await folderAt(files, folder, signal);
  const hidden = hiddenBeside(there?.path ?? folder, there !== undefined);
  try {
    await files.makeFolder(hidden, signal);
    const unpacked = format === "zip" ? await unpackZip(request, hidden) : await unpackTar(request, hidden);
    await moveInto(files, { from: hidden, to: there?.path ?? folder, isThere: there !== undefined }, signal);
    return unpacked;
  } finally {
    // The request may be over; what is hidden is not to stay.
    const last = AbortSignal.timeout(removalMs);
    await files.remove(hidden, { withContent: true }, last).catch(() => undefined);
  }
}

/** How long the removal of what was unpacked in vain may take. Milliseconds. */
const removalMs = 30_000;

async function unpackTar(request: UnpackRequest, hidden: GuestPath): Promise<Unpacked> {
  let packedBytes = 0;
  const counted = async function* () {
    for await (const piece of request.packed) {
      packedBytes += piece.length;
      yield piece;
    }
  };
  return await write(request, hidden, tarEntries(counted()), () => packedBytes);
}

async function unpackZip(request: UnpackRequest, hidden: GuestPath): Promise<Unpacked> {
  const { files, packed, signal } = request;
  const path = `${hidden}.zip`;
  try {
    await files.write(path, packed, { mode: "new", makeFolders: false, permissions: 0o600 }, signal);
    await using archive = await files.open(path, signal);
    return await write(request, hidden, zipEntries(archive), () => archive.info.sizeBytes);
  } finally {
    await files.remove(path, { withContent: false }, AbortSignal.timeout(removalMs)).catch(() => undefined);
  }
}

async function write(
  { files, maxBytes, onUnpacked, signal }: UnpackRequest,
  hidden: GuestPath,
  entries: AsyncIterable<Entry>,
  packedBytes: () => number,
): Promise<Unpacked> {
  const leftOut = new LeftOut();
  const links = new Links();
  const count = { file: 0, folder: 0, entries: 0 };
  let bytes = 0;
  const measured = async function* (content: AsyncIterable<Uint8Array>) {
    for await (const piece of content) {
      bytes += piece.length;
      onUnpacked(piece.length);
      if (bytes > maxBytes)
        throw new ArchiveRefused(`It unpacks to more than ${maxBytes} bytes, the most that is taken here.`);
      if (bytes > ratioFromBytes && bytes > packedBytes() * maxRatio) {
        throw new ArchiveRefused(`It unpacks to more than ${maxRatio} times its size, which no real data does.`);
      }
      yield piece;
    }
  };
  for await (const entry of entries) {
    signal.throwIfAborted();
    const parts = partsOf(entry.name);
    if (++count.entries > maxEntries) throw new ArchiveRefused(`It has more than ${maxEntries} entries.`);
    onUnpacked(0);
    // The folder itself.
    if (parts.length === 0) continue;
    const path = [hidden, ...parts].join("/");
    switch (entry.kind) {
      case "folder":
        await files.makeFolder(path, signal);
        count.folder++;
        break;
      case "file": {
        // Not those bits that would let others of the guest run it as its owner.
        const mode = entry.permissions === undefined ? {} : { permissions: entry.permissions & 0o777 };
        await files.write(path, measured(entry.content), { mode: "replace", makeFolders: true, ...mode }, signal);
        count.file++;
        break;
      }
      case "link":
      case "hard_link":
        links.add(parts, entry.target, entry.kind === "hard_link");
    }
  }
  const made = await links.make({ files, folder: hidden, measured, leftOut, signal });
  return { files: count.file, folders: count.folder, links: made, bytes, leftOut };
}

/** Undefined if nothing is there. */
async function folderAt(files: Files, path: GuestPath, signal: AbortSignal): Promise<FileInfo | undefined> {
  const info = await statIfThere(files, path, signal);
  if (info === undefined || info.kind === "folder") return info;
  const what = `${path} is not a folder, so no archive can be unpacked there.`;
  throw new Failure("file_refused", what, { context: { reason: "not_folder" } });
}

/** On the same file system as where it is to go. */
function hiddenBeside(folder: GuestPath, isThere: boolean): GuestPath {
  const name = `.msb-mcp-unpacking-${crypto.randomUUID().slice(0, 8)}`;
  if (isThere) return `${folder === "/" ? "" : folder}/${name}`;
  const slash = folder.replace(/\/+$/, "").lastIndexOf("/");
  return slash < 0 ? name : `${folder.slice(0, slash)}/${name}`;
}
