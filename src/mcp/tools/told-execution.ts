// An execution as get_execution and control_execution tell it.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { Execution } from "../../sessions/executions/execution.ts";
import { fileLinks, filesFields, filesLines } from "./changed-files.ts";
import { contentOf, displayFields } from "./content.ts";
import { changesOf, type Seen } from "./look.ts";
import { howItEnded, type Reader, tellMissing } from "./told.ts";

export function tellExecution(execution: Execution, seen: Seen, reader: Reader): CallToolResult {
  const { view, end } = execution;
  const { output, nextOffset, hasMore, matches } = seen;
  const { spool } = execution.output;
  const notices = noticesOf(execution, seen.cutLines);
  const parts = [
    view.executionId,
    state(execution),
    ...(matches === undefined ? [] : [`${matches} ${matches === 1 ? "match" : "matches"}`]),
    `next_offset ${nextOffset}${seen.unit === "lines" ? " (lines)" : ""}${hasMore ? ", there is more" : ""}`,
    ...notices,
  ];
  const changes = changesOf(execution);
  const line = [...filesLines(changes), `[${parts.join(" · ")}]`].join("\n");
  const outer = { execution_id: view.executionId, session_id: view.sessionId };
  return {
    content: [
      ...contentOf({ stdout: output, stderr: "", displays: seen.displays }, line, "agent"),
      // Not with each part of a long output.
      ...(hasMore ? [] : fileLinks(view.sessionId, changes, reader)),
    ],
    isError: false,
    ...outer,
    structuredContent: {
      ...outer,
      kind: view.kind,
      status: view.status,
      ...(execution.waitsFor !== undefined && view.status === "queued" && { waits_for: execution.waitsFor }),
      ...(end !== undefined && ended(execution, seen.result)),
      ...(view.startedAt !== null && { started_at: new Date(view.startedAt).toISOString() }),
      ...(view.endedAt !== null && { ended_at: new Date(view.endedAt).toISOString() }),
      stream: seen.stream,
      output,
      ...(seen.offset !== undefined && { offset: seen.offset }),
      next_offset: nextOffset,
      unit: seen.unit,
      has_more: hasMore,
      ...(matches !== undefined && { matches }),
      stdout_bytes: spool.counts.stdout,
      stderr_bytes: spool.counts.stderr,
      ...(notices.length > 0 && { notices }),
      ...displayFields(execution.output.displays.all),
      ...filesFields(changes),
    },
  };
}

function state(execution: Execution): string {
  const { end, runningMs, limits, waitsFor } = execution;
  const time = runningMs === null ? "" : ` after ${(runningMs / 1000).toFixed(1)} s`;
  if (end === undefined) {
    if (runningMs === null) return waitsFor === undefined ? "queued" : `queued, waits for ${waitsFor}`;
    return `running for ${(runningMs / 1000).toFixed(1)} s`;
  }
  if ("failure" in end) return `failed${time}: ${end.failure.message}`;
  return `${howItEnded(end.outcome, limits)}${time}`;
}

function ended({ end, view }: Execution, result: string | null) {
  if (end === undefined) return {};
  if ("failure" in end) return { ended: view.ended, success: false, message: end.failure.message };
  const { outcome } = end;
  return {
    ended: outcome.ended,
    success: outcome.success,
    result,
    exit_code: outcome.exitCode,
    ...(outcome.signal !== null && { signal: outcome.signal }),
    execution_time_ms: Math.round(outcome.durationMs),
    ...(outcome.interpreterRestarted && { interpreter_restarted: true }),
  };
}

/** What is missing of the output, and what is still to come of the input. */
function noticesOf(
  { isTakingInput, end, gone, view: { missing }, output: { displays } }: Execution,
  cutLines = 0,
): string[] {
  const isReading = isTakingInput && end === undefined;
  const goneBytes = gone.stdout + gone.stderr;
  return [
    ...displays.notices,
    isReading && "its program has not read all of its input yet; the rest is given to it as it reads",
    goneBytes > 0 &&
      `${goneBytes} bytes of its output are missing (stdout ${gone.stdout}, stderr ${gone.stderr}): they were on their way when the server was killed`,
    missing !== undefined && tellMissing(missing),
    cutLines > 0 &&
      `${cutLines} ${cutLines === 1 ? "line is" : "lines are"} so long that only the beginning was searched`,
  ].filter((notice) => notice !== false);
}
