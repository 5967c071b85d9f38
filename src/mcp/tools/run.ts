// What execute_code and execute_command share: the run. Its result as a client reads it is told.ts.

import type { Flavor } from "../../sandbox/flavors.ts";
import type { RunInSession } from "../../sessions/runs.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { ToolErrors } from "../tool.ts";
import type { CallContext, ToolAnswer } from "../tool-set.ts";
import type { Reach } from "./reach.ts";
import type { RunDefaults } from "./schemas.ts";
import { createdTask } from "./tasks.ts";
import { tell, tellLeft } from "./told.ts";

/** A run that is over by then is told at once: most are, and a task costs its client a further request. Milliseconds. */
const taskWaitMs = 2000;

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
  /** Seconds, as the next one. */
  readonly timeout?: number;
  readonly wait?: number;
  readonly stdin?: boolean;
};

export async function runAndTell(tool: RunTool, args: RunArguments, context: CallContext): Promise<ToolAnswer> {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const request: RunInSession = {
    principal: context.principal,
    kind: args.kind,
    source: args.source,
    sessionId: args.session_id,
    template: args.template,
    flavor: args.flavor,
    timeoutMs: args.timeout === undefined ? undefined : args.timeout * 1000,
    stdin: args.stdin === true ? "open" : "empty",
    signal: context.signal,
    onProgress: (message) => context.progress(`${message}\n`),
    onOutput: (stream, bytes) => context.progress(decoders[stream].decode(bytes, { stream: true })),
  };
  const waitMs = waitMsOf(tool, args, context);
  const ran = waitMs === undefined ? await tool.sessions.run(request) : await tool.sessions.runFor(waitMs, request);
  if (ran.status === "running") {
    context.account.spentMs = ran.left.waitedMs;
    if (isTask(args, context))
      return createdTask(tool.sessions.execution(context.principal, ran.execution.executionId));
    return tellLeft(ran, context.audience);
  }
  const { queueMs, bootMs, runMs } = ran.phases;
  context.account.spentMs = queueMs + (bootMs ?? 0) + runMs;
  return tell(ran, context);
}

/** A shorter wait is what the caller asks for by name: it is obeyed. */
function isTask({ wait }: RunArguments, { mayBecomeTask }: CallContext): boolean {
  return mayBecomeTask && (wait === undefined || wait * 1000 > taskWaitMs);
}

/** Programs wait to the end unless they say otherwise (CONTRACT.md section 4). */
function waitMsOf(tool: RunTool, args: RunArguments, context: CallContext): number | undefined {
  if (isTask(args, context)) return taskWaitMs;
  const { wait } = args;
  const { audience } = context;
  if (wait !== undefined) return wait * 1000;
  return audience === "program" ? undefined : tool.executionWaitMs;
}
