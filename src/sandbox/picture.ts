// Which pictures go into an answer, and what the first bytes of one tell of it: its format and its sides. Nothing here decodes one.

export type PictureType = "image/png" | "image/jpeg" | "image/webp" | "image/gif";

export type Picture = {
  readonly mediaType: PictureType;
  /** Pixels; null where they stand further on than the bytes that were given. */
  readonly sides: { readonly width: number; readonly height: number } | null;
};

export const pictureTypes: readonly PictureType[] = ["image/png", "image/jpeg", "image/webp", "image/gif"];

export function isPictureType(mediaType: string): mediaType is PictureType {
  return pictureTypes.some((type) => type === mediaType);
}

/** In one answer: pictures, and characters of base64 for all of them. The programs in the guest know the same numbers. */
export const maxPictures = 8;
export const maxPicturesLength = 700_000;
/** Of a picture that is the only one: what so much base64 stands for. */
export const maxPictureBytes = (maxPicturesLength / 4) * 3;
/** Of a picture in an answer. Larger ones that a run shows are made smaller: models' services do that too, or refuse them. Pixels. */
export const maxPictureSidePx = 1568;

/** Undefined if `bytes` are not the beginning of one. Of a JPEG, pass all that is there: its sides may stand behind other data. */
export function pictureOf(bytes: Uint8Array): Picture | undefined {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsWith(data, "\x89PNG\r\n\x1a\n")) return { mediaType: "image/png", sides: pngSides(data) };
  if (startsWith(data, "\xff\xd8\xff")) return { mediaType: "image/jpeg", sides: jpegSides(data) };
  if (startsWith(data, "GIF87a") || startsWith(data, "GIF89a"))
    return { mediaType: "image/gif", sides: gifSides(data) };
  if (startsWith(data, "RIFF") && startsWith(data.subarray(8), "WEBP")) {
    return { mediaType: "image/webp", sides: webpSides(data) };
  }
  return undefined;
}

type Sides = Picture["sides"];

function startsWith(data: Buffer, text: string): boolean {
  return data.subarray(0, text.length).toString("latin1") === text;
}

/** The chunk IHDR is always the first. */
function pngSides(data: Buffer): Sides {
  if (data.length < 24 || !startsWith(data.subarray(12), "IHDR")) return null;
  return { width: data.readUInt32BE(16), height: data.readUInt32BE(20) };
}

function gifSides(data: Buffer): Sides {
  return data.length < 10 ? null : { width: data.readUInt16LE(6), height: data.readUInt16LE(8) };
}

/** The three kinds of its first chunk: lossy, lossless, and one with features. */
function webpSides(data: Buffer): Sides {
  if (data.length < 30) return null;
  const chunk = data.subarray(12, 16).toString("latin1");
  if (chunk === "VP8 ") return { width: data.readUInt16LE(26) & 0x3fff, height: data.readUInt16LE(28) & 0x3fff };
  if (chunk === "VP8L") {
    const packed = data.readUInt32LE(21);
    return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 };
  }
  if (chunk === "VP8X") return { width: data.readUIntLE(24, 3) + 1, height: data.readUIntLE(27, 3) + 1 };
  return null;
}

/** Segments, each with its length, up to a start of frame: C0 to CF but for the three that are something else. */
function jpegSides(data: Buffer): Sides {
  for (let at = 2; at + 9 <= data.length; ) {
    if (data[at] !== 0xff) return null;
    const marker = data.readUInt8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { width: data.readUInt16BE(at + 7), height: data.readUInt16BE(at + 5) };
    at += 2 + data.readUInt16BE(at + 2);
  }
  return null;
}
