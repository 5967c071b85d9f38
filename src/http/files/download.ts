// A file on its way out, whole or a range of it, and what is said of one that is not sent.

import type { OpenedFile } from "../../sandbox/files.ts";
import { readBetween } from "../../sandbox/read-between.ts";
import { Refused } from "./answers.ts";
import { sending } from "./bodies.ts";
import { readVerdict, type Span, spanOf } from "./conditions.ts";
import { etagOf, fileHeaders, guardedHeaders } from "./headers.ts";
import type { Reached } from "./reached.ts";

/** As much is read before it is answered, with its length. Bun sends a stream in chunks, without one. */
const maxWholeBytes = 1024 * 1024;

/** Calls `answer` once, and resolves when all has gone out. */
export async function download(
  request: Request,
  reached: Reached,
  answer: (response: Response) => void,
): Promise<void> {
  const { files, path, signal, transfer } = reached;
  await using file = await files.open(path, signal);
  const { info } = file;
  const verdict = readVerdict(request, info);
  if (verdict === 412) throw new Refused({ status: 412, error: "changed", message: "The file is another version." });
  const headers = { ...guardedHeaders, ...fileHeaders(info) };
  if (verdict === 304) {
    answer(new Response(null, { status: 304, headers: { ...guardedHeaders, ETag: etagOf(info) } }));
    return;
  }
  const span = spanOf(request, info);
  if (span === undefined) {
    const message = `The file has ${info.sizeBytes} bytes, and the range begins behind them.`;
    const refusal = { status: 416, error: "range_not_satisfiable", message };
    throw new Refused({ ...refusal, headers: { "Content-Range": `bytes */${info.sizeBytes}` } });
  }
  const { start, end } = span === "whole" ? { start: 0, end: info.sizeBytes } : span;
  const length = { "Content-Length": String(end - start) };
  const range = { "Content-Range": `bytes ${start}-${end - 1}/${info.sizeBytes}` };
  const head = {
    status: span === "whole" ? 200 : 206,
    headers: { ...headers, ...length, ...(span !== "whole" && range) },
  };
  const isHead = request.method === "HEAD";
  if (isHead || end - start <= maxWholeBytes) {
    const body = isHead ? null : await wholeOf(file, { start, end }, signal);
    transfer.moved(body?.length ?? 0);
    answer(new Response(body, head));
    return;
  }
  const { body, over } = sending(readBetween(file, start, end), transfer, signal);
  answer(new Response(body, head));
  reached.isWhole = await over;
}

async function wholeOf(file: OpenedFile, { start, end }: Span, signal: AbortSignal): Promise<Buffer<ArrayBuffer>> {
  const pieces: Uint8Array[] = []; // at most maxWholeBytes in all
  for await (const piece of readBetween(file, start, end)) {
    signal.throwIfAborted();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
