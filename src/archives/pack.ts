// A folder as one stream of bytes, .tar.gz or .zip, in constant memory: a file is read only when the archive's reader wants more.

import { PassThrough, Readable } from "node:stream";
import { createTarPacker } from "modern-tar";
import { ZipFile } from "yazl";
import type { FileInfo, Files } from "../sandbox/files.ts";
import { type Content, contentsOf } from "./contents.ts";
import type { ArchiveFormat } from "./format.ts";
import { LeftOut } from "./left-out.ts";

/** The last entry of an archive from which something is missing: a line for each. */
const leftOutName = "_left_out_of_this_archive.txt";

/** Zip needs its longer form from 4 GiB on; packed data can be longer than the file. */
const zip64FromBytes = 4_000_000_000;

export function pack(
  files: Files,
  folder: FileInfo,
  format: ArchiveFormat,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const leftOut = new LeftOut();
  const contents = contentsOf(files, folder, leftOut, signal);
  return format === "zip" ? zipped(contents, leftOut) : gzipped(tarred(contents, leftOut));
}

async function* gzipped(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(new Uint8Array(value));
      },
      cancel: () => void pieces.return(undefined).catch(() => undefined),
    },
    { highWaterMark: 0 },
  );
  yield* source.pipeThrough(new CompressionStream("gzip"));
}

async function* tarred(contents: AsyncGenerator<Content>, leftOut: LeftOut): AsyncGenerator<Uint8Array> {
  const { readable, controller } = createTarPacker();
  const reader = readable.getReader();
  /** Resolves when the reader wants more: the packer itself would hold 8 MiB ahead. */
  let wanted = Promise.withResolvers<void>();
  const add = async (header: Parameters<typeof controller.add>[0], pieces: Pieces) => {
    const writer = controller.add(header).getWriter();
    for await (const piece of pieces) {
      await wanted.promise;
      await writer.write(piece);
    }
    await writer.close();
  };
  const write = async () => {
    for await (const content of contents) {
      const { name, info } = content;
      const common = { mode: info.permissions, mtime: new Date(info.modifiedMs) };
      await wanted.promise;
      if (content.kind === "folder") await add({ ...common, name: `${name}/`, size: 0, type: "directory" }, []);
      else if (content.kind === "link")
        await add({ ...common, name, size: 0, type: "symlink", linkname: content.target }, []);
      else await add({ ...common, name, size: info.sizeBytes, type: "file" }, content.pieces);
    }
    if (leftOut.count > 0) {
      const text = Buffer.from(leftOut.text);
      await add({ name: leftOutName, size: text.length, type: "file" }, [text]);
    }
    controller.finalize();
  };
  const written = write().catch((error: unknown) => controller.error(error));
  try {
    for (;;) {
      wanted.resolve();
      const { done, value } = await reader.read();
      if (done) break;
      wanted = Promise.withResolvers();
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
    // Lets the writer find out.
    wanted.resolve();
    await written;
    await contents.return(undefined);
  }
}

type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

async function* zipped(contents: AsyncGenerator<Content>, leftOut: LeftOut): AsyncGenerator<Uint8Array> {
  const zip = new ZipFile();
  const output = zip.outputStream.pipe(new PassThrough());
  // Its reader is told, who may not have begun.
  output.on("error", () => undefined);
  zip.on("error", (error: Error) => output.destroy(error));
  /** Lets go of the file that is being packed, which nobody will read to its end. */
  let abandon = (): void => undefined;
  const add = (name: string, info: FileInfo, pieces: Pieces) =>
    new Promise<void>((resolve, reject) => {
      abandon = () => reject(new Error("nobody reads the archive any more"));
      if (output.destroyed) abandon();
      const forceZip64Format = info.sizeBytes >= zip64FromBytes;
      const options = { mtime: new Date(info.modifiedMs), mode: info.permissions | 0o100000, forceZip64Format };
      // Opened only when the entries before it have gone out.
      zip.addReadStreamLazy(name, options, (open) => {
        const stream = Readable.from(pieces, { objectMode: false });
        stream.once("end", resolve).once("error", reject);
        open(null, stream);
      });
    });
  const write = async () => {
    for await (const content of contents) {
      const { name, info } = content;
      if (content.kind === "folder") zip.addEmptyDirectory(name, { mtime: new Date(info.modifiedMs) });
      else if (content.kind === "link") leftOut.add(name, `a link to ${content.target}, which zip cannot have`);
      else await add(name, info, content.pieces);
    }
    if (leftOut.count > 0) zip.addBuffer(Buffer.from(leftOut.text), leftOutName);
    zip.end();
  };
  const written = write().catch((error: unknown) => output.destroy(error instanceof Error ? error : undefined));
  try {
    yield* output;
  } finally {
    output.destroy();
    abandon();
    await written;
    await contents.return(undefined);
  }
}
