// What execute_code and execute_command share: the run, and its result as a client reads it (CONTRACT.md section 5).

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { Flavor } from "../../sandbox/flavors.ts";
import type { Outcome } from "../../sessions/execution.ts";
import type { Ran, Sessions } from "../../sessions/sessions.ts";
import type { ToolErrors } from "../tool.ts";
import type { CallContext } from "../tool-set.ts";
import type { Reach } from "./reach.ts";
import { defaultTimeoutMs, type RunDefaults } from "./schemas.ts";

export type RunTool = RunDefaults & {
  readonly sessions: Sessions;
  readonly sessionTimeoutMs: number;
  /** Undefined where the backend decides it. */
  readonly reach?: Reach | undefined;
  readonly toolErrors: ToolErrors;
};

export type RunArguments = {
  readonly kind: "code" | "command";
  readonly source: string;
  readonly maxTimeoutSeconds: number;
  readonly template?: string;
  readonly flavor?: Flavor;
  readonly session_id?: string;
  /** Seconds. */
  readonly timeout?: number;
};

export async function runAndTell(tool: RunTool, args: RunArguments, context: CallContext): Promise<CallToolResult> {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const timeoutMs =
    args.timeout === undefined
      ? defaultTimeoutMs(tool.executionTimeoutMs, args.maxTimeoutSeconds)
      : args.timeout * 1000;
  const ran = await tool.sessions.run({
    principal: context.principal,
    kind: args.kind,
    source: args.source,
    sessionId: args.session_id,
    template: args.template,
    flavor: args.flavor,
    timeoutMs,
    signal: context.signal,
    onProgress: (message) => context.progress(`${message}\n`),
    onOutput: (stream, bytes) => context.progress(decoders[stream].decode(bytes, { stream: true })),
  });
  const { queueMs, bootMs, runMs } = ran.phases;
  context.account.spentMs = queueMs + (bootMs ?? 0) + runMs;
  return tell(ran, timeoutMs);
}

function tell(ran: Ran, timeoutMs: number): CallToolResult {
  const { session, created, outcome } = ran;
  const outer = { session_id: session.sessionId, session_created: created };
  return {
    content: [
      { type: "text", text: outcome.stdout + outcome.stderr },
      { type: "text", text: summary(ran, timeoutMs) },
    ],
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

function howItEnded({ ended, success, exitCode }: Outcome, timeoutMs: number): string {
  if (success) return "success";
  switch (ended) {
    case "exited":
      return exitCode === null ? "error" : `exit code ${exitCode}`;
    case "timed_out":
      return `timed out after ${timeoutMs / 1000} s`;
    case "canceled":
      return "canceled";
    case "signaled":
      return "killed by a signal";
    case "out_of_memory":
      return "out of memory";
    case "output_limit":
      return "stopped: too much output";
    case "interpreter_exited":
      return "the interpreter exited";
  }
}
