// Finds the lines of an execution's output that a regular expression matches. The pattern is an agent's: it is matched in linear time
// (RE2), and a search gives way to everything else that the server has to do.

import { RE2JS, RE2JSSyntaxException } from "re2js";
import { Failure } from "../../failure.ts";
import { FoundText } from "./found.ts";
import { type Block, blocksOf, type Line, lastLinesIn, linesIn, piecesOf } from "./lines.ts";
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
  /** So many lines were too long to be searched whole: only their beginnings were. */
  readonly cutLines: number;
};

/** Characters of a pattern. */
const maxPatternLength = 1000;
/** What means another thing to a line than to a text of many: the text's own begin and end, and flags that are taken away. */
const isOfLines = /\\[Az]|\(\?[a-zA-Z]*-/;
/** After so long a search lets everything else have a turn. Milliseconds. */
const turnMs = 10;
/**
 * What a step costs at most: the instructions of the compiled pattern times the characters that it is tried on. That is what RE2 takes where its
 * tables grow too large, 25 million a second.
 */
const maxStepCost = 4_000_000;
const maxInstructions = 1000;
/** Stands for the rest of a line that is cut, so that its beginning does not look like its end. */
const cutOff = "\u{10ffff}";

/** Throws Failure `invalid_arguments` for a pattern that is none. */
export function compile(pattern: string): RE2JS {
  if (pattern.length > maxPatternLength) {
    throw refused(`it has ${pattern.length} characters, and at most ${maxPatternLength} are allowed`);
  }
  try {
    const regex = RE2JS.compile(pattern);
    if (regex.programSize() <= maxInstructions) return regex;
    throw refused(
      `compiled, it has ${regex.programSize()} instructions, and at most ${maxInstructions} are allowed: repeat less, as in {1,50}`,
    );
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
  const searcher = new Searcher(asked);
  let turnEndMs = performance.now() + turnMs;
  for await (const block of blocksOf(spool, asked.source)) {
    if (!(block.isWhole || asked.isEnded)) continue;
    for (const _ of searcher.lookAt(block)) {
      if (performance.now() <= turnEndMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      asked.signal.throwIfAborted();
      turnEndMs = performance.now() + turnMs;
    }
    if (searcher.isFull) break;
  }
  return searcher.found;
}

class Searcher {
  readonly #asked: Search;
  readonly #regex: RE2JS;
  /** Matches a block of lines if one of them matches, and at times else; undefined where that cannot be said of the pattern. */
  readonly #blockRegex: RE2JS | undefined;
  readonly #decoder = new TextDecoder();
  readonly #told: FoundText;
  /** At most `around` lines. */
  #before: Line[] = [];
  #after = 0;
  #matches = 0;
  /** Of the lines that have been gone through, the one behind the last. */
  #nextLine = 0;
  #isFull = false;
  #cutLines = 0;
  readonly #stepLength: number;

  constructor(asked: Search) {
    this.#asked = asked;
    this.#regex = compile(asked.pattern);
    this.#blockRegex = isOfLines.test(asked.pattern) ? undefined : RE2JS.compile(asked.pattern, RE2JS.MULTILINE);
    this.#told = new FoundText(asked.maxBytes);
    this.#stepLength = Math.floor(maxStepCost / Math.max(1, this.#regex.programSize()));
  }

  /** No more can be told. */
  get isFull(): boolean {
    return this.#isFull;
  }

  get found(): Found {
    return {
      text: this.#told.text,
      matches: this.#matches,
      nextLine: this.#nextLine,
      hasMore: this.#isFull,
      cutLines: this.#cutLines,
    };
  }

  /** Yields after each step, which is short. */
  *lookAt(block: Block): Generator<void, void, undefined> {
    for (const piece of piecesOf(block, this.#stepLength)) yield* this.#lookAtPiece(piece);
  }

  *#lookAtPiece(block: Block): Generator<void, void, undefined> {
    if (this.#isFull) return;
    if (this.#after === 0 && !this.#mayMatch(block)) {
      this.#remember(lastLinesIn(block, this.#asked.around));
      this.#nextLine = block.number + block.lineCount;
      yield;
      return;
    }
    for (const line of linesIn(block)) {
      this.#lookAtLine(line);
      if (this.#isFull) return;
      yield;
    }
  }

  #mayMatch(block: Block): boolean {
    if (block.number + block.lineCount <= this.#asked.fromLine) return false;
    // One line is looked at once.
    if (block.lineCount === 1) return true;
    return this.#blockRegex?.test(this.#decoder.decode(block.bytes)) ?? true;
  }

  #test(text: string, cutBytes: number): boolean {
    const isCut = cutBytes > 0 || text.length > this.#stepLength;
    if (!isCut) return this.#regex.test(text);
    this.#cutLines += 1;
    return this.#regex.test(text.slice(0, this.#stepLength) + cutOff);
  }

  #lookAtLine(line: Line): void {
    const { fromLine, limit, around } = this.#asked;
    const text = this.#decoder.decode(line.bytes);
    if (line.number >= fromLine && this.#test(text, line.cutBytes)) {
      const fits = this.#told.hasRoomFor([...this.#before, line]);
      if (this.#matches >= limit || (this.#matches > 0 && !fits)) {
        this.#nextLine = line.number;
        this.#isFull = true;
        return;
      }
      // Rather without the lines around it than not at all.
      if (fits) for (const { number, bytes } of this.#before) this.#told.add(number, "-", this.#decoder.decode(bytes));
      this.#before = [];
      this.#told.add(line.number, ":", text);
      this.#matches += 1;
      this.#after = around;
    } else if (this.#after > 0) {
      this.#told.add(line.number, "-", text);
      this.#after -= 1;
    } else this.#remember([line]);
    this.#nextLine = line.number + 1;
  }

  #remember(lines: readonly Line[]): void {
    const { around } = this.#asked;
    if (around > 0) this.#before = [...this.#before, ...lines].slice(-around);
  }
}
