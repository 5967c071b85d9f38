// Calls that become tasks (2026-07-28, io.modelcontextprotocol/tasks): when, what is told of them, and who can ask.

import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/failure.ts";
import { executionTasks } from "../../src/mcp/tools/tasks.ts";
import { settle } from "../fakes/fake-clock.ts";
import { Restarts } from "../fakes/restarts.ts";
import { serveOverFake } from "../fakes/served.ts";
import { samplePng } from "../programs/sample.ts";
import { eventsOf, messagesOf } from "./edge.ts";
import { type Arguments, executionsOf, running, type Served } from "./tools/executions.ts";

const extension = "io.modelcontextprotocol/tasks";
const declared = { extensions: { [extension]: {} } };
const forever = { command: "print on\nforever", timeout: 1000 };

type Reply = {
  readonly result?: Arguments & { readonly taskId?: string };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
};

function send(
  { url }: Served,
  method: string,
  params: Arguments,
  capabilities: object = declared,
  more: Readonly<Record<string, string | undefined>> = {},
): Promise<Response> {
  const { name, taskId, arguments: args } = params as { name?: string; taskId?: string; arguments?: Arguments };
  const named = name ?? taskId;
  const session = args?.session_id;
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    ...(named !== undefined && { "mcp-name": named }),
    ...(typeof session === "string" && { "mcp-param-session-id": session }),
    ...more,
  };
  const sent = Object.entries(headers).flatMap(([header, value]) => (value === undefined ? [] : [[header, value]]));
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method, params: { ...params, _meta } });
  return fetch(url, { method: "POST", headers: Object.fromEntries(sent), body });
}

async function ask(served: Served, method: string, params: Arguments, capabilities?: object): Promise<Reply> {
  const response = await send(served, method, params, capabilities);
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  return (isStream ? (await messagesOf(response)).at(-1) : await response.json()) as Reply;
}

function run(served: Served, args: Arguments, capabilities?: object): Promise<Reply> {
  return ask(served, "tools/call", { name: "execute_command", arguments: args }, capabilities);
}

/** A call that has become a task. */
async function task(served: Served, args: Arguments = forever) {
  const before = executionsOf(served).filter(({ status }) => status === "running").length;
  const answer = run(served, args);
  await running(served, before + 1);
  await served.clock.advance(2000);
  const { result } = await answer;
  return { created: result, taskId: String(result?.taskId) };
}

function get(served: Served, taskId: string): Promise<Reply> {
  return ask(served, "tasks/get", { taskId });
}

describe("a call of a client that has declared tasks", () => {
  test("becomes a task after 2 s, with the id of its execution", async () => {
    await using served = await serveOverFake();
    const { created } = await task(served);
    const [execution] = executionsOf(served);
    expect(created).toMatchObject({
      resultType: "task",
      taskId: execution?.executionId,
      status: "working",
      statusMessage: `running in session ${execution?.sessionId}`,
      ttlMs: null,
      pollIntervalMs: 2000,
    });
    expect(created).not.toHaveProperty("content");
  });

  test("is answered with its result if the run is over by then", async () => {
    await using served = await serveOverFake();
    const { result } = await run(served, { command: "print done" });
    expect(result).toMatchObject({ resultType: "complete", structuredContent: { status: "ended", stdout: "done\n" } });
  });

  test("is answered after a shorter wait that it names, as running", async () => {
    await using served = await serveOverFake();
    const answer = run(served, { ...forever, wait: 1 });
    await running(served);
    await served.clock.advance(1000);
    expect((await answer).result).toMatchObject({
      resultType: "complete",
      structuredContent: { status: "running", stdout: "on\n" },
    });
  });

  test("becomes a task after 2 s although it names a longer wait", async () => {
    await using served = await serveOverFake();
    expect((await task(served, { ...forever, wait: 30 })).created).toMatchObject({ resultType: "task" });
  });
});

