// What an edit changes, as a unified diff.

import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";
import { counted } from "./counted.ts";

/** Lines removed or added up to which the shortest diff is looked for, which takes time by the square; and that time, in milliseconds. */
const maxEditLength = 2000;
const timeoutMs = 500;

/** At most `maxBytes`, cut at the end of a line. */
export function diffOf(shownPath: string, before: string, after: string, maxBytes: number): string {
  const options = { context: 3, maxEditLength, timeout: timeoutMs, headerOptions: FILE_HEADERS_ONLY };
  const [one, other] = [visible(before), visible(after)];
  const diff = createTwoFilesPatch(shownPath, shownPath, one, other, undefined, undefined, options);
  return cut(diff ?? coarse(shownPath, one, other), maxBytes);
}

/** A carriage return at the end of every line tells nothing. */
function visible(text: string): string {
  return text.replaceAll("\r\n", "\n");
}

/** All between the first and the last line that differ. */
function coarse(shownPath: string, before: string, after: string): string {
  const [one, other] = [before.split("\n"), after.split("\n")];
  const shorter = Math.min(one.length, other.length);
  let start = 0;
  while (start < shorter && one[start] === other[start]) start++;
  let end = 0;
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  const removed = one.slice(start, one.length - end);
  const added = other.slice(start, other.length - end);
  const hunk = `@@ -${start + 1},${removed.length} +${start + 1},${added.length} @@`;
  const lines = [...removed.map((line) => `-${line}`), ...added.map((line) => `+${line}`)];
  return [`--- ${shownPath}`, `+++ ${shownPath}`, hunk, ...lines, ""].join("\n");
}

function cut(diff: string, maxBytes: number): string {
  if (Buffer.byteLength(diff) <= maxBytes) return diff;
  const head = Buffer.from(diff).subarray(0, maxBytes);
  const kept = head.subarray(0, head.lastIndexOf("\n") + 1).toString("utf8");
  const left = diff.slice(kept.length).split("\n").length - 1;
  return `${kept}[… ${counted(left, "line")} of the diff left out]\n`;
}
