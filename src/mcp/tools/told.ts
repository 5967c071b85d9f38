// The result of a run as a client reads it (CONTRACT.md section 5): what programs parse, and the one text that agents get.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { RunLimits } from "../../sessions/executions/limits.ts";
import type { Remembered } from "../../sessions/executions/outcome.ts";
import type { Missing } from "../../sessions/executions/spool.ts";
import type { Left, Ran } from "../../sessions/runs.ts";
import type { Audience } from "../caller.ts";
import type { CallContext } from "../tool-set.ts";
import { fileLinks, filesFields, filesLines } from "./changed-files.ts";
import { contentOf, displayFields } from "./content.ts";
import { fitOutcome } from "./fit.ts";

/** Who reads a result. */
export type Reader = Pick<CallContext, "audience" | "takesLinks">;

export function tell(ran: Ran, reader: Reader): CallToolResult {
  const { session } = ran;
  const outcome = fitOutcome(ran.outcome);
  const outer = outerFields(ran);
  const notices = [...outcome.notices, ...missingParts(ran)];
  return {
    content: [
      ...contentOf(outcome, summary(ran, notices, reader.audience), reader.audience),
      ...fileLinks(session.sessionId, outcome.changes, reader),
    ],
    isError: !outcome.success,
    ...outer,
    structuredContent: {
      ...outer,
      status: "ended",
      success: outcome.success,
      ended: outcome.ended,
      stdout: outcome.stdout,
      stderr: outcome.stderr,
      result: outcome.result,
      exit_code: outcome.exitCode,
      ...(outcome.signal !== null && { signal: outcome.signal }),
      execution_time_ms: Math.round(outcome.durationMs),
      template: session.template,
      flavor: session.flavor,
      expires_at: new Date(session.expiresAt).toISOString(),
      stdout_truncated_bytes: outcome.stdoutTruncatedBytes,
      stderr_truncated_bytes: outcome.stderrTruncatedBytes,
      ...(outcome.interpreterRestarted && { interpreter_restarted: true }),
      ...(notices.length > 0 && { notices }),
      ...displayFields(outcome.displays),
      ...filesFields(outcome.changes),
      ...lateFields(ran),
    },
  };
}

/** A run that goes on: what it has written so far, and what can be done about it. */
export function tellLeft(ran: Left, audience: Audience): CallToolResult {
  const { session, left, execution, endsSoon } = ran;
  const fitted = fitOutcome({
    ...{ stdout: left.stdout.text, stdoutTruncatedBytes: left.stdout.truncatedBytes },
    ...{ stderr: left.stderr.text, stderrTruncatedBytes: left.stderr.truncatedBytes, result: null },
    displays: left.displays,
  });
  const parts = [
    sessionPart(ran),
    `${left.status} after ${seconds(left.waitedMs)}`,
    ...(left.waitsFor === undefined ? [] : [`waits for ${left.waitsFor}`]),
    ...(endsSoon === undefined ? [] : [endsSoon]),
  ];
  const next = JSON.stringify({ execution_id: execution.executionId, wait: 50 });
  const goesOn = `it goes on: get_execution ${next} waits for its end, control_execution ends it`;
  const notices = missingParts(ran);
  const line = inOrder(`[${parts.join(" · ")} · ${goesOn}]`, [...notices, ...lateLines(ran)], audience);
  const outer = outerFields(ran);
  return {
    content: contentOf(fitted, line, audience),
    isError: false,
    ...outer,
    structuredContent: {
      ...outer,
      status: left.status,
      stdout: fitted.stdout,
      stderr: fitted.stderr,
      ...(left.waitsFor !== undefined && { waits_for: left.waitsFor }),
      template: session.template,
      flavor: session.flavor,
      stdout_truncated_bytes: fitted.stdoutTruncatedBytes,
      stderr_truncated_bytes: fitted.stderrTruncatedBytes,
      ...(notices.length > 0 && { notices }),
      ...displayFields(fitted.displays),
      ...lateFields(ran),
    },
  };
}

function outerFields({ session, created, execution }: Ran | Left) {
  return { session_id: session.sessionId, session_created: created, execution_id: execution.executionId };
}

function lateFields({ late }: Ran | Left) {
  if (late.length === 0) return {};
  return {
    background_output: late.map(({ executionId, bytes, offset }) => ({ execution_id: executionId, bytes, offset })),
  };
}

/** Of how many earlier executions a result has a line. */
const maxLateLines = 3;

function lateLines({ late }: Ran | Left): readonly string[] {
  return late.slice(0, maxLateLines).map(({ executionId, bytes, offset }) => {
    const call = JSON.stringify({ execution_id: executionId, offset });
    return `[background output of an earlier run: ${bytes} bytes, get_execution ${call}]`;
  });
}

/** What of the output is neither in the answer nor can be read by its id. */
function missingParts({ execution: { missing } }: Ran | Left): readonly string[] {
  // That of a session that has ended is gone with it, as its answer tells.
  if (missing === undefined || missing.why === "end") return [];
  return [`[${tellMissing(missing)}: what this answer leaves out of it is lost]`];
}

/** A clause. */
export function tellMissing(missing: Missing): string {
  switch (missing.why) {
    case "disk":
      return `${missing.bytes} bytes at the end of its output could not be kept, as the server's disk takes no more`;
    case "limit":
      return `${missing.bytes} bytes at the end of its output were not kept, as one execution may keep no more (--max-kept-output-bytes)`;
    case "room":
      return "its output was dropped, as all executions together may keep no more (--max-kept-output-total-bytes)";
    case "end":
      return "its output is gone, as its session has ended";
  }
}

function sessionPart({ session, created }: Ran | Left): string {
  return `session ${session.sessionId}${created ? " (new)" : ""}`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

/** One line for hosts that show a model only the text. */
function summary(ran: Ran, notices: readonly string[], audience: Audience): string {
  const { outcome, endsSoon, execution } = ran;
  const parts = [sessionPart(ran), howItEnded(outcome, execution.limits), `${Math.round(outcome.durationMs)} ms`];
  if (outcome.interpreterRestarted) parts.push("interpreter restarted: its variables are gone, files are kept");
  if (endsSoon !== undefined) parts.push(endsSoon);
  const others = [...filesLines(outcome.changes), ...notices, ...lateLines(ran)];
  return inOrder(`[${parts.join(" · ")}]`, others, audience);
}

/** A program's second block begins with the session's line, an agent's text ends with it. */
function inOrder(line: string, others: readonly string[], audience: Audience): string {
  return (audience === "program" ? [line, ...others] : [...others, line]).join("\n");
}

export function howItEnded(
  { ended, success, exitCode, signal }: Remembered,
  { timeoutMs, maxKeptOutputBytes, flavor, memoryMib }: RunLimits,
): string {
  if (success) return "success";
  switch (ended) {
    case "exited":
      return exitCode === null ? "error" : `exit code ${exitCode}`;
    case "timed_out":
      return `timed out after ${timeoutMs / 1000} s`;
    case "canceled":
      return "canceled";
    case "signaled":
      return signal === null ? "killed by a signal" : `killed by ${signal}`;
    case "out_of_memory":
      return `out of memory: more than the ${memoryMib} MB of flavor ${flavor} (--flavor)`;
    case "output_limit":
      return `stopped: more than ${maxKeptOutputBytes} bytes of output (--max-kept-output-bytes)`;
    case "interpreter_exited":
      return signal === null ? "the interpreter exited" : `the interpreter was killed by ${signal}`;
  }
}