test("a call of a client that has not declared tasks never becomes one, whatever params.task says", async () => {
  await using served = await serveOverFake();
  const params = { name: "execute_command", arguments: forever, task: { ttl: 1000 } };
  const answer = ask(served, "tools/call", params, {});
  await running(served);
  await served.clock.advance(50_000);
  expect((await answer).result).toMatchObject({ resultType: "complete", structuredContent: { status: "running" } });
});

describe("tasks/get", () => {
  test("tells a task that goes on as working, and nothing of its result", async () => {
    await using served = await serveOverFake();
    const { taskId } = await task(served);
    const { result } = await get(served, taskId);
    expect(result).toMatchObject({ resultType: "complete", taskId, status: "working" });
    expect(result).not.toHaveProperty("result");
  });

  test("inlines, again and again, the result that the call would have been answered with", async () => {
    await using served = await serveOverFake();
    const over = Promise.withResolvers<void>();
    served.host.script = async (_request, _sandbox, toy) => {
      await over.promise;
      return await toy();
    };
    const { taskId } = await task(served, { command: "print late" });
    over.resolve();
    await settle();
    for (const _ of [1, 2]) {
      const { result } = await get(served, taskId);
      expect(result).toMatchObject({
        status: "completed",
        result: {
          isError: false,
          session_created: true,
          execution_id: taskId,
          structuredContent: { status: "ended", success: true, stdout: "late\n", exit_code: 0 },
        },
      });
    }
  });

  test("tells a program that failed as completed, with isError in its result", async () => {
    await using served = await serveOverFake();
    const { taskId } = await task(served, { ...forever, timeout: 10 });
    await served.clock.advance(10_000);
    await settle();
    expect((await get(served, taskId)).result).toMatchObject({
      status: "completed",
      result: { isError: true, structuredContent: { ended: "timed_out", stdout: "on\n" } },
    });
  });

  test("of an id that nobody has is an error that names the id, and has no HTTP error", async () => {
    await using served = await serveOverFake();
    const response = await send(served, "tasks/get", { taskId: "execution-none" });
    expect(response.status).toBe(200);
    expect((await response.json()) as Reply).toMatchObject({
      error: { code: -32602, message: expect.stringContaining("execution-none") },
    });
  });
});

describe("tasks/cancel", () => {
  test("ends the run, whose task is cancelled then and has no result; a second one changes nothing", async () => {
    await using served = await serveOverFake();
    const { taskId } = await task(served);
    for (const _ of [1, 2]) {
      const { result } = await ask(served, "tasks/cancel", { taskId });
      expect(result).toMatchObject({ resultType: "complete" });
      expect(result).not.toHaveProperty("status");
      await settle();
    }
    const { result } = await get(served, taskId);
    expect(result).toMatchObject({ status: "cancelled" });
    expect(result).not.toHaveProperty("result");
  });
});

test("tasks/update of a task is acknowledged, and of none refused: no task asks for input", async () => {
  await using served = await serveOverFake();
  const { taskId } = await task(served);
  expect((await ask(served, "tasks/update", { taskId, inputResponses: {} })).result).toMatchObject({
    resultType: "complete",
  });
  const { error } = await ask(served, "tasks/update", { taskId: "execution-none", inputResponses: {} });
  expect(error?.code).toBe(-32602);
});

test.each(["tasks/get", "tasks/update", "tasks/cancel"])("%s needs the declaration: 400 and -32021", async (method) => {
  await using served = await serveOverFake();
  const response = await send(served, method, { taskId: "any" }, {});
  expect(response.status).toBe(400);
  expect((await response.json()) as Reply).toMatchObject({
    error: { code: -32021, data: { requiredCapabilities: declared } },
  });
});

test.each(["tasks/result", "tasks/list"])("%s is no method of this revision", async (method) => {
  await using served = await serveOverFake();
  expect((await ask(served, method, {})).error?.code).toBe(-32601);
});

