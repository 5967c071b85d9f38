// The faults of the SDK's own HTTP transport (1.32), each as the promise that ours keeps.

import { expect, test } from "bun:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { settle } from "../fakes/fake-clock.ts";
import { answerOf, bothTypes, call, messagesOf, openSession, startEdge, text } from "./edge.ts";

test("a POST is not answered 406 for what it accepts", async () => {
  await using edge = await startEdge();
  for (const accept of ["*/*", "application/json", "text/event-stream", "application/json;q=0.5"]) {
    expect([accept, (await edge.post(call(1, "say"), { headers: { accept } })).status]).toEqual([accept, 200]);
  }
});

test("progress is not dropped where JSON would have done", async () => {
  await using edge = await startEdge();
  const answer = edge.post(call(1, "wait", { _meta: { progressToken: 1 } }), { headers: bothTypes });
  const { context, finish } = await edge.tools.arrived(1);
  context.progress("heard");
  finish("");
  expect(await messagesOf(await answer)).toMatchObject([{ method: "notifications/progress" }, { id: 1 }]);
});

test("a cancellation reaches the call it names, though it comes by another HTTP request", async () => {
  await using edge = await startEdge();
  const headers = await openSession(edge);
  void edge.post(call("long", "wait"), { headers });
  const { context } = await edge.tools.arrived(1);
  const params = { requestId: "long" };
  await edge.post({ jsonrpc: "2.0", method: "notifications/cancelled", params }, { headers });
  await settle();
  expect(context.signal.aborted).toBe(true);
});

test("the HTTP answer of a cancelled call settles", async () => {
  await using edge = await startEdge();
  const headers = await openSession(edge);
  const json = edge.post(call(1, "wait"), { headers: { ...headers, accept: "application/json" } });
  const stream = edge.post(call(2, "wait"), { headers: { ...headers, accept: "text/event-stream" } });
  await edge.tools.arrived(2);
  for (const requestId of [1, 2]) {
    await edge.post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } }, { headers });
  }
  expect((await answerOf(json)).error?.code).toBe(-32800);
  expect(await messagesOf(await stream)).toMatchObject([{ id: 2, error: { code: -32800 } }]);
});

test("two requests in flight with one id each get their own result", async () => {
  await using edge = await startEdge();
  const headers = await openSession(edge);
  const first = edge.post(call(1, "wait"), { headers });
  const second = edge.post(call(1, "wait"), { headers });
  const calls = [await edge.tools.arrived(1), await edge.tools.arrived(2)];
  calls[1]?.finish("second");
  calls[0]?.finish("first");
  expect(await answerOf(first)).toEqual({ jsonrpc: "2.0", id: 1, result: text("first") });
  expect(await answerOf(second)).toEqual({ jsonrpc: "2.0", id: 1, result: text("second") });
});

test("the SDK's own client is served: calls, progress, errors with their data, cancelling", async () => {
  await using edge = await startEdge();
  const listener = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: async (request) => await edge.endpoint.handle(request, await request.text(), { principal: "alice" }),
  });
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${listener.port}/mcp`));
  try {
    // The SDK declares its transport's sessionId in a way that exactOptionalPropertyTypes refuses.
    await client.connect(transport as Parameters<typeof client.connect>[0]);
    expect((await client.listTools()).tools).toHaveLength(5);
    expect(await client.callTool({ name: "whoami" })).toEqual(text("alice"));
    await expect(client.callTool({ name: "refuse" })).rejects.toMatchObject({
      data: { error_code: "SESSION_NOT_FOUND" },
    });

    const heard: unknown[] = [];
    const onprogress = (progress: unknown) => heard.push(progress);
    const progressing = client.callTool({ name: "wait" }, undefined, { onprogress });
    const first = await edge.tools.arrived(1);
    first.context.progress("half");
    await Bun.sleep(20);
    first.finish("whole");
    expect(await progressing).toEqual(text("whole"));
    expect(heard).toEqual([{ progress: 1, message: "half" }]);

    const cancelling = new AbortController();
    const cancelled = client.callTool({ name: "wait" }, undefined, { signal: cancelling.signal });
    const { context } = await edge.tools.arrived(2);
    const aborted = new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    cancelling.abort();
    await expect(cancelled).rejects.toThrow();
    await aborted;
    await transport.terminateSession();
  } finally {
    await client.close();
    await listener.stop(true);
  }
});
