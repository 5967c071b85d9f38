// Which part of an execution's output a call asks for, read.

import { Failure } from "../../failure.ts";
import type { PlacedDisplay } from "../../sessions/executions/displays.ts";
import { encodedBytes } from "../../sessions/executions/encoded.ts";
import type { Execution } from "../../sessions/executions/execution.ts";
import type { Outcome } from "../../sessions/executions/outcome.ts";
import { type Range, readBytes, readLines, readTail, type Unit } from "../../sessions/executions/reading.ts";
import { search } from "../../sessions/executions/search.ts";
import type { Source } from "../../sessions/executions/spool.ts";
import { filesBytes } from "./changed-files.ts";
import { displaysBytes } from "./content.ts";
import { fitResult, outputBudgetBytes } from "./fit.ts";

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
  /** What was shown in this part of the output; none of lines that were counted or searched. */
  readonly displays: readonly PlacedDisplay[];
  /** Of the execution, if it has ended: what an answer has of it. */
  readonly result: string | null;
};

type Part = Omit<Seen, "result">;

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
    const shownBytes = displaysBytes(seen.displays, execution.output.displays.all) + filesBytes(changesOf(execution));
    const result = fitResult(resultOf(execution), outputBudgetBytes - shownBytes);
    const roomBytes = outputBudgetBytes - shownBytes - encodedBytes(result ?? "");
    if (bytes <= roomBytes) return { ...seen, result };
    maxBytes = Math.floor(maxBytes * Math.min(0.9, roomBytes / bytes));
  }
}

function hasEnded({ status }: Execution): boolean {
  return status === "ended";
}

export function changesOf({ end }: Execution): Outcome["changes"] {
  return end !== undefined && "outcome" in end ? end.outcome.changes : undefined;
}

function resultOf({ end }: Execution): string | null {
  return end !== undefined && "outcome" in end ? end.outcome.result : null;
}

type Reading = { readonly maxBytes: number; readonly isEnded: boolean; readonly signal: AbortSignal };

async function read({ output }: Execution, look: Look, { maxBytes, isEnded, signal }: Reading): Promise<Part> {
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
    return { ...told, hasMore, matches, cutLines, displays: [] };
  }
  const told = { stream, matches: undefined, cutLines: 0, displays: [] };
  if (tail !== undefined) {
    const { text, ...window } = await readTail(spool, stream, tail, maxBytes);
    return {
      ...told,
      output: text,
      unit: "bytes",
      ...window,
      displays: shownIn(output, stream, text, window, isEnded),
    };
  }
  if (offset === undefined && limit === undefined) {
    const nextOffset = spool.counts[stream];
    const { text, displays } = await output.window(stream, maxBytes);
    return { ...told, output: text, unit: "bytes", offset: 0, nextOffset, hasMore: false, displays };
  }
  const range: Range = { source: stream, offset: offset ?? 0, limit, maxBytes, isEnded };
  const { text, ...window } = unit === "lines" ? await readLines(spool, range) : await readBytes(spool, range);
  const displays = unit === "lines" ? [] : shownIn(output, stream, text, window, isEnded);
  return { ...told, output: text, unit, ...window, displays };
}

/** Each is in one of the windows of who reads on from one to the next: what stands at the end is shown with what follows, or when no more will. */
function shownIn(
  { displays, spool }: Execution["output"],
  stream: Source,
  text: string,
  { offset, nextOffset }: { readonly offset: number; readonly nextOffset: number },
  isEnded: boolean,
): readonly PlacedDisplay[] {
  if (stream === "stderr") return [];
  const isLast = isEnded && nextOffset >= spool.counts[stream];
  const bytes = Buffer.from(text);
  return displays.all.flatMap((display) => {
    const place = display.offsets[stream];
    if (place < offset || place > nextOffset || (place === nextOffset && !isLast)) return [];
    return [{ ...display, at: bytes.subarray(0, place - offset).toString().length }];
  });
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
