// The tools that the suite's scenarios of the tasks extension call, and the table of their tasks.

import type { Result } from "@modelcontextprotocol/sdk/types.js";
import { type IncomingRequest, isRecord } from "../../src/mcp/messages.ts";
import { tasksUndeclared } from "../../src/mcp/tasks/requests.ts";
import { declaresTasks } from "../../src/mcp/tasks/wire.ts";
import { ProtocolError } from "../../src/mcp/tool.ts";
import { elicit, type InputRequest, inputRequired, type Params, responseTo } from "./fixture-input.ts";

type Status = "working" | "input_required" | "completed" | "failed" | "cancelled";
type Task = {
  readonly taskId: string;
  readonly createdAt: string;
  lastUpdatedAt: string;
  status: Status;
  /** What it still asks for. */
  readonly inputRequests: Record<string, InputRequest>;
  outcome: { readonly result: Result } | { readonly error: { readonly code: number; readonly message: string } } | null;
  readonly work: () => Promise<Result>;
};

/** What a tool does: at once, or as a task, which may ask for input first. */
type Plan =
  | { readonly atOnce: Result }
  | { readonly work: () => Promise<Result>; readonly asks?: Readonly<Record<string, InputRequest>> };

const askConfirmation = elicit("Please confirm", { confirm: "boolean" });

const plans: Readonly<Record<string, (args: Params, params: Params) => Plan>> = {
  greet: ({ name }) => ({ atOnce: text(`Hello, ${String(name)}!`) }),
  slow_compute: ({ seconds }) => {
    const done = text(`Computed for ${Number(seconds)} s.`);
    if (Number(seconds) === 0) return { atOnce: done };
    return { work: () => Bun.sleep(Number(seconds) * 1000).then(() => done) };
  },
  failing_job: () => ({ work: async () => ({ isError: true, ...text("The job failed.") }) }),
  protocol_error_job: () => ({
    work: async () => {
      throw new ProtocolError(-32603, "Internal error: the job is broken.");
    },
  }),
  confirm_delete: ({ filename }) => ({
    asks: { confirm: askConfirmation },
    work: async () => text(`Deleted ${String(filename)}.`),
  }),
  multi_input: () => ({
    asks: { first: elicit("First name?", { name: "string" }), second: elicit("Second name?", { name: "string" }) },
    work: async () => text("Both are there."),
  }),
  test_tool_with_task: (_args, params) => {
    const response = responseTo(params, "user_name");
    if (response === undefined) {
      return { atOnce: inputRequired({ user_name: elicit("What is your name?", { name: "string" }) }) };
    }
    const name = isRecord(response.content) ? response.content.name : undefined;
    return { work: async () => text(`Hello, ${String(name)}!`) };
  },
};

export const taskTools = Object.keys(plans);

/** Tools whose work is too long for a client without tasks. */
const onlyAsTask: readonly string[] = ["failing_job", "test_tool_with_task"];

export class FixtureTasks {
  readonly #tasks = new Map<string, Task>();

  /** Undefined if it is none of these tools. */
  async call(request: IncomingRequest): Promise<Result | undefined> {
    const params = request.params ?? {};
    const name = String(params.name);
    const plan = plans[name]?.(isRecord(params.arguments) ? params.arguments : {}, params);
    if (plan === undefined) return undefined;
    const isDeclared = declaresTasks(request);
    if (!isDeclared && onlyAsTask.includes(name)) throw tasksUndeclared();
    if ("atOnce" in plan) return plan.atOnce;
    if (!isDeclared) return await plan.work();
    const at = new Date().toISOString();
    const { work, asks = {} } = plan;
    const own = { taskId: crypto.randomUUID(), createdAt: at, lastUpdatedAt: at, inputRequests: { ...asks } };
    const task: Task = { ...own, status: "working", outcome: null, work };
    this.#tasks.set(task.taskId, task);
    const created = { resultType: "task", ...fieldsOf(task) };
    this.#goOn(task);
    return created;
  }

  /** Undefined if it is no request about tasks. */
  ask(request: IncomingRequest): Result | undefined {
    switch (request.method) {
      case "tasks/get": {
        const task = this.#find(request);
        const asks = task.status === "input_required" && { inputRequests: task.inputRequests };
        return { ...fieldsOf(task), ...asks, ...task.outcome };
      }
      case "tasks/update": {
        const task = this.#find(request);
        const responses = request.params?.inputResponses;
        for (const key of Object.keys(isRecord(responses) ? responses : {})) delete task.inputRequests[key];
        if (task.status === "input_required") this.#goOn(task);
        return {};
      }
      case "tasks/cancel": {
        const task = this.#find(request);
        if (task.outcome === null) set(task, "cancelled");
        return {};
      }
      default:
        return undefined;
    }
  }

  #find(request: IncomingRequest): Task {
    if (!declaresTasks(request)) throw tasksUndeclared();
    const task = this.#tasks.get(String(request.params?.taskId));
    if (task === undefined) throw new ProtocolError(-32602, "Invalid params: there is no such task.");
    return task;
  }

  #goOn(task: Task): void {
    if (Object.keys(task.inputRequests).length > 0) {
      set(task, "input_required");
      return;
    }
    set(task, "working");
    task.work().then(
      (result) => end(task, "completed", { result }),
      (error: ProtocolError) => end(task, "failed", { error: { code: error.code, message: error.message } }),
    );
  }
}

function end(task: Task, status: Status, outcome: NonNullable<Task["outcome"]>): void {
  if (task.status !== "working") return;
  task.outcome = outcome;
  set(task, status);
}

function set(task: Task, status: Status): void {
  task.status = status;
  task.lastUpdatedAt = new Date().toISOString();
}

function fieldsOf({ taskId, status, createdAt, lastUpdatedAt }: Task) {
  return { taskId, status, createdAt, lastUpdatedAt, ttlMs: 600_000, pollIntervalMs: 100 };
}

function text(text: string): Result {
  return { content: [{ type: "text", text }] };
}
