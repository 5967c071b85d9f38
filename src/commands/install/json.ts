// Reading and changing JSON, with comments where the program that reads the file allows them. What is not changed keeps every byte:
// only the text of one member goes in, comes out or is replaced. jsonc-parser reads; its own edits format the neighbours anew.

import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parse,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { indentationAt, placeOf, type Style, styleOf, UnusableText } from "./text.ts";

export type JsonRules = { readonly comments: boolean; readonly trailingCommas: boolean };

export type JsonPath = readonly [string, ...string[]];

/** The value at a path; undefined where there is none. Throws UnusableText for a broken file. */
export function readJson(text: string, path: JsonPath, rules: JsonRules): unknown {
  const root = rootOf(text, rules, path);
  const node = root && findNodeAtLocation(root, [...path]);
  return node && getNodeValue(node);
}

/** Puts a value at a path, with the objects on its way. Throws UnusableText where one on the way is something else. */
export function putJson(text: string, path: JsonPath, value: unknown, rules: JsonRules): string {
  const root = rootOf(text, rules, path);
  const style = styleOf(text);
  if (root === undefined) return `${text}${format(nested(path, value), style, "")}${style.eol}`;
  const existing = findNodeAtLocation(root, [...path]);
  if (existing !== undefined) {
    const shown = isOneLine(text, existing.parent?.parent ?? root)
      ? JSON.stringify(value)
      : format(value, style, indentationAt(text, existing.offset));
    return splice(text, [{ start: existing.offset, end: endOf(existing), text: shown }]);
  }
  let holder = root;
  let depth = 0;
  for (; depth < path.length - 1; depth++) {
    const next = findNodeAtLocation(holder, [path[depth] ?? ""]);
    if (next === undefined) break;
    if (next.type !== "object") {
      throw new UnusableText(`${placeOf(text, next.offset)}: ${path.slice(0, depth + 1).join(".")} is not an object`);
    }
    holder = next;
  }
  const [name = "", ...below] = path.slice(depth);
  const member = (base: string | undefined): string => {
    const whole = below.length === 0 ? value : nested(below, value);
    return `${JSON.stringify(name)}:${base === undefined ? "" : " "}${base === undefined ? JSON.stringify(whole) : format(whole, style, base)}`;
  };
  return insert(text, holder, member, style);
}

/** Adds an element at the end of the array at a path, and the array, if it is not there. */
export function appendJson(text: string, path: JsonPath, element: unknown, rules: JsonRules): string {
  const root = rootOf(text, rules, path);
  const array = root && findNodeAtLocation(root, [...path]);
  if (array === undefined) return putJson(text, path, [element], rules);
  if (array.type !== "array")
    throw new UnusableText(`${placeOf(text, array.offset)}: ${path.join(".")} is not an array`);
  const style = styleOf(text);
  return insert(
    text,
    array,
    (base) => (base === undefined ? JSON.stringify(element) : format(element, style, base)),
    style,
  );
}

/** Takes a member or an element out; the text as it is, where there is none. */
export function removeJson(text: string, path: readonly (string | number)[], rules: JsonRules): string {
  const root = rootOf(text, rules, path);
  const value = root && findNodeAtLocation(root, [...path]);
  const member = value?.parent?.type === "property" ? value.parent : value;
  const holder = member?.parent;
  if (member === undefined || holder === undefined) return text;
  const members = holder.children ?? [];
  const before = members[members.indexOf(member) - 1];
  const comma = commaAfter(text, endOf(member));
  const end = comma === undefined ? endOf(member) : comma + 1;
  // A member alone on its lines goes with the line break before it.
  const lineBreak = /\r?\n[ \t]*$/.exec(text.slice(0, member.offset))?.index;
  const edits: Edit[] = [{ start: lineBreak ?? member.offset, end, text: "" }];
  if (lineBreak === undefined) {
    // On one line: the space after a comma goes with it.
    const space = /^[ \t]*/.exec(text.slice(end))?.[0].length ?? 0;
    if (comma !== undefined) edits.splice(0, 1, { start: member.offset, end: end + space, text: "" });
    else if (before !== undefined) edits.splice(0, 1, { start: endOf(before), end, text: "" });
  } else if (comma === undefined && before !== undefined) {
    const own = commaAfter(text, endOf(before));
    if (own !== undefined) edits.unshift({ start: own, end: own + 1, text: "" });
  }
  const removed = splice(text, edits);
  return members.length > 1 ? removed : collapsed(removed, holder.offset);
}

/** What a change has to come to: the same document, but for this. */
export function parsedJson(text: string): unknown {
  return parse(text, [], { allowTrailingComma: true, allowEmptyContent: true });
}

