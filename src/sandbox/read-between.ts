// A part of a file that must be there, piece by piece in constant memory.

import { Failure } from "../failure.ts";
import type { FileRefusal, OpenedFile } from "./files.ts";
import { readAhead } from "./read-ahead.ts";

/** From `start` up to `end`. Throws Failure `file_refused` where the file has become shorter than that; what `OpenedFile.read` throws. */
export async function* readBetween(file: OpenedFile, start: number, end: number): AsyncGenerator<Uint8Array> {
  let at = start;
  for await (const piece of readAhead(file, { start, end })) {
    at += piece.length;
    yield piece;
  }
  if (at < end) throw shorter(file, end);
}

function shorter({ info }: OpenedFile, end: number): Failure {
  return new Failure("file_refused", `${info.path} became shorter than ${end} bytes while it was read.`, {
    context: { reason: "other" satisfies FileRefusal },
    advice: ["Try again when nothing changes it."],
  });
}
