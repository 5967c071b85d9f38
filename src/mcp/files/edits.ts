// Edits of a text: each replaces one place that is found exactly, in the text as the edits before have left it, or none of them is made.

import { Failure } from "../../failure.ts";
import { mostSimilarLine } from "./similar.ts";

export type Edit = { readonly old: string; readonly new: string; readonly replace_all?: boolean };

/** Of the places of an ambiguous one. */
const maxToldPlaces = 10;

/** Throws Failure `invalid_arguments` that says how many matches there are and where. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const isCrlf = hasOnlyCrlf(text);
  return edits.reduce((current, edit, index) => {
    try {
      return apply(current, edit, isCrlf);
    } catch (error) {
      throw error instanceof Mismatch ? told(error, index, edits.length) : error;
    }
  }, text);
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

function apply(text: string, edit: Edit, isCrlf: boolean): string {
  if (edit.old === "") throw new Mismatch("old is empty.", "Give the text that is to be replaced, or use write_file.");
  if (edit.old === edit.new) throw new Mismatch("old and new are the same.", "Leave this edit out.");
  const { found, places } = find(text, edit);
  const [first] = places;
  if (first === undefined) throw notFound(text, edit.old);
  if (places.length > 1 && edit.replace_all !== true) throw ambiguous(text, places);
  const replacement = isCrlf ? withCrlf(edit.new) : edit.new;
  if (edit.replace_all === true) return text.split(found).join(replacement);
  return text.slice(0, first) + replacement + text.slice(first + found.length);
}

/** In a file with CRLF, models write line breaks as LF. */
function find(text: string, { old }: Edit): { readonly found: string; readonly places: readonly number[] } {
  const places = placesOf(text, old);
  if (places.length > 0 || !text.includes("\r\n")) return { found: old, places };
  const found = withCrlf(old);
  return { found, places: placesOf(text, found) };
}

/** Overlapping ones too: which one is meant is as open there. */
function placesOf(text: string, found: string): readonly number[] {
  const places: number[] = [];
  for (let at = text.indexOf(found); at >= 0; at = text.indexOf(found, at + 1)) places.push(at);
  return places;
}

function withCrlf(text: string): string {
  return text.replace(/\r?\n/g, "\r\n");
}

function hasOnlyCrlf(text: string): boolean {
  return text.includes("\r\n") && !/(?:^|[^\r])\n/.test(text);
}

function ambiguous(text: string, places: readonly number[]): Mismatch {
  const lines = linesOf(text, places.slice(0, maxToldPlaces));
  const more = places.length > maxToldPlaces ? ", …" : "";
  return new Mismatch(
    `old matches ${places.length} times, at lines ${lines.join(", ")}${more}.`,
    "Take in more of the lines around the right one, or set replace_all.",
    { matches: places.length, lines },
  );
}

/** `places` in ascending order. */
function linesOf(text: string, places: readonly number[]): readonly number[] {
  let line = 1;
  let from = 0;
  return places.map((place) => {
    for (let at = text.indexOf("\n", from); at >= 0 && at < place; at = text.indexOf("\n", from)) {
      line++;
      from = at + 1;
    }
    return line;
  });
}

function notFound(text: string, old: string): Mismatch {
  const similar = mostSimilarLine(text, old);
  const told =
    similar === undefined ? "" : ` The most similar place is line ${similar.line}: ${JSON.stringify(similar.text)}.`;
  const blanks = similar?.differsInBlanks === true ? " It differs in white space only." : "";
  return new Mismatch(
    `old was not found.${told}${blanks}`,
    "Read that part with read_file, and give the text exactly as it is there.",
    { matches: 0, ...(similar !== undefined && { similar_line: similar.line }) },
  );
}
