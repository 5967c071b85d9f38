// The requests about tasks: tasks/get, tasks/update, tasks/cancel, and subscriptions/listen for their ends.

import type { JSONRPCNotification, Result } from "@modelcontextprotocol/sdk/types.js";
import type { Caller } from "../caller.ts";
import type { Exchange } from "../exchange.ts";
import { INVALID_PARAMS, INVALID_REQUEST, type IncomingRequest, isRecord } from "../messages.ts";
import { CAPABILITIES_KEY, MISSING_CAPABILITY } from "../meta-2026.ts";
import { ProtocolError } from "../tool.ts";
import type { TaskCaller, TaskSet } from "../tool-set.ts";
import { declaresTasks, tasksExtension } from "./wire.ts";

/** False if the client cannot be reached with it on this request. */
export type Notify = (exchange: Exchange, notification: JSONRPCNotification) => boolean;

const SUBSCRIPTION_KEY = "io.modelcontextprotocol/subscriptionId";
/** Tasks of one subscription. */
const maxListenedTasks = 100;

/** Undefined if it is none about tasks. Throws, or rejects with, ProtocolError. */
export function answerAboutTasks(
  tasks: TaskSet,
  exchange: Exchange,
  caller: Caller,
  notify: Notify,
): Promise<Result> | undefined {
  const { request } = exchange;
  const who: TaskCaller = { principal: caller.principal, audience: caller.audience ?? "agent" };
  switch (request.method) {
    case "tasks/get":
      return tasks.get(who, taskIdOf(request));
    case "tasks/update":
      return acknowledged(() => tasks.update(who, taskIdOf(request)));
    case "tasks/cancel":
      return acknowledged(() => tasks.cancel(who, taskIdOf(request)));
    case "subscriptions/listen":
      return listen(tasks, exchange, who, notify);
    default:
      return undefined;
  }
}

async function acknowledged(act: () => void | Promise<void>): Promise<Result> {
  await act();
  return {};
}

function taskIdOf(request: IncomingRequest): string {
  if (!declaresTasks(request)) throw tasksUndeclared();
  const taskId = request.params?.taskId;
  if (typeof taskId === "string") return taskId;
  throw new ProtocolError(INVALID_PARAMS, 'Invalid params: "taskId" must be a string.');
}

/** Lasts until the client leaves, unless nothing that it asks for is ever told. */
async function listen(tasks: TaskSet, exchange: Exchange, who: TaskCaller, notify: Notify): Promise<Result> {
  const { request } = exchange;
  const _meta = { [SUBSCRIPTION_KEY]: request.id };
  const taskIds = declaresTasks(request) ? askedTasks(request) : [];
  const { signal } = exchange;
  const asked = taskIds.map(async (taskId) => ({ taskId, end: await tasks.ended(who, taskId, signal) }));
  const ends = (await Promise.all(asked)).flatMap(({ taskId, end }) => (end === undefined ? [] : [{ taskId, end }]));
  const notifications = ends.length === 0 ? {} : { taskIds: ends.map(({ taskId }) => taskId) };
  const isHeard = notify(exchange, {
    jsonrpc: "2.0",
    method: "notifications/subscriptions/acknowledged",
    params: { notifications, _meta },
  });
  if (!isHeard) {
    const what =
      "subscriptions/listen is answered by an event stream: send Accept: application/json, text/event-stream.";
    throw new ProtocolError(INVALID_REQUEST, `Invalid request: ${what}`);
  }
  if (ends.length === 0) return { _meta };
  const left = Promise.withResolvers<never>();
  // It may have left while its tasks were looked for.
  if (signal.aborted) throw signal.reason;
  signal.addEventListener("abort", () => left.reject(signal.reason), { once: true });
  const tell = async ({ taskId, end }: (typeof ends)[number]) => {
    await end.over();
    if (signal.aborted) return;
    const task = await tasks.get(who, taskId);
    notify(exchange, { jsonrpc: "2.0", method: "notifications/tasks", params: { ...task, _meta } });
  };
  // A task that is forgotten meanwhile has nothing to be told of.
  for (const end of ends) tell(end).catch(() => undefined);
  return await left.promise;
}

function askedTasks({ params }: IncomingRequest): readonly string[] {
  const filter = params?.notifications;
  if (!isRecord(filter)) throw new ProtocolError(INVALID_PARAMS, 'Invalid params: "notifications" must be an object.');
  const taskIds = filter.taskIds ?? [];
  if (!Array.isArray(taskIds) || !taskIds.every((id): id is string => typeof id === "string")) {
    throw new ProtocolError(INVALID_PARAMS, 'Invalid params: "notifications.taskIds" must be a list of strings.');
  }
  const asked = [...new Set(taskIds)];
  if (asked.length <= maxListenedTasks) return asked;
  const what = `"notifications.taskIds" names ${asked.length} tasks; at most ${maxListenedTasks} are allowed`;
  throw new ProtocolError(INVALID_PARAMS, `Invalid params: ${what}. Listen to the others on another request.`);
}

/** For a request that only clients with tasks can make. */
export function tasksUndeclared(): ProtocolError {
  const message =
    `Missing required client capability: ${tasksExtension}. Declare it in _meta["${CAPABILITIES_KEY}"].extensions ` +
    "of each request.";
  const data = { requiredCapabilities: { extensions: { [tasksExtension]: {} } } };
  return new ProtocolError(MISSING_CAPABILITY, message, { data });
}
