// MCP sessions of the 2025 revisions where several servers answer at one address, and any of them may get the next request.

import { describe, expect, test } from "bun:test";
import { settle } from "../fakes/fake-clock.ts";
import { answerOf, call, eventsOf, messagesOf, openSession, startEdge, text } from "./edge.ts";
import { FakeBus, startNodes } from "./nodes.ts";

const cancelled = (requestId: unknown) => ({
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId, reason: "test" },
});

async function two(bus = new FakeBus(), reachable?: ReadonlySet<string>) {
  const started = await startNodes(["aaaaa", "bbbbb"], bus, reachable);
  const [a, b] = started.nodes;
  if (a === undefined || b === undefined) throw new Error("unreachable");
  const stop = async () => {
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
  };
  return { a, b, bus, start: started.start, [Symbol.asyncDispose]: stop };
}

describe("an MCP session of another node", () => {
  test("is taken, for its principal only", async () => {
    await using nodes = await two();
    const headers = await openSession(nodes.a);
    expect((await answerOf(nodes.b.post(call(1, "say"), { headers }))).result).toEqual(text("{}"));
    expect((await nodes.b.post(call(1, "say"), { headers, principal: "mallory" })).status).toBe(404);
  });

  test("that its client ends is ended at every node, and what any of them works on for it is cancelled", async () => {
    await using nodes = await two();
    const headers = await openSession(nodes.a);
    const answer = nodes.a.post(call(5, "wait"), { headers });
    const { context } = await nodes.a.tools.arrived(1);
    expect((await nodes.b.delete(headers)).status).toBe(204);
    expect((await answerOf(answer)).error?.code).toBe(-32800);
    expect(context.signal.aborted).toBe(true);
    for (const node of [nodes.a, nodes.b]) expect((await node.post(call(6, "say"), { headers })).status).toBe(404);
  });

  test("that was ended before a node started stays ended there", async () => {
    await using nodes = await two();
    const headers = await openSession(nodes.a);
    await nodes.a.delete(headers);
    await using late = await nodes.start("ccccc");
    await settle();
    expect((await late.post(call(1, "say"), { headers })).status).toBe(404);
  });

  test("that was ended while a node could not be told is ended there once it can", async () => {
    await using nodes = await two();
    const headers = await openSession(nodes.a);
    nodes.bus.announced.push({ type: "mcp_session.ended", mcpSessionId: headers["mcp-session-id"] });
    expect((await nodes.b.post(call(1, "say"), { headers })).status).toBe(200);
    nodes.bus.isDown = true;
    await nodes.b.clock.advance(6 * 60_000);
    expect((await nodes.b.post(call(2, "say"), { headers })).status).toBe(200);
    nodes.bus.isDown = false;
    await nodes.b.clock.advance(6 * 60_000);
    expect((await nodes.b.post(call(3, "say"), { headers })).status).toBe(404);
  });
});

describe("a cancellation", () => {
  test("reaches the request at whatever node it is worked on", async () => {
    await using nodes = await two();
    const headers = await openSession(nodes.a);
    const answer = nodes.a.post(call("five", "wait"), { headers });
    const { context } = await nodes.a.tools.arrived(1);
    expect((await nodes.b.post(cancelled("five"), { headers })).status).toBe(202);
    expect((await answerOf(answer)).error?.message).toBe("Request cancelled: by the client.");
    expect(context.signal.aborted).toBe(true);
  });

  test("does not reach another session's request of the same id", async () => {
    await using nodes = await two();
    const answer = nodes.a.post(call(5, "wait"), { headers: await openSession(nodes.a) });
    const { context, finish } = await nodes.a.tools.arrived(1);
    await nodes.b.post(cancelled(5), { headers: await openSession(nodes.a) });
    await settle();
    expect(context.signal.aborted).toBe(false);
    finish("done");
    expect((await answerOf(answer)).result).toEqual(text("done"));
  });

  test("of a request that is worked on here is told to nobody", async () => {
    await using nodes = await two();
    const headers = await openSession(nodes.a);
    const answer = nodes.a.post(call(5, "wait"), { headers });
    await nodes.a.tools.arrived(1);
    await nodes.a.post(cancelled(5), { headers });
    await answer;
    expect(nodes.bus.announced).toEqual([]);
  });

  test("that cannot be told fails nothing, and one too large to be told is as one of nothing", async () => {
    await using nodes = await two();
    const headers = await openSession(nodes.a);
    nodes.bus.isDown = true;
    expect((await nodes.a.post(cancelled(5), { headers })).status).toBe(202);
    expect((await nodes.a.delete(headers)).status).toBe(204);
    nodes.bus.isDown = false;
    const other = await openSession(nodes.a);
    expect((await nodes.a.post(cancelled("x".repeat(201)), { headers: other })).status).toBe(202);
    await settle();
    expect(nodes.bus.announced).toEqual([]);
    expect(nodes.a.events.filter(({ type }) => type === "cancel.unmatched")).toHaveLength(1);
  });
});

describe("Last-Event-ID of a stream that another node keeps", () => {
  const lostAt = async (nodes: Awaited<ReturnType<typeof two>>) => {
    const headers = await openSession(nodes.a);
    const answer = nodes.a.post(call(1, "wait"), { headers });
    const { finish } = await nodes.a.tools.arrived(1);
    await nodes.a.clock.advance(10_000);
    const lost = eventsOf(await answer);
    const priming = (await lost.next()).value;
    await lost.return(undefined);
    return { headers: { ...headers, "last-event-id": priming?.id ?? "" }, finish };
  };

  test("is answered with the rest of the stream, while its call runs and after it has ended", async () => {
    await using nodes = await two();
    const { headers, finish } = await lostAt(nodes);
    expect(headers["last-event-id"]).toMatch(/^aaaaa\./);
    const running = await nodes.b.get(headers);
    expect(running.status).toBe(200);
    finish("found");
    const result = { jsonrpc: "2.0", id: 1, result: text("found") };
    expect(await messagesOf(running)).toEqual([result]);
    expect(await messagesOf(await nodes.b.get(headers))).toEqual([result]);
  });

  test("is unknown to another principal, and where that node cannot be asked", async () => {
    await using nodes = await two(new FakeBus(), new Set());
    const { headers, finish } = await lostAt(nodes);
    expect((await nodes.b.get(headers, "mallory")).status).toBe(404);
    expect((await nodes.b.get(headers)).status).toBe(400);
    expect((await nodes.b.get({ ...headers, "last-event-id": "zzzzz.1-1" })).status).toBe(400);
    finish("kept");
    expect((await nodes.a.get(headers)).status).toBe(200);
  });

  test("is never handed on a second time", async () => {
    await using nodes = await two();
    const { headers, finish } = await lostAt(nodes);
    const request = new Request("http://localhost/mcp", { headers });
    expect(nodes.b.endpoint.resume(request, { principal: "alice" }).status).toBe(400);
    finish("kept");
  });
});

test("an endpoint that has ended hears nothing any more", async () => {
  const bus = new FakeBus();
  const edge = await startEdge({ node: { id: "aaaaa", bus: bus.of("aaaaa") } });
  expect(bus.listeners).toBe(1);
  await edge[Symbol.asyncDispose]();
  expect(bus.listeners).toBe(0);
});
