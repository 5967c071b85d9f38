// The lines of an execution's output, one after the other.

import type { Source, Spool } from "./spool.ts";

export type Line = {
  /** The first is 0. */
  readonly number: number;
  /** Where it begins. */
  readonly offset: number;
  /** Without its end; at most `maxLineBytes` of it. */
  readonly bytes: Uint8Array;
  /** How many of its bytes are left out. */
  readonly cutBytes: number;
  /** False for a last one that has no end yet. */
  readonly isWhole: boolean;
};

/** Of a longer line only the beginning is given. */
export const maxLineBytes = 64 * 1024;

const newline = 0x0a;

/** Every line of `source`, the unfinished last one included. Throws what `Spool.read` does. */
export async function* linesOf(spool: Spool, source: Source): AsyncGenerator<Line, void, undefined> {
  /** Of the line that is not at its end, at most `maxLineBytes`. */
  let parts: Uint8Array[] = [];
  let keptBytes = 0;
  let lineBytes = 0;
  let number = 0;
  let offset = 0;
  const keep = (part: Uint8Array) => {
    const kept = part.subarray(0, maxLineBytes - keptBytes);
    if (kept.length > 0) parts.push(kept);
    keptBytes += kept.length;
    lineBytes += part.length;
  };
  const line = (isWhole: boolean): Line => {
    const [only] = parts;
    const bytes = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
    return { number, offset, bytes, cutBytes: lineBytes - keptBytes, isWhole };
  };
  for await (const { bytes } of spool.read(source, 0)) {
    let at = 0;
    for (let end = bytes.indexOf(newline, at); end >= 0; end = bytes.indexOf(newline, at)) {
      keep(bytes.subarray(at, end));
      yield line(true);
      at = end + 1;
      offset += lineBytes + 1;
      number += 1;
      parts = [];
      keptBytes = 0;
      lineBytes = 0;
    }
    if (at < bytes.length) keep(bytes.subarray(at));
  }
  if (lineBytes > 0) yield line(false);
}
