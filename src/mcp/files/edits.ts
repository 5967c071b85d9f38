// Edits of a text: each replaces one place that is found exactly, in the text as the edits before have left it, or none of them is made.

import { Failure } from "../../failure.ts";
import { mostSimilarLine } from "./similar.ts";

export type Edit = { readonly old: string; readonly new: string; readonly replace_all?: boolean };

/** Of the places of an ambiguous one: lines that are told, and places that are counted. */
const maxToldPlaces = 10;
const maxCountedPlaces = 100;

/** Throws Failure `invalid_arguments` that says how many matches there are and where. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const isCrlf = hasOnlyCrlf(text);
  // Bytes are searched in linear time, whatever is sought in whatever text; strings are not.
  const edited = edits.reduce<Buffer>((current, edit, index) => {
    try {
      return apply(current, edit, isCrlf);
    } catch (error) {
      throw error instanceof Mismatch ? told(error, index, edits.length) : error;
    }
  }, Buffer.from(text));
  return edited.toString("utf8");
}

function told(mismatch: Mismatch, index: number, count: number): Failure {
  const which = count === 1 ? "" : `edit ${index + 1} of ${count}: `;
  return new Failure("invalid_arguments", `${which}${mismatch.message} Nothing was written.`, {
    context: { fields: [{ field: "edits" }], edit: index + 1, ...mismatch.context },
    advice: [mismatch.advice],
    cause: mismatch,
  });
}

/** Why one edit cannot be made. */
class Mismatch extends Error {
  readonly advice: string;
  readonly context: object;

  constructor(message: string, advice: string, context: object = {}) {
    super(message);
    this.advice = advice;
    this.context = context;
  }
}

function apply(text: Buffer, edit: Edit, isCrlf: boolean): Buffer {
  if (edit.old === "") throw new Mismatch("old is empty.", "Give the text that is to be replaced, or use write_file.");
  if (edit.old === edit.new) throw new Mismatch("old and new are the same.", "Leave this edit out.");
  if (!edit.old.isWellFormed() || !edit.new.isWellFormed()) {
    throw new Mismatch("old or new has half a character in it (a lone surrogate).", "Give whole characters.");
  }
  const found = foundAs(text, edit.old);
  const replacement = Buffer.from(isCrlf ? withCrlf(edit.new) : edit.new);
  const first = text.indexOf(found);
  if (first < 0) throw notFound(text, edit.old);
  if (edit.replace_all === true) return replaceAll(text, found, replacement);
  if (text.indexOf(found, first + 1) >= 0) throw ambiguous(text, found);
  return Buffer.concat([text.subarray(0, first), replacement, text.subarray(first + found.length)]);
}

/** In a file with CRLF, models write line breaks as LF. */
function foundAs(text: Buffer, old: string): Buffer {
  const exact = Buffer.from(old);
  if (text.includes(exact) || !text.includes("\r\n")) return exact;
  return Buffer.from(withCrlf(old));
}

function replaceAll(text: Buffer, found: Buffer, replacement: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = text.indexOf(found); at >= 0; at = text.indexOf(found, from)) {
    pieces.push(text.subarray(from, at), replacement);
    from = at + found.length;
  }
  return Buffer.concat([...pieces, text.subarray(from)]);
}

function withCrlf(text: string): string {
  return text.replace(/\r?\n/g, "\r\n");
}

function hasOnlyCrlf(text: string): boolean {
  return text.includes("\r\n") && !/(?:^|[^\r])\n/.test(text);
}

function ambiguous(text: Buffer, found: Buffer): Mismatch {
  const places: number[] = [];
  // Overlapping ones too: which one is meant is as open there.
  for (let at = text.indexOf(found); at >= 0; at = text.indexOf(found, at + 1)) {
    places.push(at);
    if (places.length > maxCountedPlaces) break;
  }
  const isMore = places.length > maxCountedPlaces;
  const matches = isMore ? `more than ${maxCountedPlaces}` : places.length;
  const lines = linesOf(text, places.slice(0, maxToldPlaces));
  const more = places.length > maxToldPlaces ? ", …" : "";
  return new Mismatch(
    `old matches ${matches} times, at lines ${lines.join(", ")}${more}.`,
    "Take in more of the lines around the right one, or set replace_all.",
    { matches: places.length, lines },
  );
}

/** `places` in ascending order. */
function linesOf(text: Buffer, places: readonly number[]): readonly number[] {
  let line = 1;
  let from = 0;
  return places.map((place) => {
    for (; from < place; from++) if (text[from] === lineFeed) line++;
    return line;
  });
}

const lineFeed = 0x0a;

function notFound(text: Buffer, old: string): Mismatch {
  const similar = mostSimilarLine(text.toString("utf8"), old);
  const told =
    similar === undefined ? "" : ` The most similar place is line ${similar.line}: ${JSON.stringify(similar.text)}.`;
  const blanks = similar?.differsInBlanks === true ? " It differs in white space only." : "";
  return new Mismatch(
    `old was not found.${told}${blanks}`,
    "Read that part with read_file, and give the text exactly as it is there.",
    { matches: 0, ...(similar !== undefined && { similar_line: similar.line }) },
  );
}
