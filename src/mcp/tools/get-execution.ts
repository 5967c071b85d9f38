// get_execution: how far a run is, and any part of what it has written.

import { Type } from "@sinclair/typebox";
import type { Execution } from "../../sessions/executions/execution.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import { defineTool, type Tool, type ToolErrors } from "../tool.ts";
import type { CallContext } from "../tool-set.ts";
import { type Look, lookAt, sources, units } from "./look.ts";
import { oneOf } from "./schemas.ts";
import { tellExecution } from "./told-execution.ts";

export type ExecutionTool = {
  readonly sessions: Sessions;
  /** Bytes of output in an answer that names no limit. */
  readonly maxOutputBytes: number;
  readonly toolErrors: ToolErrors;
};

/** Clients give a call up after 60 s. */
const maxWaitSeconds = 50;

export function getExecution(options: ExecutionTool): Tool {
  const input = Type.Object(
    {
      execution_id: Type.String({ description: "As a run's result names it." }),
      wait: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: maxWaitSeconds,
          description: "Seconds to wait for its end; with offset, for output behind that or the end. Default: 0.",
        }),
      ),
      stream: Type.Optional(oneOf(sources, "Default: all, as it came.")),
      offset: Type.Optional(
        Type.Integer({ minimum: 0, description: "Read from here on; next_offset of an answer is where to go on." }),
      ),
      limit: Type.Optional(
        Type.Integer({ minimum: 1, description: "How much to read from offset; matches of search." }),
      ),
      unit: Type.Optional(oneOf(units, "Of offset and limit; lines count from 0. Default: bytes.")),
      tail: Type.Optional(Type.Integer({ minimum: 1, description: "Only the last so many lines." })),
      search: Type.Optional(
        Type.String({
          description: "Only lines that this regular expression (RE2) matches, with their numbers, as grep -n.",
        }),
      ),
      around: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 100, description: "Lines told around each match. Default: 2." }),
      ),
    },
    { additionalProperties: false },
  );
  return defineTool(
    {
      name: "get_execution",
      title: "Get execution",
      description:
        "Tells whether a run is still on, how it ended, and what it has written. Without offset, tail or search: the beginning and the end " +
        "of its output.",
      input,
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      call: async ({ execution_id, wait = 0, ...look }, context) => {
        const execution = options.sessions.execution(context.principal, execution_id);
        if (wait > 0) await untilWorthTelling(options, execution, { ...look, waitMs: wait * 1000 }, context);
        const seen = await lookAt(execution, look, options.maxOutputBytes, context.signal);
        return tellExecution(execution, seen);
      },
    },
    options.toolErrors,
  );
}

/** With an offset, output behind it is; else the end alone. */
async function untilWorthTelling(
  { sessions }: ExecutionTool,
  execution: Execution,
  { offset, stream = "all", unit = "bytes", waitMs }: Look & { readonly waitMs: number },
  { signal }: CallContext,
): Promise<void> {
  const { spool } = execution.output;
  const linesBytes = spool.counts[stream];
  const isNews = () => {
    if (offset === undefined) return false;
    return unit === "bytes" ? spool.counts[stream] > offset : spool.counts[stream] > linesBytes;
  };
  await sessions.waitFor(execution, isNews, waitMs, signal);
}
