// The three ways to speak MCP at a node that does not have the session: progress, cancellation, tasks, resources.

import { describe, expect, test } from "bun:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { messagesOf } from "../mcp/edge.ts";
import { callTool, openOn, post, toolCall, until } from "./ask.ts";
import { startNodes, type TestNode, tokenOf } from "./nodes.ts";

async function connect(node: TestNode) {
  const client = new Client({ name: "test", version: "0" });
  const headers = { Authorization: tokenOf("alice") };
  const url = new URL(`${node.base}/mcp`);
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers } });
  await client.connect(transport);
  return { client, transport, [Symbol.asyncDispose]: () => client.close() };
}

const tasksExtension = "io.modelcontextprotocol/tasks";

/** A request of 2026-07-28 by a client that takes tasks. */
async function ask2026(node: TestNode, method: string, params: Readonly<Record<string, unknown>>) {
  const { name, taskId, uri, arguments: args } = params as Record<string, unknown> & { arguments?: object };
  const session = args === undefined || !("session_id" in args) ? undefined : String(args.session_id);
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": { extensions: { [tasksExtension]: {} } },
  };
  const headers = {
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    "mcp-name": String(name ?? taskId ?? uri ?? ""),
    ...(session !== undefined && { "mcp-param-session-id": session }),
  };
  return await post(node, { jsonrpc: "2.0", id: 7, method, params: { ...params, _meta } }, { headers });
}

type Reply = {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
};

async function replyOf(response: Response): Promise<Reply> {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  return (isStream ? (await messagesOf(response)).at(-1) : await response.json()) as Reply;
}

const busy = (node: TestNode) => node.sessions.list("alice").filter(({ status }) => status === "busy").length;

describe("a client of 2025", () => {
  test("gets the output of another node's run as progress while it is on, and then its result", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    await using connected = await connect(b);
    const heard: string[] = [];
    const code = "print first\nuntil go\nprint last";
    const calling = connected.client.callTool({ name: "execute_code", arguments: { code, session_id } }, undefined, {
      onprogress: ({ message = "" }) => void heard.push(message),
    });
    await until(() => heard.join("").includes("first\n"));
    a.host.only().machine.disk.put("go", "");
    const result = CallToolResultSchema.parse(await calling);
    expect(result.structuredContent).toMatchObject({ stdout: "first\nlast\n", session_id });
    expect(result._meta?.["msb-mcp/node"]).toBe(a.id);
  });

  test("cancels a run on another node", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    await using connected = await connect(b);
    const stop = new AbortController();
    const calling = connected.client
      .callTool({ name: "execute_code", arguments: { code: "forever", session_id } }, undefined, {
        signal: stop.signal,
      })
      .catch((error: unknown) => error);
    await until(() => busy(a) === 1);
    stop.abort("enough");
    expect(await calling).toBeInstanceOf(Error);
    await until(() => busy(a) === 0);
    expect((await callTool(b, "execute_code", { code: "get x", session_id })).result?.content?.[0]?.text).toBe("42\n");
  });

  test("has its failures told as results, as by the owner", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    const session_id = await openOn(a);
    registry.endLease(a.id, 5_000);
    await using connected = await connect(b);
    const args = { name: "execute_code", arguments: { code: "get x", session_id } };
    const result = CallToolResultSchema.parse(await connected.client.callTool(args));
    expect(result.isError).toBe(true);
    expect(result.structuredContent).toMatchObject({ error: { error_code: "SESSION_NOT_FOUND" } });
  });
});

describe("a client of 2026-07-28", () => {
  test("that leaves has cancelled its run on another node", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    const leaving = new AbortController();
    const params = { name: "execute_code", arguments: { code: "forever", session_id } };
    const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
    const calling = fetch(`${b.base}/mcp`, {
      method: "POST",
      signal: leaving.signal,
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: tokenOf("alice"),
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "execute_code",
        "mcp-param-session-id": session_id,
      },
      body: JSON.stringify({
        ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
        params: { ...params, _meta: { ..._meta, "io.modelcontextprotocol/clientCapabilities": {} } },
      }),
    }).catch((error: unknown) => error);
    await until(() => busy(a) === 1);
    leaving.abort();
    await calling;
    await until(() => busy(a) === 0);
  });

  test("has a task on another node: made, listened to, asked for, cancelled", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    const start = async (code: string) => {
      const before = a.clock.sleeping;
      const calling = ask2026(b, "tools/call", { name: "execute_code", arguments: { code, session_id } });
      await until(() => busy(a) === 1 && a.clock.sleeping > before);
      await a.clock.advance(2000);
      const { result } = await replyOf(await calling);
      expect(result).toMatchObject({ resultType: "task", status: "working" });
      return String(result?.taskId);
    };
    const taskId = await start("until go\nprint done");
    const listening = await ask2026(b, "subscriptions/listen", { notifications: { taskIds: [taskId] } });
    expect(await replyOf(await ask2026(b, "tasks/get", { taskId }))).toMatchObject({ result: { status: "working" } });
    expect(await replyOf(await ask2026(b, "tasks/update", { taskId }))).toMatchObject({ result: {} });
    a.host.only().machine.disk.put("go", "");
    const told = await firstOf(listening, "notifications/tasks");
    expect(told).toMatchObject({ params: { taskId, status: "completed" } });

    const other = await start("forever");
    expect((await replyOf(await ask2026(b, "tasks/cancel", { taskId: other }))).error).toBeUndefined();
    await until(() => busy(a) === 0);
    expect(await replyOf(await ask2026(b, "tasks/get", { taskId: other }))).toMatchObject({
      result: { status: "cancelled" },
    });
    const wrong = await post(b, toolCall("get_execution", { execution_id: other }), { principal: "bob" });
    expect(await replyOf(wrong)).toMatchObject({ error: { code: -32602 } });
  });

  test("is told that the task of a node which is gone is lost", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    const session_id = await openOn(a);
    const { result } = await callTool(a, "execute_code", { code: "print", session_id });
    registry.endLease(a.id, 5_000);
    const { error } = await replyOf(await ask2026(b, "tasks/get", { taskId: result?.execution_id }));
    expect(error).toMatchObject({ code: -32602, message: expect.stringContaining(`its node ${a.id} is gone`) });
  });

  test("reads a file of another node's session as a resource, and is told of one that is not there", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    a.host.only().machine.disk.put("note.txt", "of a");
    const read = async (path: string) =>
      await replyOf(await ask2026(b, "resources/read", { uri: `sandbox://${session_id}/${path}` }));
    expect((await read("note.txt")).result).toMatchObject({ contents: [{ text: "of a" }] });
    expect((await read("no.txt")).error).toMatchObject({ code: -32602 });
  });
});

test("a stream that another node keeps is asked for there", async () => {
  await using cluster = await startNodes(2);
  const { a, b } = cluster;
  const request = new Request(`${b.base}/mcp`, { headers: { "last-event-id": "x.1-5" } });
  const response = await b.resumeAt(a.id, request, { principal: "alice" });
  expect(await response?.json()).toEqual({ resumed: "x.1-5", at: a.id });
  expect(await b.resumeAt("zzzzz", request, { principal: "alice" })).toBeUndefined();
});

/** The first message of a stream with this method; the stream is left then. */
async function firstOf(response: Response, method: string): Promise<unknown> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done === true) return undefined;
    unread += value;
    const lines = unread.split("\n");
    unread = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      const message = JSON.parse(line.slice(6)) as { method?: string };
      if (message.method !== method) continue;
      await reader?.cancel();
      return message;
    }
  }
}
