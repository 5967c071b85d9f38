// Paths of a guest as text and as the bytes that they are there: names need not be UTF-8.

import { fileFailure } from "./file-failures.ts";
import type { GuestPath } from "./files.ts";

/** With its end a zero, as much as Linux takes. */
const maxPathBytes = 4096;
/** A byte that is no part of UTF-8 is the code point that is so much more. */
const escapedByte = 0xdc00;

/** Throws Failure `file_refused` for a path that cannot be one. */
export function bytesOfGuestPath(path: GuestPath): Uint8Array {
  if (path === "" || path.includes("\0") || hasForeignSurrogate(path)) throw fileFailure("EINVALIDPATH", path);
  const bytes = Buffer.concat(path.split(/([\udc80-\udcff]+)/u).map(bytesOfPiece));
  if (bytes.length > maxPathBytes) throw fileFailure("ENAMETOOLONG", path);
  return bytes;
}

export function guestPathOf(bytes: Uint8Array): GuestPath {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  if (!text.includes("\ufffd")) return text;
  let path = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterBytes(buffer, at);
    path +=
      length === 0 ? String.fromCharCode(escapedByte + buffer.readUInt8(at)) : buffer.toString("utf8", at, at + length);
    at += Math.max(length, 1);
  }
  return path;
}

function bytesOfPiece(piece: string, index: number): Uint8Array {
  if (index % 2 === 0) return Buffer.from(piece, "utf8");
  return Uint8Array.from(piece, (character) => character.charCodeAt(0) - escapedByte);
}

/** Half a pair that stands for no byte. */
function hasForeignSurrogate(path: string): boolean {
  return !path.replace(/[\udc80-\udcff]/gu, "").isWellFormed();
}

/** How long the character of UTF-8 there is; 0 if there is none. */
function characterBytes(buffer: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= buffer.length; length++) {
    const piece = buffer.subarray(at, at + length);
    const text = piece.toString("utf8");
    if (text.codePointAt(0) !== 0xfffd || piece.equals(Buffer.from("\ufffd"))) {
      return [...text].length === 1 && Buffer.from(text).equals(piece) ? length : 0;
    }
  }
  return 0;
}