/** Undefined for a text without a value. */
function rootOf(
  text: string,
  { comments, trailingCommas }: JsonRules,
  path: readonly (string | number)[],
): Node | undefined {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, {
    disallowComments: !comments,
    allowTrailingComma: trailingCommas,
    allowEmptyContent: true,
  });
  const [error] = errors;
  if (error !== undefined) {
    const what = printParseErrorCode(error.error)
      .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
      .toLowerCase();
    throw new UnusableText(`${placeOf(text, error.offset)}: ${what}`);
  }
  if (root !== undefined && root.type !== "object")
    throw new UnusableText("the file holds something else than an object");
  if (root !== undefined) refuseTwice(text, root, path);
  return root;
}

/** Of two members with one name, programs take one or the other: a change might be to the one that the client does not read. */
function refuseTwice(text: string, root: Node, path: readonly (string | number)[]): void {
  let holder: Node | undefined = root;
  for (const name of path) {
    const [, second] = (holder?.children ?? []).filter(({ children }) => children?.[0]?.value === name);
    const key = second?.children?.[0];
    if (holder?.type === "object" && key !== undefined) {
      throw new UnusableText(`${placeOf(text, key.offset)}: ${JSON.stringify(name)} is there twice; leave one of them`);
    }
    holder = holder && findNodeAtLocation(holder, [name]);
  }
}

/** `member` gets the indentation of its line, or undefined where all is on one line. */
function insert(text: string, holder: Node, member: (base: string | undefined) => string, style: Style): string {
  const last = holder.children?.at(-1);
  if (last === undefined) return insertFirst(text, holder, member, style);
  const comma = commaAfter(text, endOf(last));
  if (isOneLine(text, holder)) {
    const at = comma === undefined ? endOf(last) : comma + 1;
    const gap = /[,:]\S/.test(text) && !/\n./.test(text) ? "" : " ";
    return splice(text, [{ start: at, end: at, text: `${comma === undefined ? "," : ""}${gap}${member(undefined)}` }]);
  }
  const base = indentationAt(text, holder.children?.[0]?.offset ?? last.offset);
  const at = endOfLine(text, comma === undefined ? endOf(last) : comma + 1);
  const line = `${style.eol}${base}${member(base)}${comma === undefined ? "" : ","}`;
  const edits = [{ start: at, end: at, text: line }];
  if (comma === undefined) edits.unshift({ start: endOf(last), end: endOf(last), text: "," });
  return splice(text, edits);
}

function insertFirst(text: string, holder: Node, member: (base: string | undefined) => string, style: Style): string {
  const start = holder.offset + 1;
  const end = endOf(holder) - 1;
  const outer = indentationAt(text, holder.offset);
  const isMinified = holder.parent !== undefined && !/\n./.test(text);
  if (isMinified) return splice(text, [{ start, end: start, text: member(undefined) }]);
  const base = outer + style.indent;
  const inner = text.slice(start, end);
  const line = `${style.eol}${base}${member(base)}`;
  // Comments in an object that is otherwise empty stay below.
  return inner.trim() === ""
    ? splice(text, [{ start, end, text: `${line}${style.eol}${outer}` }])
    : splice(text, [{ start, end: start, text: line }]);
}

/** An object or array that has just become empty, at this offset: `{}`, unless there are comments in it. */
function collapsed(text: string, offset: number): string {
  const [whole] = /^(?:\{\s*\}|\[\s*\])/.exec(text.slice(offset)) ?? [];
  if (whole === undefined) return text;
  return splice(text, [{ start: offset + 1, end: offset + whole.length - 1, text: "" }]);
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
}

function format(value: unknown, { eol, indent }: Style, base: string): string {
  return JSON.stringify(value, null, indent).replaceAll("\n", `${eol}${base}`);
}

/** Whether the members stand on the line of the opening bracket. */
function isOneLine(text: string, holder: Node): boolean {
  const first = holder.children?.[0];
  return first !== undefined && !text.slice(holder.offset, first.offset).includes("\n");
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}

/** Where the comma is that follows this offset, comments and white space aside. */
function commaAfter(text: string, offset: number): number | undefined {
  const between = /^(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/.exec(text.slice(offset))?.[0] ?? "";
  const at = offset + between.length;
  return text[at] === "," ? at : undefined;
}

/** Past the comments that follow on the line; the offset itself where something else does. */
function endOfLine(text: string, offset: number): number {
  const comments = /^(?:[ \t]*(?:\/\*(?:(?!\*\/)[^\n])*\*\/|\/\/[^\r\n]*))*(?=[ \t]*(?:\r?\n|$))/.exec(
    text.slice(offset),
  );
  return offset + (comments?.[0].length ?? 0);
}

type Edit = { readonly start: number; readonly end: number; readonly text: string };

/** Edits in the order of their places, none over another. */
function splice(text: string, edits: readonly Edit[]): string {
  return edits.reduceRight(
    (whole, { start, end, text: part }) => whole.slice(0, start) + part + whole.slice(end),
    text,
  );
}
