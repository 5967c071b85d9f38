// Cancelling: by notification in a session of 2025, by leaving where there is no session, by the server's own end.

import { describe, expect, test } from "bun:test";
import type { McpEndpoint } from "../../src/mcp/endpoint.ts";
import { Exchange } from "../../src/mcp/exchange.ts";
import { settle } from "../fakes/fake-clock.ts";
import { answerOf, bothTypes, call, messagesOf, openSession, startEdge, text } from "./edge.ts";

const cancelled = (requestId: unknown) => ({
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId, reason: "test" },
});

describe("cancelling in a session of 2025", () => {
  test("aborts the tool's signal, and the HTTP answer settles at once", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const answer = edge.post(call(5, "wait"), { headers });
    const { context } = await edge.tools.arrived(1);
    expect(context.signal.aborted).toBe(false);
    expect((await edge.post(cancelled(5), { headers })).status).toBe(202);
    const response = await answer;
    const { id, error } = await answerOf(response);
    expect([response.status, id, error?.code]).toEqual([200, 5, -32800]);
    expect(context.signal.aborted).toBe(true);
    expect(edge.events.filter(({ type }) => type === "request.failed")).toEqual([]);
    expect(edge.events).toContainEqual(expect.objectContaining({ type: "call.ended", outcome: "canceled" }));
  });

  test("ends an event stream that had begun", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const answer = edge.post(call(5, "wait", { _meta: { progressToken: 1 } }), { headers });
    (await edge.tools.arrived(1)).context.progress("begun");
    const response = await answer;
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    await edge.post(cancelled(5), { headers });
    expect(await messagesOf(response)).toEqual([
      expect.objectContaining({ method: "notifications/progress" }),
      expect.objectContaining({ id: 5, error: expect.objectContaining({ code: -32800 }) }),
    ]);
  });

  test("does not reach another session's request of the same id, nor one of another type", async () => {
    await using edge = await startEdge();
    const mine = await openSession(edge);
    const other = await openSession(edge);
    const answer = edge.post(call(5, "wait"), { headers: mine });
    const { context, finish } = await edge.tools.arrived(1);
    await edge.post(cancelled(5), { headers: other });
    await edge.post(cancelled("5"), { headers: mine });
    // The Server's own ids are counted from 1: they must not be reachable from outside.
    for (let id = 0; id < 5; id++) await edge.post(cancelled(id), { headers: mine });
    await settle();
    expect(context.signal.aborted).toBe(false);
    expect(edge.events.filter(({ type }) => type === "cancel.unmatched")).toHaveLength(7);
    finish("done");
    expect((await answerOf(answer)).result).toEqual(text("done"));
  });

  test("a client that leaves has not cancelled", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const leaving = new AbortController();
    const answer = edge.post(call(5, "wait"), { headers, signal: leaving.signal });
    const { context, finish } = await edge.tools.arrived(1);
    leaving.abort();
    await settle();
    expect(context.signal.aborted).toBe(false);
    finish("kept on");
    expect((await answerOf(answer)).result).toEqual(text("kept on"));
  });

  test("DELETE cancels what still runs in the session", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const answer = edge.post(call(5, "wait"), { headers });
    const { context } = await edge.tools.arrived(1);
    expect((await edge.delete(headers)).status).toBe(204);
    expect((await answerOf(answer)).error?.code).toBe(-32800);
    expect(context.signal.aborted).toBe(true);
  });
});

test("who looks at a request's signal only after the cancellation finds it aborted, with the reason", () => {
  const outlet = { answered: () => undefined, sent: () => false };
  const exchange = new Exchange(1, { kind: "request", id: 1, method: "tools/call", params: {} }, outlet, undefined);
  exchange.cancel("by the client.");
  expect([exchange.signal.aborted, exchange.signal.reason]).toEqual([true, "by the client."]);
});

describe("cancelling by leaving", () => {
  test("a bare client that closes its connection has cancelled", async () => {
    await using edge = await startEdge();
    await using http = listen(edge.endpoint.handle);
    const leaving = new AbortController();
    const answer = fetch(http.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(call(1, "wait")),
      signal: leaving.signal,
    });
    const { context } = await edge.tools.arrived(1);
    const aborted = new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await aborted;
  });

  test("a client of 2026-07-28 that leaves its event stream has cancelled", async () => {
    await using edge = await startEdge();
    await using http = listen(edge.endpoint.handle);
    const leaving = new AbortController();
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
      progressToken: "p",
    };
    const answer = fetch(http.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...bothTypes,
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "wait",
      },
      body: JSON.stringify(call(1, "wait", { _meta })),
      signal: leaving.signal,
    });
    const { context } = await edge.tools.arrived(1);
    context.progress("begun");
    expect((await answer).headers.get("content-type")).toBe("text/event-stream");
    const aborted = new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    leaving.abort();
    await aborted;
  });

  test("a client that has left before anybody looked has cancelled", async () => {
    await using edge = await startEdge();
    const leaving = new AbortController();
    const answer = edge.post(call(1, "wait"), { signal: leaving.signal });
    leaving.abort();
    const { context } = await edge.tools.arrived(1);
    expect((await answerOf(answer)).error?.code).toBe(-32800);
    expect(context.signal.aborted).toBe(true);
  });

  test("a client that leaves in the very moment of its call has cancelled", async () => {
    await using edge = await startEdge();
    await using http = listen(edge.endpoint.handle);
    const body = JSON.stringify(call(1, "wait"));
    const head = `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    for (let round = 0; round < 50; round++) {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port: http.port, socket: { data() {} } });
      socket.write(head + body);
      socket.end();
    }
    for (let round = 1; round <= 50; round++) {
      const { context } = await edge.tools.arrived(round);
      if (!context.signal.aborted) {
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }
    }
  });
});

test("the end of the endpoint cancels and answers everything in flight", async () => {
  const edge = await startEdge();
  const answer = edge.post(call(1, "wait"));
  const { context } = await edge.tools.arrived(1);
  await edge[Symbol.asyncDispose]();
  expect((await answerOf(answer)).error?.code).toBe(-32800);
  expect(context.signal.aborted).toBe(true);
});

type Handle = McpEndpoint["handle"];

function listen(handle: Handle) {
  const listener = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: async (request) => await handle(request, await request.text(), { principal: "alice" }),
  });
  const port = listener.port ?? 0;
  return { url: `http://127.0.0.1:${port}/mcp`, port, [Symbol.asyncDispose]: () => listener.stop(true) };
}
