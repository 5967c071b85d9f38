// get_execution: how far a run is, and any part of what it has written.

import { Type } from "@sinclair/typebox";
import type { Sessions } from "../../sessions/sessions.ts";
import { shownByResultPage } from "../apps/page.ts";
import { defineTool, type Tool, type ToolErrors } from "../tool.ts";
import { lookAt, sources, units } from "./look.ts";
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
      execution_id: Type.String({ description: "From a run's result." }),
      wait: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: maxWaitSeconds,
          description: "Seconds to wait for its end, with offset for output too. Default: 0.",
        }),
      ),
      stream: Type.Optional(oneOf(sources, "Default: all.")),
      offset: Type.Optional(
        Type.Integer({ minimum: 0, description: "Read from here on: next_offset of the answer before." }),
      ),
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          description: "How much to read from offset, or matches of search (default: 20).",
        }),
      ),
      unit: Type.Optional(oneOf(units, "Of offset and limit; lines count from 0. Default: bytes, for search lines.")),
      tail: Type.Optional(Type.Integer({ minimum: 1, description: "Only the last so many lines." })),
      search: Type.Optional(
        Type.String({
          description: "Only lines that match this regular expression (RE2), as grep -n.",
        }),
      ),
      around: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 100, description: "Lines around each match. Default: 2." }),
      ),
    },
    { additionalProperties: false },
  );
  return defineTool(
    {
      name: "get_execution",
      title: "Get execution",
      description:
        "Tells whether a run is still on, how it ended, and what it has written. Without offset, tail or search: the beginning and end " +
        "of its output.",
      input,
      meta: shownByResultPage,
      annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
      call: async ({ execution_id, wait = 0, ...look }, context) => {
        const { sessions, maxOutputBytes } = options;
        const execution = sessions.execution(context.principal, execution_id);
        const { counts } = execution.output.spool;
        const see = () => lookAt(execution, look, maxOutputBytes, context.signal);
        const { offset, stream = "all" } = look;
        if (wait === 0 || offset !== undefined) {
          const seen = await see();
          // Who reads on from an offset is answered at once if there is something.
          const isNew = seen.output !== "" || seen.displays.length > 0;
          if (wait === 0 || isNew || execution.status === "ended") return tellExecution(execution, seen, context);
        }
        const isNews = () => offset !== undefined && execution.output.spool.counts[stream] > counts[stream];
        await sessions.waitFor(execution, isNews, wait * 1000, context.signal);
        return tellExecution(execution, await see(), context);
      },
    },
    options.toolErrors,
  );
}
