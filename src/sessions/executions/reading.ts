// Windows onto an execution's output: a range of bytes or of lines, or its end. Each tells where the next one begins.

import { blocksOf, linesIn } from "./lines.ts";
import type { Source, Spool } from "./spool.ts";
import { brokenEndBytes, brokenStartBytes } from "./utf8.ts";

export type Unit = "bytes" | "lines";

export type Window = {
  /** UTF-8 text, cut in no character's middle. */
  readonly text: string;
  /** Where it begins, in the unit that was asked for. */
  readonly offset: number;
  /** Where to go on, in the same unit. */
  readonly nextOffset: number;
  /** Whether there is more behind it now. */
  readonly hasMore: boolean;
};

export type Range = {
  readonly source: Source;
  readonly offset: number;
  /** How many of its unit at most; undefined: as many as fit. */
  readonly limit: number | undefined;
  /** What fits. */
  readonly maxBytes: number;
  /** No more will come. */
  readonly isEnded: boolean;
};

const newline = 0x0a;
const decoder = new TextDecoder();

/** `offset` and `limit` in bytes. Throws what `Spool.read` does, as all of these. */
export async function readBytes(spool: Spool, range: Range): Promise<Window> {
  const { source, limit, maxBytes, isEnded } = range;
  const offset = Math.min(range.offset, spool.counts[source]);
  const wantedBytes = Math.min(limit ?? maxBytes, maxBytes);
  const parts: Uint8Array[] = [];
  let gathered = 0;
  for await (const { bytes } of spool.read(source, offset)) {
    const part = bytes.subarray(0, wantedBytes - gathered);
    parts.push(part);
    gathered += part.length;
    if (gathered >= wantedBytes) break;
  }
  const bytes = Buffer.concat(parts);
  const total = spool.counts[source];
  const isLast = isEnded && offset + bytes.length >= total;
  // The rest of a character is behind the limit, or on its way. Who asks for less than one character gets it in pieces.
  const brokenBytes = isLast || wantedBytes < 4 ? 0 : brokenEndBytes(bytes);
  const taken = bytes.subarray(0, bytes.length - brokenBytes);
  const nextOffset = offset + taken.length;
  return { text: decoder.decode(taken), offset, nextOffset, hasMore: nextOffset < total && gathered >= wantedBytes };
}

/** `offset` and `limit` in lines; 0 is the first. A last line without an end is told once the execution has ended. */
export async function readLines(spool: Spool, range: Range): Promise<Window> {
  const { source, offset, limit = Number.POSITIVE_INFINITY, maxBytes, isEnded } = range;
  let text = "";
  let count = 0;
  let bytes = 0;
  let total = 0;
  for await (const block of blocksOf(spool, source)) {
    if (!(block.isWhole || isEnded)) continue;
    total = block.number + block.lineCount;
    if (total <= offset) continue;
    for (const line of linesIn(block)) {
      if (line.number < offset) continue;
      const room = maxBytes - bytes;
      const isLong = line.bytes.length + 1 > room;
      // A line that alone is too long is told by its beginning: else nobody would get beyond it.
      if (count >= limit || (isLong && count > 0)) return { text, offset, nextOffset: offset + count, hasMore: true };
      const kept = isLong ? line.bytes.subarray(0, room) : line.bytes;
      const whole = kept.subarray(0, kept.length - (isLong ? brokenEndBytes(kept) : 0));
      const leftOutBytes = line.cutBytes + line.bytes.length - whole.length;
      text += decoder.decode(whole) + (leftOutBytes > 0 ? ` [… ${leftOutBytes} bytes of this line left out …]` : "");
      if (line.isWhole) text += "\n";
      bytes += whole.length + 1;
      count += 1;
    }
  }
  const start = Math.min(offset, total);
  return { text, offset: start, nextOffset: start + count, hasMore: false };
}

/** The last so many lines, as far as they fit. The offsets are bytes. */
export async function readTail(spool: Spool, source: Source, lines: number, maxBytes: number): Promise<Window> {
  const begin = Math.max(0, spool.counts[source] - maxBytes);
  const parts: Uint8Array[] = [];
  for await (const { bytes } of spool.read(source, begin)) parts.push(bytes);
  const all = Buffer.concat(parts);
  let at = all.at(-1) === newline ? all.length - 1 : all.length;
  for (let count = 0; count < lines && at > 0; count++) at = all.lastIndexOf(newline, at - 1);
  const start = at > 0 ? at + 1 : cutStart(all, begin > 0);
  const text = decoder.decode(all.subarray(start));
  return { text, offset: begin + start, nextOffset: begin + all.length, hasMore: false };
}

/** Where to begin in what has been cut: with its first whole line, if it has one, else with its first whole character. */
function cutStart(bytes: Uint8Array, isCut: boolean): number {
  if (!isCut) return 0;
  const line = bytes.indexOf(newline) + 1;
  return line > 0 && line < bytes.length ? line : brokenStartBytes(bytes);
}
