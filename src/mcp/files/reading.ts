// Some lines of an opened text file, counted from its beginning or its end, without reading more of it than that takes.

import { Failure } from "../../failure.ts";
import type { OpenedFile } from "../../sandbox/files.ts";
import { shownPath } from "../../sandbox/shown-paths.ts";
import type { Content } from "./content.ts";
import { lastLines } from "./from-end.ts";
import { LineWindow } from "./lines.ts";
import { piecesOf } from "./pieces.ts";
import { asUtf8 } from "./transcode.ts";

export type LinesRequest = {
  /** From 1; negative: from the end, -1 the last one. Not 0. */
  readonly offset: number;
  readonly limit: number | undefined;
  readonly numbered: boolean;
  /** Of the text that is answered, in UTF-8 and as JSON. */
  readonly maxBytes: number;
  readonly maxEncodedBytes: number;
  /** It has taken as long as it may. */
  readonly isOver: () => boolean;
};

export type ReadLines = {
  readonly text: string;
  /** The number of the first line that is shown; negative where only the end of the file was looked at. */
  readonly first: number;
  readonly count: number;
  /** There is more from there on. */
  readonly nextOffset?: number;
  /** Where the end has been reached. */
  readonly total?: number;
  readonly cutLines: number;
  readonly hasCrlf: boolean;
  readonly hasForeignBytes: boolean;
};

type Text = Extract<Content, { kind: "text" }>;

/** In a file that is answered as a whole no line is cut. */
const maxLineBytes = 4000;
/** Of a smaller one, the lines are counted to number the last ones. */
const countedBytes = 1024 * 1024;

/** Throws Failure `file_refused` if the time is over before the first line has come. */
export async function readLines(file: OpenedFile, content: Text, request: LinesRequest): Promise<ReadLines> {
  const start = await startOf(file, content, request);
  const { numbered, limit, isOver } = request;
  const { sizeBytes } = file.info;
  const isWhole = start.skip === 0 && start.from <= content.bomBytes && sizeBytes > 0 && sizeBytes <= request.maxBytes;
  const window = new LineWindow({
    skip: start.skip,
    maxLines: limit ?? Number.POSITIVE_INFINITY,
    maxBytes: request.maxBytes,
    maxEncodedBytes: request.maxEncodedBytes,
    maxLineBytes: isWhole ? sizeBytes : maxLineBytes,
    encoding: content.encoding,
    prefix: numbered ? (index) => `${start.first + index}\t` : undefined,
  });
  const isAtEnd = await fill(window, file, content, start.from, isOver);
  if (!isAtEnd && window.count === 0) throw notReached(file, window, request);
  const next = start.first + window.count;
  const { text, count, cutLines, endsInCrlf: hasCrlf, hasForeignBytes } = window;
  const read = { text, first: start.first, count, cutLines, hasCrlf, hasForeignBytes };
  if (!isAtEnd) return { ...read, nextOffset: next };
  return start.first < 0 ? read : { ...read, total: count === 0 ? window.passed : next - 1 };
}

type Start = {
  /** The byte where reading begins. */
  readonly from: number;
  /** Lines from there that are passed over. */
  readonly skip: number;
  /** The number of the line behind them. */
  readonly first: number;
};

async function startOf(file: OpenedFile, content: Text, { offset, isOver }: LinesRequest): Promise<Start> {
  const from = content.bomBytes;
  if (offset > 0) return { from, skip: offset - 1, first: offset };
  const isUtf16 = content.encoding.startsWith("utf-16");
  if (isUtf16 || file.info.sizeBytes <= countedBytes) {
    const counted = new LineWindow({ ...nothing, encoding: content.encoding, skip: Number.POSITIVE_INFINITY });
    if (!(await fill(counted, file, content, from, isOver))) throw endNotReached(file, counted);
    const first = Math.max(1, counted.passed + offset + 1);
    return { from, skip: first - 1, first };
  }
  const found = await lastLines(file, -offset, isOver);
  if (found === null) throw endNotReached(file);
  return found.offset === 0 ? { from, skip: 0, first: 1 } : { from: found.offset, skip: 0, first: -found.lines };
}

const nothing = { maxLines: 0, maxBytes: 0, maxEncodedBytes: 0, maxLineBytes: 0 };

/** Whether the end of the file has been reached. */
async function fill(
  window: LineWindow,
  file: OpenedFile,
  { encoding }: Text,
  from: number,
  isOver: () => boolean,
): Promise<boolean> {
  const bytes = piecesOf(file, from);
  const pieces = encoding === "utf-16le" || encoding === "utf-16be" ? asUtf8(bytes, encoding) : bytes;
  for await (const piece of pieces) {
    window.add(piece);
    if (window.isFull || isOver()) return false;
  }
  window.end();
  return !window.isFull;
}

function notReached(file: OpenedFile, window: LineWindow, { offset }: LinesRequest): Failure {
  const path = shownPath(file.info.path);
  if (offset < 0 || window.passed >= offset - 1) return tooSlow(`A line of ${path} is so long that it took too long.`);
  return tooSlow(`Line ${offset} of ${path} was not reached in time: ${window.passed} lines were passed.`);
}

function endNotReached(file: OpenedFile, counted?: LineWindow): Failure {
  const passed = counted === undefined ? "" : `: ${counted.passed} lines were passed`;
  return tooSlow(`The end of ${shownPath(file.info.path)} was not reached in time${passed}.`);
}

function tooSlow(what: string): Failure {
  return new Failure("file_refused", what, {
    context: { reason: "other" },
    advice: ["Look for what you need in the sandbox: execute_command with sed -n, tail, cut or grep."],
  });
}
