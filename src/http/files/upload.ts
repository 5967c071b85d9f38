// A file on its way in: whole, or part after part until it is. Until then nothing is there under its name.

import { isRefusedAs, statIfThere } from "../../sandbox/file-verdicts.ts";
import type { FileInfo, WriteOptions, WritePart } from "../../sandbox/files.ts";
import { Refused } from "./answers.ts";
import { received, tooLarge } from "./bodies.ts";
import { type BroughtRange, broughtRange, mayWrite } from "./conditions.ts";
import { etagOf, guardedHeaders } from "./headers.ts";
import type { Reached } from "./reached.ts";

/** What comes of a whole file from this size on is kept if it breaks off, so that it can be gone on with. */
const minResumableBytes = 1024 * 1024;

export async function upload(request: Request, reached: Reached): Promise<Response> {
  const { files, path, partId, alone, maxBytes, signal, transfer } = reached;
  const { headers } = request;
  refuseEncoded(headers.get("content-encoding"));
  const range = rangeOf(headers.get("content-range"));
  const declared = declaredBytes(headers.get("content-length"));
  const expectedBytes = range === undefined ? declared : range.end - range.start;
  if (declared !== undefined && declared !== expectedBytes) throw lengthMismatch();
  if (Math.max(range?.total ?? 0, range?.end ?? 0, expectedBytes ?? 0) > maxBytes) throw tooLarge(maxBytes);

  const before = await statIfThere(files, path, signal);
  if (!mayWrite(request, before)) throw preconditionFailed();
  const isNew = headers.get("if-none-match")?.trim() === "*";
  const part = partOf(partId, range, expectedBytes);
  const options: WriteOptions = {
    mode: isNew ? "new" : "replace",
    makeFolders: true,
    ...(part !== undefined && { part }),
    // It may be changed while this is on its way, too.
    ...(before !== undefined && isOneVersion(headers.get("if-match")) && { ifVersion: before.version }),
  };
  const write = async (signal: AbortSignal) => {
    const content = received(request, { maxBytes, expectedBytes }, transfer, signal);
    return await files.write(path, content, options, signal);
  };
  let info: FileInfo;
  try {
    info = await (part === undefined ? write(signal) : alone(write));
  } catch (error) {
    throw await told(error, { isNew, isPart: range !== undefined, reached });
  }
  if (range !== undefined && part?.isLast === false) {
    return new Response(null, { status: 202, headers: { ...guardedHeaders, "Upload-Offset": String(range.end) } });
  }
  const status = before === undefined ? 201 : 204;
  return new Response(null, { status, headers: { ...guardedHeaders, ETag: etagOf(info) } });
}

function isOneVersion(ifMatch: string | null): boolean {
  return ifMatch !== null && ifMatch.trim() !== "*";
}

/** Undefined: it is written whole, or not at all. */
function partOf(id: string, range: BroughtRange | undefined, expectedBytes = 0): WritePart | undefined {
  if (range !== undefined) return { id, offset: range.start, isLast: range.end === range.total };
  return expectedBytes < minResumableBytes ? undefined : { id, offset: 0, isLast: true };
}

/** As HTTP tells it: a file that came meanwhile, and a part that does not follow on what there is. */
async function told(
  error: unknown,
  { isNew, isPart, reached }: { readonly isNew: boolean; readonly isPart: boolean; readonly reached: Reached },
): Promise<unknown> {
  if ((isNew && isRefusedAs(error, "exists")) || isRefusedAs(error, "changed")) return preconditionFailed();
  if (!isPart || !isRefusedAs(error, "part_mismatch")) return error;
  const { files, path, partId, signal } = reached;
  const offset = (await files.partBytes(path, partId, signal)) ?? 0;
  const message = `Of this file ${offset} bytes have come. Go on with Content-Range: bytes ${offset}-….`;
  return new Refused({ status: 409, error: "part_mismatch", message, headers: { "Upload-Offset": String(offset) } });
}

function rangeOf(text: string | null): BroughtRange | undefined {
  if (text === null) return undefined;
  const range = broughtRange(text);
  if (range !== undefined) return range;
  const message = "Content-Range is not understood. Send bytes FIRST-LAST/TOTAL.";
  throw new Refused({ status: 400, error: "malformed_range", message });
}

function declaredBytes(text: string | null): number | undefined {
  return text === null ? undefined : Number(text);
}

function refuseEncoded(encoding: string | null): void {
  if (encoding === null || encoding.toLowerCase() === "identity") return;
  const message = "The body has a Content-Encoding, and none is taken. Send the file as it is.";
  throw new Refused({ status: 415, error: "encoded", message, headers: { "Accept-Encoding": "identity" } });
}

function lengthMismatch(): Refused {
  return new Refused({
    status: 400,
    error: "length_mismatch",
    message: "Content-Length and Content-Range tell different lengths.",
  });
}

function preconditionFailed(): Refused {
  const message = "The file is not what If-Match or If-None-Match says. Look at it again.";
  return new Refused({ status: 412, error: "precondition_failed", message });
}
