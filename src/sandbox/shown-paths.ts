// Paths as clients read and write them. Most are shown as they are; one with characters that a line cannot show is written as bash writes it,
// $'a\nb', which says what it is and can be given back.

import type { GuestPath } from "./files.ts";

/** Control characters, line and paragraph separators, what turns the direction of text, and bytes that are no part of UTF-8 (PEP 383). */
const unshowable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/u;

const letters: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", e: "\u001b", "\\": "\\", "'": "'" };
const escapes = new Map(Object.entries(letters).map(([letter, character]) => [character, `\\${letter}`]));

/** In one line, and so that `meantPath` of it is the path again. */
export function shownPath(path: GuestPath): string {
  const isPlain = !unshowable.test(path) && !isQuoted(path) && !fromHome.test(path) && path.trim() === path;
  return isPlain ? path : `$'${Array.from(path, escaped).join("")}'`;
}

/** As shells have it. */
const fromHome = /^~(?:\/+|$)/;

/** The path that a client means: what `shownPath` wrote, one that begins with ~/, or anything else as it is. */
export function meantPath(text: string): GuestPath {
  if (!isQuoted(text)) return fromHome.test(text) ? text.replace(fromHome, "") || "." : text;
  const inner = text.slice(2, -1);
  return inner.replace(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gis, (whole, byte, unit, letter) => {
    if (byte !== undefined) return characterOf(Number.parseInt(byte, 16));
    if (unit !== undefined) return String.fromCharCode(Number.parseInt(unit, 16));
    return letters[letter] ?? whole;
  });
}

function isQuoted(text: string): boolean {
  return text.length > 3 && text.startsWith("$'") && text.endsWith("'");
}

function escaped(character: string): string {
  const short = escapes.get(character);
  if (short !== undefined) return short;
  if (!unshowable.test(character)) return character;
  const code = character.charCodeAt(0);
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  const byte = code - escapedByte;
  return byte >= 0x80 && byte <= 0xff ? `\\x${hex(byte, 2)}` : `\\u${hex(code, 4)}`;
}

/** A byte of 128 and more is none of UTF-8 by itself. */
function characterOf(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : escapedByte + byte);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** Where bytes that are no part of UTF-8 are among the code points. */
const escapedByte = 0xdc00;
