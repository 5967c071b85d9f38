// get_sessions: the caller's active sessions.

import { Type } from "@sinclair/typebox";
import type { SessionView } from "../../sessions/session.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import { defineTool, type Tool, type ToolErrors } from "../tool.ts";
import { plainResult } from "./plain.ts";

export type GetSessionsOptions = { readonly sessions: Sessions; readonly toolErrors: ToolErrors };

export function getSessions({ sessions, toolErrors }: GetSessionsOptions): Tool {
  return defineTool(
    {
      name: "get_sessions",
      title: "List sessions",
      description: "Lists your active sandbox sessions with their state and when they expire if left unused.",
      input: Type.Object(
        {
          session_id: Type.Optional(
            Type.String({ description: "Only this session; an empty list if it is not active." }),
          ),
        },
        { additionalProperties: false },
      ),
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      call: (args, { principal }) => plainResult({ sessions: sessions.list(principal, args.session_id).map(tell) }),
    },
    toolErrors,
  );
}

function tell(session: SessionView) {
  return {
    session_id: session.sessionId,
    template: session.template,
    flavor: session.flavor,
    status: session.status,
    created_at: new Date(session.createdAt).toISOString(),
    last_accessed: new Date(session.lastAccessed).toISOString(),
    expires_at: new Date(session.expiresAt).toISOString(),
    executions: session.executions,
  };
}
