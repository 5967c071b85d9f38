// stop_session: end a session and its sandbox.

import { Type } from "@sinclair/typebox";
import type { Sessions, Stopped } from "../../sessions/sessions.ts";
import { defineTool, type Tool, type ToolErrors } from "../tool.ts";
import { absenceFields } from "./absence.ts";
import { plainResult } from "./plain.ts";
import { sessionHeader } from "./schemas.ts";

export type StopSessionOptions = { readonly sessions: Sessions; readonly toolErrors: ToolErrors };

export function stopSession({ sessions, toolErrors }: StopSessionOptions): Tool {
  return defineTool(
    {
      name: "stop_session",
      title: "Stop session",
      description:
        "Stops a session and deletes its sandbox with all variables, files and processes. Do so when you are done: sessions are limited.",
      input: Type.Object(
        { session_id: Type.String({ ...sessionHeader, description: "The session to stop." }) },
        { additionalProperties: false },
      ),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
      call: async (args, { principal }) => {
        const stopped = await sessions.stop(principal, args.session_id);
        return plainResult({ success: stopped.stopped, session_id: args.session_id, ...whyNot(stopped) });
      },
    },
    toolErrors,
  );
}

function whyNot(stopped: Stopped) {
  if (stopped.stopped) return {};
  const { why, absence } = stopped;
  if (absence === "stopping") {
    const message = `Not stopped yet: ${why}. Its place is taken until then; call stop_session again to wait for it.`;
    return { reason: absence, message };
  }
  return absenceFields(absence, `Nothing was stopped: ${why}.`);
}
