// What execute_code and execute_command share: the run. Its result as a client reads it is told.ts.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { Flavor } from "../../sandbox/flavors.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { ToolErrors } from "../tool.ts";
import type { CallContext } from "../tool-set.ts";
import type { Reach } from "./reach.ts";
import type { RunDefaults } from "./schemas.ts";
import { tell } from "./told.ts";

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
  readonly template?: string;
  readonly flavor?: Flavor;
  readonly session_id?: string;
  /** Seconds. */
  readonly timeout?: number;
};

export async function runAndTell(tool: RunTool, args: RunArguments, context: CallContext): Promise<CallToolResult> {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const timeoutMs = args.timeout === undefined ? tool.executionTimeoutMs : args.timeout * 1000;
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
  return tell(ran, timeoutMs, context.audience);
}