test("server/discover announces tasks and MCP Apps, initialize does not", async () => {
  await using served = await serveOverFake();
  const { result } = await ask(served, "server/discover", {});
  const ui = "io.modelcontextprotocol/ui";
  expect(result?.capabilities).toEqual({ tools: {}, resources: {}, extensions: { [extension]: {}, [ui]: {} } });
  expect(served.client.getServerCapabilities()).toEqual({ tools: {}, resources: {} });
});

describe("subscriptions/listen", () => {
  test("acknowledges the tasks there are, and tells the end of one with its whole state", async () => {
    await using served = await serveOverFake();
    const { taskId } = await task(served);
    const notifications = { taskIds: [taskId, "execution-none"] };
    const events = eventsOf(await send(served, "subscriptions/listen", { notifications }));
    const next = async () => JSON.parse((await events.next()).value?.data ?? "null") as unknown;
    const _meta = { "io.modelcontextprotocol/subscriptionId": 7 };
    expect(await next()).toMatchObject({
      method: "notifications/subscriptions/acknowledged",
      params: { notifications: { taskIds: [taskId] }, _meta },
    });
    await ask(served, "tasks/cancel", { taskId });
    expect(await next()).toMatchObject({
      method: "notifications/tasks",
      params: { taskId, status: "cancelled", _meta },
    });
    await events.return(undefined);
  });

  test("ends at once if nothing that it asks for is told", async () => {
    await using served = await serveOverFake();
    const response = await send(served, "subscriptions/listen", { notifications: { taskIds: ["execution-none"] } });
    expect(await messagesOf(response)).toMatchObject([
      { method: "notifications/subscriptions/acknowledged", params: { notifications: {} } },
      { id: 7, result: { resultType: "complete" } },
    ]);
  });
});

describe("session_id as a header", () => {
  type Listed = { readonly name: string; readonly inputSchema: { readonly properties?: Record<string, object> } };
  const annotated = (tools: readonly Listed[]) =>
    tools.filter(({ inputSchema }) => JSON.stringify(inputSchema).includes('"x-mcp-header":"Session-Id"'));

  test("is announced to clients of 2026-07-28, and not to older ones", async () => {
    await using served = await serveOverFake();
    const { result } = await ask(served, "tools/list", {});
    const names = annotated(result?.tools as Listed[]).map(({ name }) => name);
    const ofFiles = ["read_file", "write_file", "edit_file", "list_files", "transfer_file"];
    expect(names).toEqual(["execute_code", "execute_command", ...ofFiles, "get_sessions", "stop_session"]);
    expect(JSON.stringify(await served.client.listTools())).not.toContain("x-mcp-header");
  });

  const named = { name: "get_sessions", arguments: { session_id: "session-a" } };
  const cases = [
    ["as in the body", named, "session-a", 200],
    ["in Base64", named, `=?base64?${Buffer.from("session-a").toString("base64")}?=`, 200],
    ["in Base64 that is none", named, "=?base64?c2Vzc2lvbi1h!?=", 400],
    ["missing", named, undefined, 400],
    ["of another session", named, "session-b", 400],
    ["without one in the body", { name: "get_sessions", arguments: {} }, "session-a", 400],
    [
      "missing as in the body, which has null",
      { name: "get_sessions", arguments: { session_id: null } },
      undefined,
      200,
    ],
  ] as const;
  test.each(cases)("%s", async (_, params, header, status) => {
    await using served = await serveOverFake();
    const response = await send(served, "tools/call", params, {}, { "mcp-param-session-id": header });
    expect(response.status).toBe(status);
    if (status === 400) expect(((await response.json()) as Reply).error?.code).toBe(-32020);
  });
});

test("another principal's task is told as one that there is not, and is not ended by asking for it", async () => {
  await using served = await serveOverFake();
  const { taskId } = await task(served);
  const { tasks } = served.tools;
  const other = { principal: "other", audience: "agent" as const };
  await expect(tasks?.get(other, taskId)).rejects.toMatchObject({ code: -32602 });
  expect(() => tasks?.cancel(other, taskId)).toThrow(taskId);
  expect(await tasks?.ended(other, taskId, new AbortController().signal)).toBeUndefined();
  expect((await get(served, taskId)).result).toMatchObject({ status: "working" });
});

