// Bare JSON-RPC over HTTP: what `curl` with nothing but a Content-Type can rely on.

import { describe, expect, test } from "bun:test";
import { answerOf, call, type JsonRpcAnswer, request, startEdge, text } from "./edge.ts";

describe("bare JSON-RPC", () => {
  test("a call without initialize, session and Accept is answered as plain JSON", async () => {
    await using edge = await startEdge();
    const response = await edge.post(call(7, "say", { arguments: { x: 1 } }));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await answerOf(response)).toEqual({ jsonrpc: "2.0", id: 7, result: text('{"x":1}') });
  });

  test("any Accept that does not name event streams gets JSON", async () => {
    await using edge = await startEdge();
    for (const accept of ["*/*", "application/json", "text/html"]) {
      const response = await edge.post(call(1, "say"), { headers: { accept } });
      expect([accept, response.status, response.headers.get("content-type")]).toEqual([
        accept,
        200,
        "application/json",
      ]);
    }
  });

  test("tools/list and ping are answered", async () => {
    await using edge = await startEdge();
    const list = await answerOf(edge.post(request("a", "tools/list")));
    expect(list.result?.tools).toHaveLength(5);
    expect(await answerOf(edge.post(request("b", "ping")))).toEqual({ jsonrpc: "2.0", id: "b", result: {} });
  });

  test("ids come back as they were, strings and numbers", async () => {
    await using edge = await startEdge();
    for (const id of ["", "1", 0, -1, Number.MAX_SAFE_INTEGER]) {
      expect((await answerOf(edge.post(request(id, "ping")))).id).toBe(id);
    }
  });

  test("notifications and responses are accepted without an answer", async () => {
    await using edge = await startEdge();
    for (const message of [
      { jsonrpc: "2.0", method: "notifications/initialized" },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } },
      { jsonrpc: "2.0", id: 1, result: {} },
    ]) {
      const response = await edge.post(message);
      expect([response.status, await response.text()]).toEqual([202, ""]);
    }
  });

  const faults: ReadonlyArray<readonly [what: string, body: unknown, status: number, code: number, id: unknown]> = [
    ["text that is not JSON", "{", 400, -32700, null],
    ["an empty body", "", 400, -32700, null],
    ["a string", '"x"', 400, -32600, null],
    ["null", "null", 400, -32600, null],
    ["another JSON-RPC", { jsonrpc: "1.0", id: 1, method: "ping" }, 400, -32600, 1],
    ["a method that is no string", { jsonrpc: "2.0", id: 1, method: 5 }, 400, -32600, 1],
    ["params that are an array", { jsonrpc: "2.0", id: 1, method: "ping", params: [] }, 400, -32600, 1],
    ["an id that is null", { jsonrpc: "2.0", id: null, method: "ping" }, 400, -32600, null],
    ["an id that is a fraction", { jsonrpc: "2.0", id: 1.5, method: "ping" }, 400, -32600, null],
    ["an id beyond what numbers hold", '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', 400, -32600, null],
    ["_meta that is no object", call(1, "say", { _meta: 5 }), 400, -32602, 1],
    ["a progress token that is no token", call(1, "say", { _meta: { progressToken: {} } }), 400, -32602, 1],
    ["an unknown method", request(1, "tools/none"), 200, -32601, 1],
    ["a call without a name", request(1, "tools/call", {}), 200, -32602, 1],
    ["an unknown tool", call(1, "none"), 200, -32602, 1],
    ["initialize without its params", request(1, "initialize", {}), 200, -32602, 1],
    ["an empty batch", "[]", 400, -32600, null],
    ["a batch too long", Array(51).fill(request(1, "ping")), 400, -32600, null],
    ["arrays nested too deep", "[".repeat(100_000), 400, -32600, null],
    ["objects nested too deep", `${'{"a":'.repeat(65)}1${"}".repeat(65)}`, 400, -32600, null],
  ];
  for (const [what, body, status, code, id] of faults) {
    test(`${what} is answered ${status} and ${code}`, async () => {
      await using edge = await startEdge();
      const response = await edge.post(body);
      const answer = await answerOf(response);
      expect([response.status, answer.jsonrpc, answer.id, answer.error?.code]).toEqual([status, "2.0", id, code]);
      expect(answer.error?.message.length).toBeGreaterThan(10);
    });
  }

  test("brackets inside of strings are not depth", async () => {
    await using edge = await startEdge();
    const code = `${"[{".repeat(500)}\\"${"}]".repeat(500)}"`;
    const response = await edge.post(call(1, "say", { arguments: { code } }));
    expect((await answerOf(response)).result?.content?.[0]?.text).toBe(JSON.stringify({ code }));
  });

  test("fields nobody knows do not keep a request from being answered", async () => {
    await using edge = await startEdge();
    const response = await edge.post({ ...call(1, "say"), extra: true });
    expect((await answerOf(response)).result).toEqual(text("{}"));
  });

  test("a batch is answered by an array: each request by its own id, faults too, notifications not", async () => {
    await using edge = await startEdge();
    const notification = { jsonrpc: "2.0", method: "notifications/initialized" };
    const response = await edge.post([
      call(1, "say"),
      notification,
      { id: 2 },
      request(3, "initialize"),
      call(4, "refuse"),
    ]);
    const answers = (await response.json()) as JsonRpcAnswer[];
    expect(response.status).toBe(200);
    const byId = new Map(answers.map((answer) => [answer.id, answer.error?.code ?? "result"]));
    expect(byId).toEqual(
      new Map<unknown, number | string>([
        [2, -32600],
        [3, -32600],
        [1, "result"],
        [4, -32602],
      ]),
    );
  });

  test("a batch of notifications alone is accepted, one of faults alone is refused", async () => {
    await using edge = await startEdge();
    const notification = { jsonrpc: "2.0", method: "notifications/initialized" };
    expect((await edge.post([notification, notification])).status).toBe(202);
    const refused = await edge.post([1, 2]);
    expect([refused.status, ((await refused.json()) as unknown[]).length]).toEqual([400, 2]);
  });

  test("a Content-Type other than JSON is answered 415, other methods 405 with Allow", async () => {
    await using edge = await startEdge();
    const typed = (type: string) => edge.post(request(1, "ping"), { headers: { "content-type": type } });
    expect((await typed("text/plain")).status).toBe(415);
    expect((await typed("application/json-seq")).status).toBe(415);
    expect((await typed("Application/JSON; charset=utf-8")).status).toBe(200);
    const put = await edge.endpoint.handle(new Request("http://x/mcp", { method: "PUT" }), "", { principal: "alice" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST, DELETE"]);
  });

  test("an error with a code of its own goes out as it is", async () => {
    await using edge = await startEdge();
    expect((await answerOf(edge.post(call(1, "refuse")))).error).toEqual({
      code: -32602,
      message: "Session not found: s1.",
      data: { error_code: "SESSION_NOT_FOUND" },
    });
  });

  test("an unexpected error tells the client nothing but a request id, which the log has with the error", async () => {
    await using edge = await startEdge();
    const answer = await answerOf(edge.post(call(1, "crash")));
    expect(answer.error?.code).toBe(-32603);
    expect(JSON.stringify(answer)).not.toContain("secret");
    const [failed] = edge.events;
    if (failed?.type !== "request.failed") throw new Error("no request.failed");
    expect(answer.error?.message).toContain(failed.requestId);
    expect(failed.error).toEqual(new Error("secret /root/key"));
  });
});
