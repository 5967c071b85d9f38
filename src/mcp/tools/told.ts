// The result of a run as a client reads it (CONTRACT.md section 5): what programs parse, and the one text that agents get.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { Outcome } from "../../sessions/execution.ts";
import type { Ran } from "../../sessions/sessions.ts";
import type { Audience } from "../caller.ts";
import { fitOutcome } from "./fit.ts";

export function tell(ran: Ran, timeoutMs: number, audience: Audience): CallToolResult {
  const { session, created } = ran;
  const outcome = fitOutcome(ran.outcome);
  const outer = { session_id: session.sessionId, session_created: created };
  const output = outcome.stdout + outcome.stderr;
  const line = summary(ran, timeoutMs);
  return {
    content: audience === "program" ? [text(output), text(line)] : [text(withLine(output, line))],
    isError: !outcome.success,
    ...outer,
    structuredContent: {
      ...outer,
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
      ...(outcome.notices.length > 0 && { notices: outcome.notices }),
    },
  };
}

function text(content: string) {
  return { type: "text" as const, text: content };
}

/** One block: some hosts show a model only the first, and models' APIs refuse an empty one. */
function withLine(output: string, line: string): string {
  return output === "" || output.endsWith("\n") ? output + line : `${output}\n${line}`;
}

/** One line for hosts that show a model only the text. */
function summary({ session, created, outcome, endsSoon }: Ran, timeoutMs: number): string {
  const parts = [
    `session ${session.sessionId}${created ? " (new)" : ""}`,
    howItEnded(outcome, timeoutMs),
    `${Math.round(outcome.durationMs)} ms`,
  ];
  if (outcome.interpreterRestarted) parts.push("interpreter restarted: its variables are gone, files are kept");
  if (endsSoon !== undefined) parts.push(endsSoon);
  return [`[${parts.join(" · ")}]`, ...outcome.notices].join("\n");
}

function howItEnded({ ended, success, exitCode, signal }: Outcome, timeoutMs: number): string {
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
      return "out of memory";
    case "output_limit":
      return "stopped: too much output";
    case "interpreter_exited":
      return signal === null ? "the interpreter exited" : `the interpreter was killed by ${signal}`;
  }
}
