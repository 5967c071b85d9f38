// How an id is told that belongs to a node which is gone: lost, since when, and with what its node.

import { Failure } from "../failure.ts";
import type { ToolAnswer } from "../mcp/tool-set.ts";
import { absenceFields } from "../mcp/tools/absence.ts";
import { plainResult } from "../mcp/tools/plain.ts";
import { type Ending, sessionNotFound, tellAbsence } from "../sessions/endings.ts";
import type { Named } from "./named.ts";
import type { Owner } from "./owners.ts";

export type Gone = Extract<Owner, { readonly kind: "gone" }>;

function endingOf({ node, overMs }: Gone, nowMs: number): Ending {
  const { id, hasLeft } = node;
  const detail = hasLeft ? `its node ${id} was stopped and has not come back` : `its node ${id} is gone`;
  return { principal: "", reason: "lost", at: Math.round(nowMs - overMs), detail };
}

export function sessionGone(sessionId: string, gone: Gone, nowMs: number): Failure {
  return sessionNotFound(sessionId, endingOf(gone, nowMs), nowMs);
}

export function executionGone(executionId: string, gone: Gone, nowMs: number): Failure {
  const { node } = gone;
  const { at } = endingOf(gone, nowMs);
  const what = `${tellAbsence(executionId, endingOf(gone, nowMs), nowMs)}.`;
  return new Failure("execution_not_found", what, {
    context: { execution_id: executionId, reason: "lost", node: node.id, at: new Date(at).toISOString() },
    advice: ["get_sessions tells which executions there are."],
  });
}

/** As the tool tells it of a session of this node. Throws Failure `session_not_found` and `execution_not_found`. */
export function goneAnswer(tool: string, { sessionId, executionId }: Named, gone: Gone, nowMs: number): ToolAnswer {
  if (sessionId === undefined) throw executionGone(executionId ?? "", gone, nowMs);
  const ending = endingOf(gone, nowMs);
  const why = tellAbsence(sessionId, ending, nowMs);
  switch (tool) {
    case "get_sessions":
      return plainResult({ sessions: [], ...absenceFields(ending, `No session is listed: ${why}.`) });
    case "stop_session": {
      const fields = absenceFields(ending, `Nothing was stopped: ${why}.`);
      return plainResult({ success: false, session_id: sessionId, ...fields });
    }
    default:
      throw sessionGone(sessionId, gone, nowMs);
  }
}
