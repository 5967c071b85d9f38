// Where the last lines of a file begin, found from its end: a log of gigabytes is not read for its last hundred lines.

import { maxReadBytes, type OpenedFile } from "../../sandbox/files.ts";

const lineFeed = 0x0a;

/** `lines` is fewer than was asked for only where there are no more: `offset` is then 0. Null if `isOver` says so before it is found. */
export async function lastLines(
  file: OpenedFile,
  count: number,
  isOver: () => boolean,
): Promise<{ readonly offset: number; readonly lines: number } | null> {
  const { sizeBytes } = file.info;
  let lines = 0;
  let end = sizeBytes;
  while (end > 0) {
    const start = Math.max(0, end - maxReadBytes);
    const block = await file.read(start, end - start);
    for (let at = block.length - 1; at >= 0; at--) {
      if (block[at] !== lineFeed || start + at === sizeBytes - 1) continue;
      lines++;
      if (lines === count) return { offset: start + at + 1, lines };
    }
    end = start;
    if (end > 0 && isOver()) return null;
  }
  return { offset: 0, lines: sizeBytes === 0 ? 0 : lines + 1 };
}
