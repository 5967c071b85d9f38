// A file from some place on, piece by piece or whole.

import type { OpenedFile } from "../../sandbox/files.ts";
import { readAhead } from "../../sandbox/read-ahead.ts";

/** Most files are smaller, and most answers need no more. */
const firstPieceBytes = 64 * 1024;

/** To the end, or until the reader stops. Rejects as `OpenedFile.read` does. */
export function piecesOf(file: OpenedFile, from = 0): AsyncGenerator<Uint8Array, void, undefined> {
  return readAhead(file, { start: from, end: Number.POSITIVE_INFINITY, firstBytes: firstPieceBytes });
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
