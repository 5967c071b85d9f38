// get_sessions: the caller's active sessions.

import { Type } from "@sinclair/typebox";
import type { ExecutionView } from "../../sessions/executions/execution.ts";
import type { SessionView } from "../../sessions/session.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import { defineTool, type Tool, type ToolErrors } from "../tool.ts";
import { absenceFields } from "./absence.ts";
import { plainResult } from "./plain.ts";
import { sessionHeader } from "./schemas.ts";

export type GetSessionsOptions = { readonly sessions: Sessions; readonly toolErrors: ToolErrors };

export function getSessions({ sessions, toolErrors }: GetSessionsOptions): Tool {
  return defineTool(
    {
      name: "get_sessions",
      title: "List sessions",
      description:
        "Lists your active sessions: their state, when they expire if left unused, what runs in them and what ran last.",
      input: Type.Object(
        {
          session_id: Type.Optional(Type.String({ ...sessionHeader, description: "Only this session." })),
        },
        { additionalProperties: false },
      ),
      annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
      call: ({ session_id }, { principal }) => {
        const listed = sessions.list(principal, session_id);
        const absent = session_id === undefined ? undefined : sessions.whyNotActive(principal, session_id);
        return plainResult({
          sessions: listed.map((session) => tell(session, sessions.executionsOf(session.sessionId))),
          ...(absent !== undefined && absenceFields(absent.absence, `No session is listed: ${absent.why}.`)),
        });
      },
    },
    toolErrors,
  );
}

function tell(session: SessionView, executions: readonly ExecutionView[]) {
  const on = executions.filter(({ status }) => status !== "ended");
  const last = executions.findLast(({ status }) => status === "ended");
  return {
    session_id: session.sessionId,
    template: session.template,
    flavor: session.flavor,
    status: session.status,
    created_at: new Date(session.createdAt).toISOString(),
    last_accessed: new Date(session.lastAccessed).toISOString(),
    expires_at: new Date(session.expiresAt).toISOString(),
    executions: session.executions,
    ...(on.length > 0 && { running: on.map(tellExecution) }),
    ...(last !== undefined && { last_execution: tellExecution(last) }),
  };
}

function tellExecution({ executionId, kind, status, preview, startedAt, endedAt, ended, outputBytes }: ExecutionView) {
  return {
    execution_id: executionId,
    kind,
    source: preview,
    status,
    ...(ended !== null && { ended }),
    ...(startedAt !== null && { started_at: new Date(startedAt).toISOString() }),
    ...(endedAt !== null && { ended_at: new Date(endedAt).toISOString() }),
    output_bytes: outputBytes.all,
  };
}
