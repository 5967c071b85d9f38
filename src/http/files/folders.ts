// A folder as an archive, on its way out and in.

import { type ArchiveFormat, archiveFormatOf, archiveTypes } from "../../archives/format.ts";
import { ArchiveRefused } from "../../archives/names.ts";
import { pack } from "../../archives/pack.ts";
import { unpack } from "../../archives/unpack.ts";
import type { FileInfo } from "../../sandbox/files.ts";
import { Refused } from "./answers.ts";
import { received, sending } from "./bodies.ts";
import { dispositionOf, guardedHeaders, nameOf } from "./headers.ts";
import type { Reached } from "./reached.ts";

/** As the URL says, else as Accept does. Throws Refused for a folder for which neither does. */
export function formatFor(request: Request, given: ArchiveFormat | undefined): ArchiveFormat {
  const accept = request.headers.get("accept") ?? "";
  if (given !== undefined) return given;
  if (accept.includes(archiveTypes.zip)) return "zip";
  if (accept.includes(archiveTypes["tar.gz"])) return "tar.gz";
  const message = "This is a folder. Ask for it as an archive: add ?format=tar.gz or ?format=zip.";
  throw new Refused({ status: 409, error: "is_folder", message });
}

/** Throws Refused for another format than there is. */
export function formatIn(query: string | null): ArchiveFormat | undefined {
  if (query === null) return undefined;
  const format = archiveFormatOf(query);
  if (format !== undefined) return format;
  throw new Refused({ status: 400, error: "unknown_format", message: "The format is not one of tar.gz and zip." });
}

/** As `download`. */
export async function downloadFolder(
  request: Request,
  folder: FileInfo,
  reached: Reached,
  answer: (response: Response) => void,
): Promise<void> {
  const { files, transfer, signal } = reached;
  const format = formatFor(request, reached.format);
  const headers = {
    ...guardedHeaders,
    "Content-Type": archiveTypes[format],
    "Content-Disposition": dispositionOf(`${nameOf(folder.path) || "files"}.${format}`),
    "Accept-Ranges": "none",
  };
  if (request.method === "HEAD") {
    answer(new Response(null, { headers }));
    return;
  }
  const pieces = pack(files, folder, format, signal);
  const { body, over } = sending(pieces, transfer, signal);
  answer(new Response(body, { headers }));
  reached.isWhole = await over;
  await pieces.return(undefined);
}

export async function uploadFolder(request: Request, format: ArchiveFormat, reached: Reached): Promise<Response> {
  const { files, path, maxBytes, transfer, signal } = reached;
  const { headers } = request;
  if (headers.has("content-range")) {
    const message = "An archive is unpacked as it comes, so it cannot come in parts. Send it whole.";
    throw new Refused({ status: 400, error: "archive_in_parts", message });
  }
  const declared = headers.get("content-length");
  const expectedBytes = declared === null ? undefined : Number(declared);
  const packed = received(request, { maxBytes, expectedBytes }, transfer, signal);
  try {
    const onUnpacked = () => transfer.works();
    const unpacked = await unpack({ files, folder: path, format, packed, maxBytes, onUnpacked, signal });
    const { leftOut, ...counts } = unpacked;
    const told = leftOut.count === 0 ? {} : { left_out: leftOut.count, left_out_names: leftOut.told };
    return Response.json({ path, ...counts, ...told }, { status: 200, headers: guardedHeaders });
  } catch (error) {
    if (!(error instanceof ArchiveRefused)) throw error;
    const message = `The archive is not unpacked, and nothing has been written. ${error.message}`;
    throw new Refused({ status: 422, error: "archive_refused", message }, { cause: error });
  } finally {
    await packed.return(undefined);
  }
}
