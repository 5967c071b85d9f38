// Executions as tasks of the protocol: the same id, the same life. The result of one that has ended is what its call would have been answered.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { Failure } from "../../failure.ts";
import type { Execution } from "../../sessions/executions/execution.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import { type StructuredContent, structuredAs } from "../structured.ts";
import type { CreatedTask, DetailedTask, TaskFields } from "../tasks/wire.ts";
import { isToldAsError, resultOf, type ToolErrors, wireError } from "../tool.ts";
import type { TaskCaller, TaskSet } from "../tool-set.ts";
import { tell } from "./told.ts";

export type TaskTool = {
  readonly sessions: Sessions;
  readonly toolErrors: ToolErrors;
  /** Default auto. */
  readonly structuredContent?: StructuredContent;
};

/** A client that looks more often learns little sooner. Milliseconds. */
const pollIntervalMs = 2000;

export function executionTasks({ sessions, toolErrors, structuredContent = "auto" }: TaskTool): TaskSet {
  const find = ({ principal }: TaskCaller, taskId: string): Execution => {
    try {
      return sessions.execution(principal, taskId);
    } catch (error) {
      throw error instanceof Failure ? wireError(error) : error;
    }
  };
  return {
    get: async (caller, taskId) => {
      const execution = find(caller, taskId);
      try {
        const task = await detailed(sessions, execution, caller);
        if (task.status !== "completed") return task;
        return { ...task, result: structuredAs(task.result, structuredContent) };
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const fields = fieldsOf(execution);
        if (!isToldAsError(toolErrors, caller.audience)) {
          return completed(fields, resultOf(error));
        }
        const { code, message, data } = wireError(error);
        return { ...fields, status: "failed", error: { code, message, data } };
      }
    },
    update: (caller, taskId) => void find(caller, taskId),
    cancel: (caller, taskId) => find(caller, taskId).cancel("its task was cancelled."),
    ended: async (caller, taskId) => {
      try {
        const execution = sessions.execution(caller.principal, taskId);
        return { over: () => execution.settled };
      } catch {
        return undefined;
      }
    },
  };
}

/** Of an execution that goes on. */
export function createdTask(execution: Execution): CreatedTask {
  return { resultType: "task", ...fieldsOf(execution), status: "working" };
}

/** Throws the Failure of an execution that failed. */
async function detailed(sessions: Sessions, execution: Execution, { audience }: TaskCaller): Promise<DetailedTask> {
  const { end } = execution;
  if (end === undefined) return { ...fieldsOf(execution), status: "working" };
  const fields = fieldsOf(execution);
  if ("outcome" in end && end.outcome.ended === "canceled") return { ...fields, status: "cancelled" };
  const ran = await sessions.ranAs(execution);
  const notices = [...new Set([...ran.outcome.notices, ...execution.output.displays.notices])];
  return completed(fields, tell({ ...ran, outcome: { ...ran.outcome, notices } }, { audience, takesLinks: true }));
}

function completed(fields: TaskFields, result: CallToolResult): DetailedTask {
  return { ...fields, status: "completed", result: { resultType: "complete", ...result } };
}

function fieldsOf(execution: Execution): TaskFields {
  const { executionId, sessionId, status, createdAt, startedAt, endedAt } = execution.view;
  const { waitsFor } = execution;
  const waits = status === "queued" && waitsFor !== undefined ? `, waits for ${waitsFor}` : "";
  return {
    taskId: executionId,
    statusMessage: `${status} in session ${sessionId}${waits}`,
    createdAt: new Date(createdAt).toISOString(),
    lastUpdatedAt: new Date(endedAt ?? startedAt ?? createdAt).toISOString(),
    // As long as the session, whose end nobody knows: each use puts it off.
    ttlMs: null,
    pollIntervalMs,
  };
}
