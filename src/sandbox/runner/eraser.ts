// The eraser of types that a Node without one of its own is handed, in pieces that fit in every adapter's way into a guest. It lies in the executable
// as a file, and is read when an interpreter first asks.

import file from "@swc/wasm-typescript/wasm.js" with { type: "file" };

/** Characters of a piece. */
const pieceLength = 128 * 1024;

/** As members of messages to the Node runner: all but the last say that more comes. One piece with null if it cannot be read. Never rejects. */
export async function eraserPieces(): Promise<
  readonly { readonly typescript: string | null; readonly more: boolean }[]
> {
  const text = await Bun.file(file)
    .text()
    .catch(() => null);
  if (text === null) return [{ typescript: null, more: false }];
  const count = Math.ceil(text.length / pieceLength);
  return Array.from({ length: count }, (_, at) => ({
    typescript: text.slice(at * pieceLength, (at + 1) * pieceLength),
    more: at + 1 < count,
  }));
}
