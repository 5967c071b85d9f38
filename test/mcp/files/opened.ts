// An opened file of a test's own, which tells what is read of it.

import { maxReadBytes, type OpenedFile } from "../../../src/sandbox/files.ts";

export type ReadFile = OpenedFile & { readonly readBytes: () => number };

export function openedFile(content: Uint8Array | string, sizeBytes?: number): ReadFile {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return openedBy((offset, length) => bytes.subarray(offset, offset + length), sizeBytes ?? bytes.length);
}

/** The same line again and again: of any size, and nowhere in memory. */
export function repeated(line: string, times: number): ReadFile {
  const block = Buffer.from(line.repeat(Math.ceil((2 * maxReadBytes) / line.length)));
  const sizeBytes = line.length * times;
  return openedBy((offset, length) => {
    const start = offset % line.length;
    return block.subarray(start, start + Math.max(0, Math.min(length, sizeBytes - offset)));
  }, sizeBytes);
}

function openedBy(at: (offset: number, length: number) => Uint8Array, sizeBytes: number): ReadFile {
  let readBytes = 0;
  const info = {
    path: "/home/user/a.txt",
    kind: "file",
    sizeBytes,
    modifiedMs: 0,
    permissions: 0o644,
    version: "1",
  } as const;
  return {
    info,
    read: async (offset, length) => {
      if (length > maxReadBytes) throw new Error(`${length} bytes are too many for one read`);
      const piece = at(offset, length);
      readBytes += piece.length;
      return piece;
    },
    readBytes: () => readBytes,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
