// A file of this machine as the pieces of an upload, and the pieces of a download as a file of this machine: whole, or not there.

import { constants } from "node:fs";
import { type FileHandle, rename, unlink } from "node:fs/promises";
import { Failure } from "../failure.ts";
import { openAt, spotBelow, unreachable } from "./below.ts";

const pieceBytes = 256 * 1024;

/** Throws Failure `file_refused` or `file_not_found`, also for one of more than `maxBytes`. */
export async function* readBelow(
  dirs: readonly string[],
  hostPath: string,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  await using spot = await spotBelow(dirs, hostPath);
  const file = await openAt(spot, spot.name, constants.O_RDONLY).catch((error: unknown) => {
    throw unreachable(error, hostPath);
  });
  try {
    const { size } = await regular(file, hostPath);
    if (size > maxBytes) {
      const what = `host_path ${JSON.stringify(hostPath)} has ${size} bytes; the most is ${maxBytes} (--max-transfer-bytes).`;
      throw new Failure("file_refused", what, { context: { reason: "other" }, advice: ["Copy less."] });
    }
    for (let at = 0; ; ) {
      const piece = Buffer.allocUnsafe(pieceBytes);
      const { bytesRead } = await file.read(piece, 0, pieceBytes, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Replaces a file that is there. Throws as `readBelow`; what the pieces throw, and then nothing has changed. Resolves with the bytes. */
export async function writeBelow(
  dirs: readonly string[],
  hostPath: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<number> {
  await using spot = await spotBelow(dirs, hostPath);
  const hidden = `.msb-mcp-${crypto.randomUUID().slice(0, 8)}`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const file = await openAt(spot, hidden, flags).catch((error: unknown) => {
    throw unreachable(error, hostPath);
  });
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      await written(file, piece, hostPath);
      bytes += piece.length;
    }
    await file.close();
    // Takes the place of a link of this name; does not follow it.
    await rename(spot.at(hidden), spot.at(spot.name)).catch((error: unknown) => {
      throw unreachable(error, hostPath);
    });
    return bytes;
  } catch (error) {
    await file.close().catch(() => undefined);
    await unlink(spot.at(hidden)).catch(() => undefined);
    throw error;
  }
}

async function written(file: FileHandle, piece: Uint8Array, hostPath: string): Promise<void> {
  try {
    await file.writeFile(piece);
  } catch (error) {
    throw unreachable(error, hostPath);
  }
}

async function regular(file: FileHandle, hostPath: string) {
  const stats = await file.stat();
  if (stats.isFile()) return stats;
  const what = `host_path ${JSON.stringify(hostPath)} is no file.`;
  throw new Failure("file_refused", what, { context: { reason: "special" }, advice: ["Name one file."] });
}
