// Which pictures go into an answer. A model's service refuses one that is damaged or too large, and with it the whole conversation that it is in.

import { maxPictureBytes, maxPictureSidePx, type Picture, pictureOf } from "../../sandbox/picture.ts";

export type Examined = { readonly sides: Picture["sides"]; readonly flaw?: string };

/** `bytes`: all of the file, undefined if it is too large; `start` is what its beginning told. */
export function flawOf(bytes: Buffer | undefined, start: Picture): Examined {
  if (bytes === undefined) {
    return { sides: start.sides, flaw: `larger than ${maxPictureBytes} bytes; make it smaller in the sandbox` };
  }
  const sides = pictureOf(bytes)?.sides ?? null;
  if (sides === null || !isWhole(bytes, start)) return { sides, flaw: "it is damaged or not whole" };
  const { width, height } = sides;
  if (width === 0 || height === 0) return { sides, flaw: "it is empty" };
  if (Math.max(width, height) <= maxPictureSidePx) return { sides };
  return { sides, flaw: `a side is longer than ${maxPictureSidePx} pixels; make it smaller in the sandbox` };
}

/** It has the end that its format demands. Behind that of a JPEG or a PNG there may be anything. */
function isWhole(bytes: Buffer, { mediaType }: Picture): boolean {
  switch (mediaType) {
    case "image/png":
      return bytes.lastIndexOf("IEND") > 0;
    case "image/jpeg":
      return bytes.lastIndexOf(Buffer.from([0xff, 0xd9])) > 0;
    case "image/gif":
      return bytes.at(-1) === 0x3b;
    case "image/webp":
      return bytes.readUInt32LE(4) + 8 <= bytes.length;
  }
}
