// A part of a file that must be there, piece by piece in constant memory.

import { Failure } from "../failure.ts";
import { type FileRefusal, maxReadBytes, type OpenedFile } from "./files.ts";

/** Reads that are on at once: a link's delay is then shared by them. Together they hold 1 MiB. */
const maxReadsAhead = 4;

/** From `start` up to `end`. Throws Failure `file_refused` where the file has become shorter than that; what `OpenedFile.read` throws. */
export async function* readBetween(file: OpenedFile, start: number, end: number): AsyncGenerator<Uint8Array> {
  const reads: { readonly length: number; readonly piece: Promise<Uint8Array> }[] = [];
  let at = start;
  const readAhead = (count: number) => {
    while (at < end && reads.length < count) {
      const length = Math.min(maxReadBytes, end - at);
      const piece = file.read(at, length);
      // It is awaited in its turn, if at all.
      piece.catch(() => undefined);
      reads.push({ length, piece });
      at += length;
    }
  };
  try {
    // Who wants the first piece only has the others not read.
    for (let ahead = 1; ; ahead = Math.min(ahead + 1, maxReadsAhead)) {
      readAhead(ahead);
      const next = reads.shift();
      if (next === undefined) return;
      const piece = await next.piece;
      if (piece.length < next.length) throw shorter(file, end);
      yield piece;
    }
  } finally {
    await Promise.allSettled(reads.map(({ piece }) => piece));
  }
}

function shorter({ info }: OpenedFile, end: number): Failure {
  return new Failure("file_refused", `${info.path} became shorter than ${end} bytes while it was read.`, {
    context: { reason: "other" satisfies FileRefusal },
    advice: ["Try again when nothing changes it."],
  });
}