test.each([
  ["auto", { status: "completed", result: { isError: true } }],
  ["error", { status: "failed", error: { code: -32603 } }],
] as const)("a run that is lost with its sandbox is told as its call would have been: %s", async (toolErrors, told) => {
  await using served = await serveOverFake({ toolErrors });
  const over = Promise.withResolvers<never>();
  served.host.script = () => over.promise;
  const { taskId } = await task(served);
  over.reject(new Failure("command_execution", "the sandbox was lost."));
  await settle();
  expect((await get(served, taskId)).result).toMatchObject({ taskId, ...told });
});

test("tasks are found again by the server that follows a killed one: with their result, or as stopped with it", async () => {
  await using restarts = new Restarts();
  const caller = { principal: "alice", audience: "agent" as const };
  const { runFor, clock, sessions } = restarts.start();
  const start = async (source: string) => {
    const starting = runFor(2000, source, { kind: "command", stdin: "open" });
    await clock.advance(2000);
    return (await starting).execution.executionId;
  };
  const asked = await start("ask\nwrite made.txt x\nprint done");
  await sessions.execution("alice", asked).input("Ada\n");
  await sessions.execution("alice", asked).settled;
  const isOn = await start("print on\nforever");
  await clock.advance(1000);
  const before = executionTasks({ sessions, toolErrors: "auto" });
  const result = await before.get(caller, asked);
  expect(await before.get(caller, isOn)).toMatchObject({ status: "working" });
  restarts.kill();
  const after = executionTasks({ sessions: restarts.start().sessions, toolErrors: "auto" });
  expect(await after.get(caller, asked)).toMatchObject({
    ...{ taskId: asked, status: "completed", createdAt: "createdAt" in result && result.createdAt },
    result: {
      isError: false,
      content: [{ type: "text" }, { type: "resource_link", name: "made.txt" }],
      structuredContent: {
        ...{ ended: "exited", stdout: "name? got:Ada\ndone\n" },
        files: [{ path: "made.txt", size_bytes: 1 }],
      },
    },
  });
  expect(await after.get(caller, isOn)).toMatchObject({
    ...{ taskId: isOn, status: "completed" },
    result: { isError: true, content: [{ text: expect.stringContaining("the server was stopped while it ran") }] },
  });
  await expect(after.get({ ...caller, principal: "bob" }, asked)).rejects.toMatchObject({ code: -32602 });
});

test("a task's result has what was shown in its place; of the server that follows a killed one, a notice that it was not kept", async () => {
  await using restarts = new Restarts();
  const caller = { principal: "alice", audience: "agent" as const };
  const { runFor, clock, sessions } = restarts.start();
  const source = "print one\nshow-picture 0\nask\nprint two";
  const starting = runFor(2000, source, { kind: "code", stdin: "open" });
  await clock.advance(2000);
  const { executionId } = (await starting).execution;
  await sessions.execution("alice", executionId).input("Ada\n");
  await sessions.execution("alice", executionId).settled;
  const before = await executionTasks({ sessions, toolErrors: "auto" }).get(caller, executionId);
  expect(before).toMatchObject({
    status: "completed",
    result: {
      content: [
        { type: "text", text: "one\n" },
        { type: "image", data: samplePng, mimeType: "image/png" },
        { type: "text", text: expect.stringMatching(/^name\? got:Ada\ntwo\n\[session /) },
      ],
    },
  });
  expect(before).not.toHaveProperty("result.structuredContent");
  restarts.kill();
  const after = executionTasks({ sessions: restarts.start().sessions, toolErrors: "auto" });
  const notices = ["What it has shown was not kept over a restart of the server."];
  expect(await after.get(caller, executionId)).toMatchObject({
    result: { content: [{ type: "text" }], structuredContent: { stdout: "one\nname? got:Ada\ntwo\n", notices } },
  });
});
