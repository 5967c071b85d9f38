// Zip archives that depend on their contents alone: every file has the same date, and its place in the archive is the one it was given.

import { ZipFile } from "yazl";

export type ZipEntry = {
  /** Its path in the archive. */
  readonly name: string;
  readonly content: Uint8Array;
  readonly isExecutable: boolean;
};

export async function zip(entries: readonly ZipEntry[]): Promise<Uint8Array> {
  const file = new ZipFile();
  // Nearly the first one that the format knows. It has local times, so this is the same in any time zone.
  const date = new Date(1980, 0, 2);
  for (const { name, content, isExecutable } of entries) {
    file.addBuffer(Buffer.from(content.buffer, content.byteOffset, content.byteLength), name, {
      mode: isExecutable ? 0o100755 : 0o100644,
      mtime: date,
      // The other form is in UTC, and `date` is not the same there.
      forceDosTimestamp: true,
      compressionLevel: 9,
    });
  }
  file.end();
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.outputStream) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks);
}
