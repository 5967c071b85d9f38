// A file piece by piece, in constant memory however large it is: a few reads are on at once, so that a link's delay is shared by them.

import { maxReadBytes, type OpenedFile } from "./files.ts";

/** Reads that are on at once. Together they hold 1 MiB. */
const maxReadsAhead = 4;

export type ReadAhead = {
  readonly start: number;
  /** Not among what is read. Infinity: to the file's end. */
  readonly end: number;
  /** Of the first piece, where most readers need no more. Default: as many bytes as one read can have. */
  readonly firstBytes?: number;
};

/** To `end`, to the file's end if that comes first, or until the reader stops. Rejects as `OpenedFile.read` does. */
export async function* readAhead(
  file: OpenedFile,
  { start, end, firstBytes = maxReadBytes }: ReadAhead,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reads: { readonly length: number; readonly piece: Promise<Uint8Array> }[] = [];
  let at = start;
  const fill = (count: number, maxBytes: number) => {
    while (at < end && reads.length < count) {
      const length = Math.min(maxBytes, end - at);
      const piece = file.read(at, length);
      // It is awaited in its turn, if at all.
      piece.catch(() => undefined);
      reads.push({ length, piece });
      at += length;
    }
  };
  try {
    fill(1, firstBytes);
    // Who wants the first pieces only has no others read.
    for (let ahead = 1; ; ahead = Math.min(ahead + 1, maxReadsAhead)) {
      const next = reads.shift();
      if (next === undefined) return;
      const piece = await next.piece;
      if (piece.length > 0) yield piece;
      if (piece.length < next.length) return;
      fill(ahead, maxReadBytes);
    }
  } finally {
    await Promise.allSettled(reads.map(({ piece }) => piece));
  }
}
