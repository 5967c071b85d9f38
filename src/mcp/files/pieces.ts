// A file from some place on, piece by piece, in constant memory however large it is.

import { maxReadBytes, type OpenedFile } from "../../sandbox/files.ts";

/** Most files are smaller, and most answers need no more. */
const firstPieceBytes = 64 * 1024;
/** Reads that are on at once, once somebody wants more than the first pieces: a link's delay is then shared by them. */
const maxReadsAhead = 4;

/** To the end, or until the reader stops. Rejects as `OpenedFile.read` does. */
export async function* piecesOf(file: OpenedFile, from = 0): AsyncGenerator<Uint8Array, void, undefined> {
  const reads: { readonly length: number; readonly piece: Promise<Uint8Array> }[] = [];
  let at = from;
  const readAhead = (length: number) => {
    const piece = file.read(at, length);
    // It is awaited in its turn, if at all.
    piece.catch(() => undefined);
    reads.push({ length, piece });
    at += length;
  };
  readAhead(firstPieceBytes);
  try {
    for (let count = 1; ; count++) {
      const next = reads.shift();
      if (next === undefined) return;
      const piece = await next.piece;
      if (piece.length > 0) yield piece;
      if (piece.length < next.length) return;
      while (reads.length < Math.min(count, maxReadsAhead)) readAhead(maxReadBytes);
    }
  } finally {
    await Promise.allSettled(reads.map(({ piece }) => piece));
  }
}

/** All of it, or undefined if there are more than `maxBytes`. */
export async function wholeOf(file: OpenedFile, maxBytes: number): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of piecesOf(file)) {
    bytes += piece.length;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytes);
}
