// Finds the lines of an execution's output that a regular expression matches. The pattern is an agent's: it is matched in linear time
// (RE2), and a search gives way to everything else that the server has to do.

import { RE2JS, RE2JSSyntaxException } from "re2js";
import { Failure } from "../../failure.ts";
import { type Line, linesOf } from "./lines.ts";
import type { Source, Spool } from "./spool.ts";

export type Search = {
  readonly source: Source;
  readonly pattern: string;
  /** Lines told before and after each match. */
  readonly around: number;
  /** The first line to look at; 0 is the first of all. */
  readonly fromLine: number;
  /** Matches to be told at most. */
  readonly limit: number;
  readonly maxBytes: number;
  readonly isEnded: boolean;
  readonly signal: AbortSignal;
};

export type Found = {
  /** As grep -n writes it: `12:matched`, `11-beside it`, `--` between what is apart. */
  readonly text: string;
  readonly matches: number;
  /** The line to go on from. */
  readonly nextLine: number;
  readonly hasMore: boolean;
};

/** Characters of a pattern. */
const maxPatternLength = 1000;
/** What a line is told with, at most: a gap, its number, a mark. Bytes. */
const beforeTextBytes = 20;
/** How long a search holds up everything else at most. Milliseconds. */
const turnMs = 10;

/** Throws Failure `invalid_arguments` for a pattern that is none. */
export function compile(pattern: string): RE2JS {
  if (pattern.length > maxPatternLength) {
    throw refused(`it has ${pattern.length} characters, and at most ${maxPatternLength} are allowed`);
  }
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) throw refused(error.message);
    throw error;
  }
}

function refused(why: string): Failure {
  return new Failure("invalid_arguments", `search is not a regular expression in RE2's syntax: ${why}.`, {
    context: { fields: [{ field: "search", allowed: "a regular expression in RE2's syntax" }] },
    advice: [
      "Backreferences and look-around do not exist there. Escape characters that are meant as they are, as in \\( or \\[.",
    ],
  });
}

/** Throws Failure `invalid_arguments`; the signal's reason; what `Spool.read` does. */
export async function search(spool: Spool, asked: Search): Promise<Found> {
  const regex = compile(asked.pattern);
  const decoder = new TextDecoder();
  const told = new Told(asked.maxBytes);
  /** At most `around` lines. */
  const before: Line[] = [];
  let after = 0;
  let matches = 0;
  let nextLine = asked.fromLine;
  let turnEndMs = performance.now() + turnMs;
  for await (const line of linesOf(spool, asked.source)) {
    if (performance.now() > turnEndMs) {
      await new Promise((resolve) => setImmediate(resolve));
      asked.signal.throwIfAborted();
      turnEndMs = performance.now() + turnMs;
    }
    if (!(line.isWhole || asked.isEnded)) continue;
    const text = decoder.decode(line.bytes);
    const isMatch = line.number >= asked.fromLine && regex.matcher(text).find();
    if (isMatch) {
      const fits = told.hasRoomFor([...before, line]);
      if (matches >= asked.limit || (matches > 0 && !fits)) {
        return { text: told.text, matches, nextLine: line.number, hasMore: true };
      }
      // Rather without the lines around it than not at all.
      if (fits) for (const earlier of before) told.add(earlier.number, "-", decoder.decode(earlier.bytes));
      before.length = 0;
      told.add(line.number, ":", text);
      matches += 1;
      after = asked.around;
    } else if (after > 0) {
      told.add(line.number, "-", text);
      after -= 1;
    } else if (asked.around > 0) {
      before.push(line);
      if (before.length > asked.around) before.shift();
    }
    nextLine = Math.max(asked.fromLine, line.number + 1);
  }
  return { text: told.text, matches, nextLine, hasMore: false };
}

/** What is told, up to a limit: the line that goes beyond it is cut. */
class Told {
  readonly #maxBytes: number;
  #bytes = 0;
  #lastNumber: number | undefined;
  readonly #parts: string[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  hasRoomFor(lines: readonly Line[]): boolean {
    const bytes = lines.reduce((sum, { bytes }) => sum + bytes.length + beforeTextBytes, 0);
    return this.#bytes + bytes <= this.#maxBytes;
  }

  get text(): string {
    return this.#parts.join("");
  }

  /** Lines are counted from 1 here, as people do. */
  add(number: number, mark: ":" | "-", text: string): void {
    if (this.#bytes >= this.#maxBytes) return;
    const gap = this.#lastNumber !== undefined && number > this.#lastNumber + 1 ? "--\n" : "";
    const line = `${gap}${number + 1}${mark}${text}`;
    const room = this.#maxBytes - this.#bytes;
    const isLong = line.length > room;
    const part = isLong ? `${line.slice(0, room).toWellFormed()} [… the rest of this line left out …]\n` : `${line}\n`;
    this.#parts.push(part);
    this.#bytes += Buffer.byteLength(part);
    this.#lastNumber = number;
  }
}
