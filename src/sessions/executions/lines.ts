// The lines of an execution's output: in blocks, of which most can be passed over as they are, and one after the other.

import type { Source, Spool } from "./spool.ts";

export type Line = {
  /** The first is 0. */
  readonly number: number;
  /** Without its end; at most `maxLineBytes` of it. */
  readonly bytes: Uint8Array;
  /** How many of its bytes are left out. */
  readonly cutBytes: number;
  /** False for a last one that has no end yet. */
  readonly isWhole: boolean;
};

export type Block = {
  /** The first line's. */
  readonly number: number;
  readonly lineCount: number;
  /** Whole lines with their ends; or one that is alone: a long one, of which the rest is left out, or the last, which has no end yet. */
  readonly bytes: Uint8Array;
  readonly cutBytes: number;
  readonly isWhole: boolean;
};

/** Of a longer line only the beginning is given. */
const maxLineBytes = 64 * 1024;

const newline = 0x0a;

/** All lines of `source`, the unfinished last one included. Throws what `Spool.read` does. */
export async function* blocksOf(spool: Spool, source: Source): AsyncGenerator<Block, void, undefined> {
  /** Of the line that is not at its end, at most `maxLineBytes`. */
  let parts: Uint8Array[] = [];
  let keptBytes = 0;
  let cutBytes = 0;
  let number = 0;
  const keep = (part: Uint8Array) => {
    const kept = part.subarray(0, maxLineBytes - keptBytes);
    if (kept.length > 0) parts.push(kept);
    keptBytes += kept.length;
    cutBytes += part.length - kept.length;
  };
  const block = (lineCount: number, isWhole: boolean): Block => {
    const made = { number, lineCount, bytes: joined(parts), cutBytes, isWhole };
    number += lineCount;
    parts = [];
    keptBytes = 0;
    cutBytes = 0;
    return made;
  };
  for await (const { bytes } of spool.read(source, 0)) {
    const firstEnd = bytes.indexOf(newline);
    if (firstEnd < 0) {
      keep(bytes);
      continue;
    }
    let begin = 0;
    if (keptBytes + firstEnd > maxLineBytes || cutBytes > 0) {
      keep(bytes.subarray(0, firstEnd));
      yield block(1, true);
      begin = firstEnd + 1;
    }
    const end = bytes.lastIndexOf(newline) + 1;
    if (end > begin) {
      const lines = bytes.subarray(begin, end);
      parts.push(lines);
      yield block(countOf(lines), true);
    }
    if (end < bytes.length) keep(bytes.subarray(end));
  }
  if (keptBytes > 0) yield block(1, false);
}

export function* linesIn({ number, lineCount, bytes, cutBytes, isWhole }: Block): Generator<Line, void, undefined> {
  if (lineCount === 1) {
    const end = bytes.at(-1) === newline ? bytes.length - 1 : bytes.length;
    yield { number, bytes: bytes.subarray(0, end), cutBytes, isWhole };
    return;
  }
  let begin = 0;
  for (let nth = 0; nth < lineCount; nth++) {
    const end = bytes.indexOf(newline, begin);
    yield { number: number + nth, bytes: bytes.subarray(begin, end), cutBytes, isWhole };
    begin = end + 1;
  }
}

/** A block in pieces of whole lines, each of at most so many bytes or one line. */
export function* piecesOf(block: Block, maxBytes: number): Generator<Block, void, undefined> {
  let { number } = block;
  let begin = 0;
  while (begin < block.bytes.length) {
    const end = pieceEnd(block.bytes, begin, maxBytes);
    const bytes = block.bytes.subarray(begin, end);
    const lineCount = Math.max(1, countOf(bytes));
    yield { ...block, number, lineCount, bytes };
    number += lineCount;
    begin = end;
  }
  // An empty line has no byte but its end, and a block of it none at all.
  if (block.bytes.length === 0) yield block;
}

function pieceEnd(bytes: Uint8Array, begin: number, maxBytes: number): number {
  if (bytes.length - begin <= maxBytes) return bytes.length;
  const within = bytes.subarray(begin, begin + maxBytes).lastIndexOf(newline);
  if (within >= 0) return begin + within + 1;
  const behind = bytes.indexOf(newline, begin);
  return behind < 0 ? bytes.length : behind + 1;
}

/** The last `count` lines of a block, or all. */
export function lastLinesIn({ number, lineCount, bytes, cutBytes, isWhole }: Block, count: number): readonly Line[] {
  if (count >= lineCount) return [...linesIn({ number, lineCount, bytes, cutBytes, isWhole })];
  let begin = bytes.length;
  for (let nth = 0; nth < count; nth++) begin = bytes.lastIndexOf(newline, begin - 2) + 1;
  const last = {
    number: number + lineCount - count,
    lineCount: count,
    bytes: bytes.subarray(begin),
    cutBytes,
    isWhole,
  };
  return [...linesIn(last)];
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

function countOf(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) count++;
  return count;
}
