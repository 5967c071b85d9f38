// The tasks of all nodes as one set: a task's id is that of its execution, and tells its node.

import type { Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import type { DetailedTask } from "../mcp/tasks/wire.ts";
import { wireError } from "../mcp/tool.ts";
import type { TaskCaller, TaskSet } from "../mcp/tool-set.ts";
import type { Forwarding } from "./forwarding.ts";
import { executionGone } from "./gone.ts";
import type { OwnTools } from "./own-tools.ts";
import type { Owners } from "./owners.ts";
import type { PeerCall } from "./peers/wire.ts";

export type ClusterTasksOptions = {
  readonly own: OwnTools;
  readonly owners: Owners;
  readonly forwarding: Forwarding;
  readonly clock: Clock;
};

type Act = Extract<PeerCall, { readonly kind: "task" }>["act"];

export function clusterTasks(local: TaskSet, { own, owners, forwarding, clock }: ClusterTasksOptions): TaskSet {
  /** Undefined if the task is one of this node's, or of none. */
  async function elsewhere(
    { principal, audience }: TaskCaller,
    act: Act,
    taskId: string,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<{ readonly answer: unknown } | undefined> {
    const nodeId = owners.otherNodeOf(taskId);
    if (nodeId === undefined) {
      own.mayServe();
      return undefined;
    }
    const reached = await forwarding.ask(nodeId, principal, { kind: "task", act, taskId, audience }, { signal });
    if (reached.kind === "gone") throw executionGone(taskId, reached, clock.now());
    return reached.kind === "answered" ? { answer: reached.answer } : undefined;
  }

  return {
    get: (caller, taskId) =>
      asTasksTell(async () => {
        const told = await elsewhere(caller, "get", taskId);
        return told === undefined ? await local.get(caller, taskId) : (told.answer as DetailedTask);
      }),
    update: (caller, taskId) =>
      asTasksTell(async () => {
        if ((await elsewhere(caller, "update", taskId)) === undefined) await local.update(caller, taskId);
      }),
    cancel: (caller, taskId) =>
      asTasksTell(async () => {
        if ((await elsewhere(caller, "cancel", taskId)) === undefined) await local.cancel(caller, taskId);
      }),
    async ended(caller, taskId, signal) {
      if (owners.otherNodeOf(taskId) === undefined) return await local.ended(caller, taskId, signal);
      try {
        if ((await elsewhere(caller, "get", taskId, signal)) === undefined) return undefined;
      } catch {
        return undefined;
      }
      // A node that goes meanwhile is told when the task is asked for.
      return { over: () => elsewhere(caller, "ended", taskId, signal).then(nothing, nothing) };
    },
  };
}

/** What is thrown goes to the wire as it is. */
async function asTasksTell<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Failure ? wireError(error) : error;
  }
}

function nothing(): void {}
