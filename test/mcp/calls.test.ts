import { describe, expect, test } from "bun:test";
import type { CallEnded, Event } from "../../src/events.ts";
import { serveOverFake } from "../fakes/served.ts";
import { answerOf, call, openSession, startEdge } from "./edge.ts";

describe("a tool call is told once it has ended", () => {
  test("with its tool, who called and that it succeeded", async () => {
    await using served = await serveOverFake();
    await served.call("get_sessions");
    expect(calls(served.events)).toMatchObject([
      { tool: "get_sessions", principal: "local", outcome: "success", wireMs: null },
    ]);
  });

  test("as unsuccessful if the program was", async () => {
    await using served = await serveOverFake();
    await served.call("execute_code", { code: "fail" });
    expect(calls(served.events)).toMatchObject([{ tool: "execute_code", outcome: "unsuccessful" }]);
  });

  test.each(["error", "result"] as const)("by the kind of its failure, told as %s", async (toolErrors) => {
    await using served = await serveOverFake({ toolErrors });
    await served.call("execute_code", { code: "print", session_id: "session-none" }).catch(() => undefined);
    expect(calls(served.events)).toMatchObject([{ outcome: "session_not_found" }]);
  });

  test("with what it took beside waiting and running", async () => {
    await using served = await serveOverFake();
    served.host.holdBoots();
    const ran = served.call("execute_code", { code: "print" });
    while (served.host.requested.length === 0) await served.clock.advance(0);
    await served.clock.advance(5000);
    served.host.releaseBoots();
    await ran;
    expect(calls(served.events)).toMatchObject([{ durationMs: 5000, wireMs: 0 }]);
  });

  test("from the request's arrival on", async () => {
    await using edge = await startEdge();
    const arrivedMs = edge.clock.monotonicMs();
    await edge.clock.advance(40);
    const request = new Request("http://localhost/mcp", {
      method: "POST",
      headers: { "content-type": "application/json" },
    });
    await edge.endpoint.handle(request, JSON.stringify(call(1, "say")), { principal: "alice", arrivedMs });
    expect(calls(edge.events)).toMatchObject([{ tool: "say", durationMs: 40 }]);
  });

  test("without the name of a tool that there is not", async () => {
    await using served = await serveOverFake();
    await served.call("made-up-by-the-caller").catch(() => undefined);
    expect(calls(served.events)).toMatchObject([{ tool: "unknown", outcome: "protocol_error" }]);
  });

  test("as internal if it failed unexpectedly", async () => {
    await using edge = await startEdge();
    await answerOf(edge.post(call(1, "crash")));
    expect(calls(edge.events)).toMatchObject([{ tool: "crash", outcome: "internal" }]);
  });
});

describe("what the endpoint refuses is told", () => {
  test.each<readonly [string, number, () => RequestInit & { readonly body?: string }]>([
    ["not JSON", 415, () => ({ method: "POST" })],
    ["method not allowed", 405, () => ({ method: "PUT" })],
    ["answer not acceptable", 406, () => ({ method: "GET" })],
    [
      "no such MCP session or method",
      404,
      () => ({ method: "GET", headers: { accept: "text/event-stream", "mcp-session-id": "made-up" } }),
    ],
    ["invalid MCP request", 400, () => ({ method: "GET", headers: { accept: "text/event-stream" } })],
  ])("as %s", async (reason, status, init) => {
    await using edge = await startEdge();
    await edge.endpoint.handle(new Request("http://localhost/mcp", init()), "", { principal: "alice" });
    expect(edge.events).toEqual([{ type: "request.refused", reason, status }]);
  });

  test("as too many requests, of one caller or of all, event streams of 2025 among them", async () => {
    await using edge = await startEdge({ limits: { requestsPerPrincipal: 1, requests: 1, streamsPerPrincipal: 1 } });
    const headers = await openSession(edge);
    const stream = await edge.get(headers);
    await edge.get(await openSession(edge));
    void edge.post(call(1, "wait"));
    await edge.post(call(2, "say"));
    await edge.post(call(3, "say"), { principal: "bob" });
    await stream.body?.cancel();
    expect(edge.events.filter(({ type }) => type === "request.refused")).toEqual([
      { type: "request.refused", reason: "too many requests of one caller", status: 429 },
      { type: "request.refused", reason: "too many requests of one caller", status: 429 },
      { type: "request.refused", reason: "too many requests", status: 503 },
    ]);
  });
});

describe("bytes are counted", () => {
  test("of a request's body and of a JSON answer", async () => {
    await using served = await serveOverFake();
    served.events.length = 0;
    const body = JSON.stringify({ jsonrpc: "2.0", id: "ü", method: "ping" });
    const response = await fetch(served.url, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const answer = await response.bytes();
    expect(served.events).toEqual([
      { type: "request.received", bytes: Buffer.byteLength(body) },
      { type: "response.sent", bytes: answer.length },
    ]);
  });

  test("of an event stream, once it is over", async () => {
    await using edge = await startEdge();
    const response = await edge.post(call(1, "say"), { headers: { accept: "text/event-stream" } });
    const bytes = (await response.bytes()).length;
    const sent = edge.events.find((event) => event.type === "response.sent");
    // All but the blank line that opens a stream.
    expect(sent?.bytes).toBe(bytes - 1);
  });
});

function calls(events: readonly Event[]): readonly CallEnded[] {
  return events.filter((event) => event.type === "call.ended");
}
