// Lines of a file as read_file tells them: which they are, what is behind them, and what is to be known of them.

import { type Content, encodingName } from "../files/content.ts";
import { counted } from "../files/counted.ts";
import type { ReadLines } from "../files/reading.ts";

type Text = Extract<Content, { kind: "text" }>;

/** For the line at the end of an answer. */
export function toldLines(lines: ReadLines, sizeBytes: number, content: Text): readonly string[] {
  return [...rangeOf(lines), counted(sizeBytes, "byte"), ...notesOf(lines, content)];
}

/** For structured content. */
export function lineFields({ first, count, total, nextOffset, cutLines }: ReadLines) {
  return {
    offset: first,
    lines: count,
    ...(total !== undefined && { total_lines: total }),
    ...(nextOffset !== undefined && { next_offset: nextOffset }),
    ...(cutLines > 0 && { cut_lines: cutLines }),
  };
}

function rangeOf({ first, count, total, nextOffset }: ReadLines): string[] {
  if (count === 0) return total === 0 ? ["empty"] : [`line ${first} is behind the end: there are ${total} lines`];
  const last = first + count - 1;
  const range = count === 1 ? `line ${first}` : `lines ${first} to ${last}`;
  if (first < 0) return nextOffset === undefined ? [`the last ${counted(count, "line")}`] : [range, more(nextOffset)];
  if (nextOffset !== undefined) return [range, more(nextOffset)];
  return first === 1 ? [`all of ${counted(count, "line")}`] : [`${range} of ${total}`];
}

function more(nextOffset: number): string {
  return `there is more: go on with offset ${nextOffset}`;
}

function notesOf(lines: ReadLines, { encoding, bomBytes }: Text): string[] {
  return [
    encodingName(encoding, bomBytes),
    lines.hasCrlf && "line breaks are CRLF",
    lines.cutLines > 0 && `${counted(lines.cutLines, "long line")} cut: execute_command with cut -b shows the rest`,
    lines.hasForeignBytes && "bytes that are not UTF-8 are shown as \ufffd",
    lines.count > 0 && lines.total !== undefined && !lines.text.endsWith("\n") && "no line break at the end",
  ].filter((note) => typeof note === "string");
}
