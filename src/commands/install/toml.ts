// Reading and changing one table of a TOML file. A table that is new goes to the end, where it is valid whatever is before it; one
// that is there is replaced or taken out by its lines. All else keeps every byte.

import { parse, stringify, TomlError } from "smol-toml";
import { styleOf, UnusableText } from "./text.ts";

type TomlPath = readonly [string, ...string[]];

/** The value at a path; undefined where there is none. Throws UnusableText for a broken file. */
export function readToml(text: string, path: TomlPath): unknown {
  return path.reduce<unknown>((value, name) => (isTable(value) ? value[name] : undefined), parsedToml(text));
}

export function putToml(text: string, path: TomlPath, value: unknown): string {
  const { eol } = styleOf(text);
  const block = stringify(path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value))
    .trim()
    .replaceAll("\n", eol);
  const there = linesOf(text, path);
  if (there !== undefined) return `${text.slice(0, there.start)}${block}${text.slice(there.end)}`;
  if (readToml(text, path) !== undefined) throw writtenOtherwise(path);
  const gap = text === "" || text.endsWith("\n") ? "" : eol;
  return `${text}${gap}${text.trim() === "" ? "" : eol}${block}${eol}`;
}

/** With the empty line before it. */
export function removeToml(text: string, path: TomlPath): string {
  if (readToml(text, path) === undefined) return text;
  const there = linesOf(text, path);
  if (there === undefined) throw writtenOtherwise(path);
  const after = text.slice(there.end).replace(/^[ \t]*\r?\n/, "");
  const before = text.slice(0, there.start).replace(/(^|\n)[ \t]*\r?\n$/, "$1");
  return before + after;
}

export function parsedToml(text: string): unknown {
  try {
    return parse(text, { integersAsBigInt: "asNeeded" });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [what = ""] = error.message.split("\n");
    throw new UnusableText(
      `line ${error.line}, column ${error.column}: ${what.replace("Invalid TOML document: ", "")}`,
      { cause: error },
    );
  }
}

/** From the table's first header to its last line, tables below it included, if they stand together. */
function linesOf(text: string, path: TomlPath): { readonly start: number; readonly end: number } | undefined {
  let start: number | undefined;
  let end = 0;
  let isInside = false;
  let offset = 0;
  for (const line of text.split(/(?<=\n)/)) {
    const header = line.trimStart().startsWith("[") ? headerOf(line) : undefined;
    const isOwn = header !== undefined && path.every((name, index) => header[index] === name);
    // What is before a real header is a document by itself; before one in a text of several lines it is not.
    if (header !== undefined && isOwn !== isInside && isDocument(text.slice(0, offset))) {
      isInside = isOwn;
      if (isOwn) start ??= offset;
    }
    // Comments that stand last before the next header belong to that one.
    const isContent = line.trim() !== "" && !line.trimStart().startsWith("#");
    if (isInside && isContent) end = offset + line.trimEnd().length;
    offset += line.length;
  }
  return start === undefined ? undefined : { start, end };
}

function isDocument(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The names of `[a.b]`; undefined for a line that is no header. */
function headerOf(line: string): readonly string[] | undefined {
  let value: unknown;
  try {
    value = parse(line);
  } catch {
    return undefined;
  }
  const names: string[] = [];
  while (isTable(value)) {
    const [entry] = Object.entries(value);
    if (entry === undefined) break;
    names.push(entry[0]);
    value = entry[1];
  }
  return names;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function writtenOtherwise(path: TomlPath): UnusableText {
  return new UnusableText(
    `${path.join(".")} is not written as a table of its own, which is all that can be changed safely`,
  );
}
