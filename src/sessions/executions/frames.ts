// How an execution's output lies in its file: pieces in the order of their arrival, each with its stream and its length before it.

import type { Stream } from "../../sandbox/port.ts";

export type Piece = { readonly stream: Stream; readonly bytes: Uint8Array };

/** A byte for the stream and four for the length, little-endian. */
export const headerBytes = 5;
/** A piece's longest payload: what a reader has in memory at once. Bytes. */
export const maxPieceBytes = 64 * 1024;

const streams: readonly Stream[] = ["stdout", "stderr"];

export function encodePieces(pieces: readonly Piece[]): Uint8Array {
  const length = pieces.reduce((sum, { bytes }) => sum + headerBytes + bytes.length, 0);
  const encoded = Buffer.allocUnsafe(length);
  let at = 0;
  for (const { stream, bytes } of pieces) {
    encoded.writeUInt8(streams.indexOf(stream), at);
    encoded.writeUInt32LE(bytes.length, at + 1);
    encoded.set(bytes, at + headerBytes);
    at += headerBytes + bytes.length;
  }
  return encoded;
}

/** The whole pieces at the start of `encoded`, and how many bytes of it they take. Throws an Error for what no `encodePieces` has written. */
export function decodePieces(encoded: Buffer): { readonly pieces: readonly Piece[]; readonly takenBytes: number } {
  const pieces: Piece[] = [];
  let at = 0;
  while (at + headerBytes <= encoded.length) {
    const stream = streams[encoded.readUInt8(at)];
    const length = encoded.readUInt32LE(at + 1);
    if (stream === undefined || length > maxPieceBytes) throw new Error("the kept output is damaged");
    if (at + headerBytes + length > encoded.length) break;
    pieces.push({ stream, bytes: encoded.subarray(at + headerBytes, at + headerBytes + length) });
    at += headerBytes + length;
  }
  return { pieces, takenBytes: at };
}
