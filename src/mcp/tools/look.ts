// Which part of an execution's output a call asks for, read.

import { Failure } from "../../failure.ts";
import type { Execution } from "../../sessions/executions/execution.ts";
import { type Range, readBytes, readLines, readTail, type Unit } from "../../sessions/executions/reading.ts";
import { search } from "../../sessions/executions/search.ts";
import type { Source } from "../../sessions/executions/spool.ts";
import { encodedBytes, outputBudgetBytes } from "./fit.ts";

export const sources: readonly Source[] = ["all", "stdout", "stderr"];

export const units: readonly Unit[] = ["bytes", "lines"];

export type Look = {
  readonly stream?: Source;
  readonly offset?: number;
  readonly limit?: number;
  readonly unit?: Unit;
  readonly tail?: number;
  readonly search?: string;
  readonly around?: number;
};

export type Seen = {
  readonly stream: Source;
  readonly output: string;
  /** Undefined where the output was searched. */
  readonly offset: number | undefined;
  readonly nextOffset: number;
  readonly unit: Unit;
  readonly hasMore: boolean;
  /** Of a search. */
  readonly matches: number | undefined;
  /** Lines of which a search has tried the beginning only. */
  readonly cutLines: number;
};

/** Matches that are told where a search names no limit. */
const defaultMatches = 20;

/** Throws Failure `invalid_arguments`; the signal's reason; what `Spool.read` does. */
export async function lookAt(
  execution: Execution,
  look: Look,
  maxOutputBytes: number,
  signal: AbortSignal,
): Promise<Seen> {
  refuseContradiction(look);
  const { limit, unit = "bytes" } = look;
  let maxBytes = limit === undefined || unit === "lines" || look.search !== undefined ? maxOutputBytes : limit;
  for (;;) {
    maxBytes = Math.min(maxBytes, outputBudgetBytes / 2);
    const isEnded = hasEnded(execution);
    const seen = await read(execution, look, { maxBytes, isEnded, signal });
    // It ended meanwhile: who is told so is told its last output, too.
    if (!isEnded && hasEnded(execution)) continue;
    // It is in an answer twice, as text and as structured content.
    const bytes = 2 * encodedBytes(seen.output);
    if (bytes <= outputBudgetBytes) return seen;
    maxBytes = Math.floor(maxBytes * Math.min(0.9, outputBudgetBytes / bytes));
  }
}

function hasEnded({ status }: Execution): boolean {
  return status === "ended";
}

type Reading = { readonly maxBytes: number; readonly isEnded: boolean; readonly signal: AbortSignal };

async function read({ output }: Execution, look: Look, { maxBytes, isEnded, signal }: Reading): Promise<Seen> {
  const { stream = "all", unit = "bytes", offset, limit, tail } = look;
  const { spool } = output;
  if (look.search !== undefined) {
    const { search: pattern, around = 2 } = look;
    const found = await search(spool, {
      ...{ source: stream, pattern, around, fromLine: offset ?? 0, limit: limit ?? defaultMatches },
      ...{ maxBytes, isEnded, signal },
    });
    const { text, nextLine, hasMore, matches, cutLines } = found;
    const told = { stream, output: text, offset: undefined, nextOffset: nextLine, unit: "lines" as const };
    return { ...told, hasMore, matches, cutLines };
  }
  const told = { stream, matches: undefined, cutLines: 0 };
  if (tail !== undefined) {
    const { text, ...window } = await readTail(spool, stream, tail, maxBytes);
    return { ...told, output: text, unit: "bytes", ...window };
  }
  if (offset === undefined && limit === undefined) {
    const nextOffset = spool.counts[stream];
    const { text } = await output.window(stream, maxBytes);
    return { ...told, output: text, unit: "bytes", offset: 0, nextOffset, hasMore: false };
  }
  const range: Range = { source: stream, offset: offset ?? 0, limit, maxBytes, isEnded };
  const { text, ...window } = unit === "lines" ? await readLines(spool, range) : await readBytes(spool, range);
  return { ...told, output: text, unit, ...window };
}

function refuseContradiction(look: Look): void {
  const { tail, search: pattern, unit } = look;
  const other = (["search", "offset", "limit"] as const).find((name) => look[name] !== undefined);
  if (tail !== undefined && other !== undefined) throw contradiction("tail", other, "Leave one of them out.");
  if (pattern !== undefined && unit === "bytes") {
    throw contradiction(
      "search",
      'unit: "bytes"',
      "Leave unit out: the offset of a search is a line, its limit a number of matches.",
    );
  }
}

function contradiction(field: string, other: string, advice: string): Failure {
  return new Failure("invalid_arguments", `${field} and ${other} cannot be given together.`, {
    context: { fields: [field, other].map((name) => ({ field: name.split(":")[0] })) },
    advice: [advice],
  });
}
