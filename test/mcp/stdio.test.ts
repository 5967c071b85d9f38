// MCP over stdio: lines in, lines out, and an end that cancels.

import { describe, expect, test } from "bun:test";
import type { EdgeLimits } from "../../src/mcp/limits.ts";
import { createMcpServer } from "../../src/mcp/server.ts";
import { serveStdio } from "../../src/mcp/stdio.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";
import { call, description, type JsonRpcAnswer, request, TestTools, text } from "./edge.ts";

function startStdio(limits: Partial<EdgeLimits> = {}) {
  const tools = new TestTools();
  const clock = new FakeClock();
  const server = createMcpServer(tools, { description, clock, emit: () => undefined, limits });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const lines: string[] = [];
  const served = serveStdio({
    emit: () => undefined,
    server,
    description,
    input: readable,
    write: (line) => void lines.push(line),
    principal: "local",
    limits,
  });
  return {
    tools,
    clock,
    served,
    lines,
    answers: () => lines.map((line) => JSON.parse(line) as JsonRpcAnswer),
    raw: async (bytes: string | Uint8Array) => {
      await writer.write(typeof bytes === "string" ? encoder.encode(bytes) : bytes);
      await settle();
    },
    async send(message: unknown) {
      await this.raw(`${JSON.stringify(message)}\n`);
    },
    end: async () => {
      await writer.close();
      await served;
    },
  };
}

test("each message is one line, in and out", async () => {
  const stdio = startStdio();
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  await stdio.send(request(1, "initialize", params));
  await stdio.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  await stdio.send(call(2, "say", { arguments: { code: "a\nb" } }));
  await stdio.send(call(3, "whoami"));
  expect(stdio.lines.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
  expect(stdio.answers()).toMatchObject([
    { id: 1, result: { protocolVersion: "2025-11-25" } },
    { id: 2, result: text('{"code":"a\\nb"}') },
    { id: 3, result: text("local") },
  ]);
  await stdio.end();
});

test("lines may come in any pieces, with CRLF, blank, and the last one without an end", async () => {
  const stdio = startStdio();
  const bytes = new TextEncoder().encode(`\n \r\n${JSON.stringify(call(1, "say", { arguments: { x: "é" } }))}\r\n`);
  for (const byte of bytes) await stdio.raw(Uint8Array.of(byte));
  await stdio.raw(JSON.stringify(request(2, "ping")));
  await stdio.end();
  expect(stdio.answers()).toEqual([
    { jsonrpc: "2.0", id: 1, result: text('{"x":"é"}') },
    { jsonrpc: "2.0", id: 2, result: {} },
  ]);
});

test("what is asked in one piece and then left is answered, if it only has to be looked up", async () => {
  const stdio = startStdio();
  void stdio.raw(`${JSON.stringify(request(1, "tools/list"))}\n`);
  await stdio.end();
  expect(stdio.answers()).toMatchObject([{ id: 1, result: { tools: expect.any(Array) } }]);
});

describe("cancelling", () => {
  test("by notification aborts the call, which is then not answered", async () => {
    const stdio = startStdio();
    await stdio.send(call(1, "wait"));
    const { context } = await stdio.tools.arrived(1);
    await stdio.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
    expect(context.signal.aborted).toBe(true);
    await stdio.send(request(2, "ping"));
    expect(stdio.answers()).toEqual([{ jsonrpc: "2.0", id: 2, result: {} }]);
    await stdio.end();
  });

  test("by the end of the input aborts every call, and nothing is written after it", async () => {
    const stdio = startStdio();
    await stdio.send(call(1, "wait", { _meta: { progressToken: 1 } }));
    await stdio.send(call(2, "wait"));
    await stdio.end();
    for (const { context } of stdio.tools.waiting) expect(context.signal.aborted).toBe(true);
    await settle();
    expect(stdio.lines).toEqual([]);
  });
});

test("progress is written as it comes", async () => {
  const stdio = startStdio();
  await stdio.send(call(1, "wait", { _meta: { progressToken: 9 } }));
  const { context, finish } = await stdio.tools.arrived(1);
  context.progress("half");
  await settle();
  finish("whole");
  await settle();
  expect(stdio.answers()).toMatchObject([
    { method: "notifications/progress", params: { progressToken: 9, message: "half" } },
    { id: 1, result: text("whole") },
  ]);
  await stdio.end();
});

test("a bad line is answered and does not end the conversation", async () => {
  const stdio = startStdio({ lineBytes: 200, requestsPerPrincipal: 1 });
  await stdio.raw("{\n[]\n5\n");
  for (let piece = 0; piece < 5; piece++) await stdio.raw("x".repeat(100));
  await stdio.raw("\n");
  await stdio.send(call(1, "wait"));
  await stdio.send(call(2, "say"));
  (await stdio.tools.arrived(1)).finish("done");
  await settle();
  expect(stdio.answers().map(({ id, error }) => [id, error?.code])).toEqual([
    [null, -32700],
    [null, -32600],
    [null, -32600],
    [null, -32700],
    [2, -32600],
    [1, undefined],
  ]);
  await stdio.end();
});

test("2026-07-28 is spoken to those who speak it", async () => {
  const stdio = startStdio();
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  await stdio.send(request(1, "server/discover", { _meta }));
  await stdio.send(call(2, "say", { _meta }));
  await stdio.send(request(3, "ping", { _meta }));
  await stdio.send(request(4, "ping"));
  const byId = Object.fromEntries(stdio.answers().map((answer) => [String(answer.id), answer]));
  expect(byId).toMatchObject({
    1: { result: { resultType: "complete", supportedVersions: ["2026-07-28"] } },
    2: { result: { resultType: "complete", ...text("{}") } },
    3: { error: { code: -32601 } },
    4: { result: {} },
  });
  await stdio.end();
});

test("a client of a revision that has no links to resources is sent none", async () => {
  for (const [protocolVersion, takesLinks] of [
    ["2025-03-26", false],
    ["2025-06-18", true],
  ] as const) {
    const stdio = startStdio();
    await stdio.send(
      request(1, "initialize", { protocolVersion, capabilities: {}, clientInfo: { name: "t", version: "1" } }),
    );
    await stdio.send(call(2, "wait"));
    const { context, finish } = await stdio.tools.arrived(1);
    expect([protocolVersion, context.takesLinks]).toEqual([protocolVersion, takesLinks]);
    finish("done");
    await stdio.end();
  }
});
