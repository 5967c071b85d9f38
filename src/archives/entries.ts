// What comes out of an archive, entry after entry, in one form for tar and zip; nothing of it has been believed yet.

import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { createTarDecoder } from "modern-tar";
import { fromRandomAccessReaderPromise, RandomAccessReader } from "yauzl";
import type { OpenedFile } from "../sandbox/files.ts";
import { readBetween } from "../sandbox/read-between.ts";
import { ArchiveRefused, refused } from "./names.ts";

export type Entry =
  | { readonly kind: "folder"; readonly name: string }
  | { readonly kind: "link" | "hard_link"; readonly name: string; readonly target: string }
  | {
      readonly kind: "file";
      readonly name: string;
      readonly permissions: number | undefined;
      /** Read to its end, or not at all, before the next entry is asked for. */
      readonly content: AsyncIterable<Uint8Array>;
    };

/** Of an archive's own tables, what is read of a link's target. Bytes. */
const maxTargetBytes = 4096;

/** Throws ArchiveRefused for what is no archive, or one that is broken or ends too early; what `packed` throws. */
export async function* tarEntries(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Entry> {
  let problem: unknown;
  const source = fromPieces(packed, (error) => {
    problem = error;
  });
  const entries = source.pipeThrough(new DecompressionStream("gzip")).pipeThrough(createTarDecoder({ strict: true }));
  const told = (error: unknown) => problem ?? asRefused(error, "tar.gz");
  try {
    for await (const { header, body } of entries) {
      const { name, type = "file", linkname: target = "", mode } = header;
      if (header.pax !== undefined && Object.keys(header.pax).some((key) => key.startsWith("GNU.sparse."))) {
        throw refused(name, "is a sparse file, which is not unpacked here; pack it without --sparse");
      }
      switch (type) {
        case "directory":
          yield { kind: "folder", name };
          break;
        case "symlink":
          yield { kind: "link", name, target };
          break;
        case "link":
          yield { kind: "hard_link", name, target };
          break;
        case "file":
          yield { kind: "file", name, permissions: mode, content: withErrors(body, told) };
          break;
        default:
          throw refused(name, `is a ${type}, which is not unpacked here`);
      }
    }
  } catch (error) {
    throw told(error);
  }
}

/** What goes wrong while an entry's content is read is told to its reader, who is not in here. */
async function* withErrors(
  content: AsyncIterable<Uint8Array>,
  told: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    throw told(error);
  }
}

/** The pieces' own error comes back to whoever asks for more; the streams in between tell it in their own words. */
function fromPieces(pieces: AsyncIterable<Uint8Array>, onError: (error: unknown) => void) {
  const iterator = pieces[Symbol.asyncIterator]();
  let isCanceled = false;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const { done, value } = await iterator.next();
          // By whoever reads, and has an error of its own to tell.
          if (isCanceled) return;
          if (done === true) controller.close();
          else controller.enqueue(new Uint8Array(value));
        } catch (error) {
          onError(error);
          controller.error(error);
        }
      },
      cancel: () => {
        isCanceled = true;
        void iterator.return?.().catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Zip's table is at its end, so the archive has to be there as a file. Throws ArchiveRefused as `tarEntries`. */
export async function* zipEntries(archive: OpenedFile): AsyncGenerator<Entry> {
  const told = (error: unknown) => asRefused(error, "zip");
  try {
    const zip = await fromRandomAccessReaderPromise(new GuestFileReader(archive), archive.info.sizeBytes, {
      autoClose: false,
      lazyEntries: true,
    });
    for await (const entry of zip.eachEntry()) {
      const { fileName: name, versionMadeBy, externalFileAttributes } = entry;
      if (entry.isEncrypted()) throw refused(name, "is encrypted");
      if (!entry.canDecodeFileData())
        throw refused(name, `is packed in a way (${entry.compressionMethod}) that is not known here`);
      // 3: made on Unix, with its modes.
      const mode = versionMadeBy >>> 8 === 3 ? externalFileAttributes >>> 16 : 0;
      const kind = mode & 0o170000;
      const content = async function* () {
        yield* withErrors(withChecksum(name, await zip.openReadStreamPromise(entry), entry.crc32), told);
      };
      if (name.endsWith("/")) yield { kind: "folder", name };
      else if (kind === 0o120000) yield { kind: "link", name, target: await textOf(name, content()) };
      else if (kind !== 0 && kind !== 0o100000) throw refused(name, "is neither a file nor a folder nor a link");
      else yield { kind: "file", name, permissions: mode === 0 ? undefined : mode, content: content() };
    }
  } catch (error) {
    throw told(error);
  }
}

/** The library compares sizes only, and damaged content can have the right one. */
async function* withChecksum(name: string, content: AsyncIterable<Uint8Array>, expected: number) {
  let checksum = 0;
  for await (const piece of content) {
    checksum = crc32(piece, checksum);
    yield piece;
  }
  if (checksum !== expected) throw refused(name, "does not have the checksum that the archive tells");
}

class GuestFileReader extends RandomAccessReader {
  readonly #file: OpenedFile;

  constructor(file: OpenedFile) {
    super();
    this.#file = file;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(readBetween(this.#file, start, end), { objectMode: false });
  }
}

async function textOf(name: string, content: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []; // at most maxTargetBytes, and a piece
  let bytes = 0;
  for await (const piece of content) {
    bytes += piece.length;
    if (bytes > maxTargetBytes) throw refused(name, "is a link whose target is too long");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** The libraries tell by messages what is wrong with an archive; an error of another kind has a cause of its own to be told. */
function asRefused(error: unknown, format: string): unknown {
  if (error instanceof ArchiveRefused) return error;
  const isOfArchive =
    error instanceof Error && error.name !== "Failure" && error.name !== "Refused" && error.name !== "AbortError";
  if (!isOfArchive) return error;
  return new ArchiveRefused(`This is no whole ${format} archive: ${error.message}`, { cause: error });
}
