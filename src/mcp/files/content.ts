// What a file holds, as far as its first bytes and its name tell: text and how it is encoded, a picture, or something else.

import type { GuestPath } from "../../sandbox/files.ts";
import { type Picture, pictureOf } from "../../sandbox/picture.ts";

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

export type Content =
  | { readonly kind: "text"; readonly encoding: Encoding; readonly bomBytes: number }
  | { readonly kind: "picture"; readonly picture: Picture }
  | { readonly kind: "binary" };

/** `start`: the first piece of the file, or all of it. */
export function contentOf(start: Uint8Array): Content {
  const picture = pictureOf(start);
  if (picture !== undefined) return { kind: "picture", picture };
  if (startsWith(start, [0xef, 0xbb, 0xbf])) return { kind: "text", encoding: "utf-8", bomBytes: 3 };
  if (startsWith(start, [0xff, 0xfe]) && !startsWith(start, [0xff, 0xfe, 0, 0])) {
    return { kind: "text", encoding: "utf-16le", bomBytes: 2 };
  }
  if (startsWith(start, [0xfe, 0xff])) return { kind: "text", encoding: "utf-16be", bomBytes: 2 };
  const looked = start.subarray(0, lookedAtBytes);
  if (looked.includes(0) || controls(looked) > looked.length * maxControlShare) return { kind: "binary" };
  const encoding = encodingOf(looked);
  return encoding === undefined ? { kind: "binary" } : { kind: "text", encoding, bomBytes: 0 };
}

export function encodingName(encoding: Encoding, bomBytes: number): string | undefined {
  const names = { "utf-8": "UTF-8", "utf-16le": "UTF-16 LE", "utf-16be": "UTF-16 BE", "windows-1252": "Windows-1252" };
  if (bomBytes > 0) return `${names[encoding]} with BOM`;
  return encoding === "utf-8" ? undefined : `not UTF-8, read as ${names[encoding]}`;
}

/** The media type that the end of a name stands for, by a table that is built in. */
export function mediaTypeOf(path: GuestPath): string | undefined {
  const extension = /[^/]\.([a-z0-9]{1,12})$/i.exec(path)?.[1];
  if (extension === undefined) return undefined;
  // Nothing is opened: only the end of a name is looked up.
  const [type = ""] = Bun.file(`x.${extension}`).type.split(";");
  return type === "application/octet-stream" ? undefined : type;
}

/** Of text, for which a name such as `a.bin` or `a.ts` may stand for something else. */
export function textTypeOf(path: GuestPath): string {
  const type = mediaTypeOf(path);
  return type !== undefined && textTypes.test(type) ? type : "text/plain";
}

const textTypes = /^text\/|^application\/(?:json|xml|toml|yaml|x-sh|.*\+(?:json|xml))$|^image\/svg\+xml$/;

/** More do not change the verdict. */
const lookedAtBytes = 64 * 1024;
/** Of control characters that no text has, but for terminals' escapes. */
const maxControlShare = 0.1;
/** Of bytes that would be wrong in UTF-8, and of those beyond ASCII in older encodings. */
const maxForeignShare = 0.3;

function startsWith(bytes: Uint8Array, beginning: readonly number[]): boolean {
  return beginning.every((byte, at) => bytes[at] === byte);
}

function controls(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if ((byte < 32 && !(byte >= 7 && byte <= 13) && byte !== 27) || byte === 127) count++;
  return count;
}

/** Text with few wrong bytes among other characters beyond ASCII is UTF-8 that was damaged; with nothing but wrong ones, it is older. */
function encodingOf(bytes: Uint8Array): Encoding | undefined {
  const text = new TextDecoder().decode(bytes, { stream: true });
  const wrong = text.split("\ufffd").length - 1;
  if (wrong === 0) return "utf-8";
  if (wrong > bytes.length * maxForeignShare) return undefined;
  const right = (text.match(/[^\0-\x7f\ufffd]/g) ?? []).length;
  return right > wrong ? "utf-8" : "windows-1252";
}
