// 2026-07-28: what a request must carry, what its results carry, and which HTTP status goes with which error.

import { describe, expect, test } from "bun:test";
import {
  answerOf,
  bothTypes,
  call,
  description,
  messagesOf,
  type PostOptions,
  request,
  startEdge,
  text,
} from "./edge.ts";

const version = "2026-07-28";
const serverInfo = { "io.modelcontextprotocol/serverInfo": description.info };

function meta(extra: object = {}) {
  return {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientCapabilities": {},
    ...extra,
  };
}

function headersFor(method: string, name?: string, extra: Record<string, string> = {}): PostOptions {
  const named: Record<string, string> = name === undefined ? {} : { "mcp-name": name };
  return { headers: { ...bothTypes, "mcp-protocol-version": version, "mcp-method": method, ...named, ...extra } };
}

describe("results", () => {
  test("server/discover tells version, capabilities, instructions and how long that holds", async () => {
    await using edge = await startEdge();
    const response = await edge.post(request(1, "server/discover", { _meta: meta() }), headersFor("server/discover"));
    expect(response.headers.get("mcp-session-id")).toBeNull();
    expect((await answerOf(response)).result).toEqual({
      resultType: "complete",
      supportedVersions: [version],
      capabilities: { tools: {} },
      instructions: "Only a test.",
      ttlMs: 300_000,
      cacheScope: "public",
      _meta: serverInfo,
    });
  });

  test("lists can be cached, calls cannot", async () => {
    await using edge = await startEdge();
    const list = await answerOf(edge.post(request(1, "tools/list", { _meta: meta() }), headersFor("tools/list")));
    expect(list.result).toMatchObject({
      resultType: "complete",
      ttlMs: 300_000,
      cacheScope: "public",
      _meta: serverInfo,
    });
    const said = await answerOf(edge.post(call(2, "say", { _meta: meta() }), headersFor("tools/call", "say")));
    expect(said).toEqual({
      jsonrpc: "2.0",
      id: 2,
      result: { resultType: "complete", ...text("{}"), _meta: serverInfo },
    });
  });

  test("progress comes on an event stream", async () => {
    await using edge = await startEdge();
    const message = call(1, "wait", { _meta: meta({ progressToken: "p" }) });
    const answer = edge.post(message, headersFor("tools/call", "wait"));
    const { context, finish } = await edge.tools.arrived(1);
    context.progress("half");
    finish("whole");
    expect(await messagesOf(await answer)).toMatchObject([
      { method: "notifications/progress", params: { progressToken: "p", message: "half" } },
      { id: 1, result: { resultType: "complete" } },
    ]);
  });

  test("an error of a tool is answered 200, as it is", async () => {
    await using edge = await startEdge();
    const response = await edge.post(call(1, "refuse", { _meta: meta() }), headersFor("tools/call", "refuse"));
    const { error } = await answerOf(response);
    expect([response.status, error?.message]).toEqual([200, "Session not found: s1."]);
  });
});

describe("a request is refused", () => {
  type Case = readonly [what: string, message: object, options: PostOptions, status: number, code: number];
  const discover = (params?: object) => request(4, "server/discover", params);
  const headers = headersFor("server/discover");
  const say = call(4, "say", { _meta: meta() });
  const old = { "io.modelcontextprotocol/protocolVersion": "2025-11-25" };
  const cases: readonly Case[] = [
    ["without params", discover(), headers, 400, -32602],
    ["without _meta", discover({}), headers, 400, -32602],
    [
      "without its version in _meta",
      discover({ _meta: { ...meta(), [Object.keys(old)[0] ?? ""]: undefined } }),
      headers,
      400,
      -32602,
    ],
    [
      "without client capabilities",
      discover({ _meta: { "io.modelcontextprotocol/protocolVersion": version } }),
      headers,
      400,
      -32602,
    ],
    [
      "without the version header",
      discover({ _meta: meta() }),
      { headers: { "mcp-method": "server/discover" } },
      400,
      -32020,
    ],
    ["with another version in the header", discover({ _meta: meta(old) }), headers, 400, -32020],
    [
      "of a version that is not served",
      discover({ _meta: meta({ "io.modelcontextprotocol/protocolVersion": "v9" }) }),
      headersFor("server/discover", undefined, { "mcp-protocol-version": "v9" }),
      400,
      -32022,
    ],
    ["without Mcp-Method", say, headersFor("", "say"), 400, -32020],
    ["with another Mcp-Method", say, headersFor("tools/list", "say"), 400, -32020],
    ["with Mcp-Method in another case", say, headersFor("TOOLS/CALL", "say"), 400, -32020],
    ["without Mcp-Name", say, headersFor("tools/call"), 400, -32020],
    ["with another Mcp-Name", say, headersFor("tools/call", "wait"), 400, -32020],
    ["for initialize", request(4, "initialize", { _meta: meta() }), headersFor("initialize"), 404, -32601],
    ["for ping", request(4, "ping", { _meta: meta() }), headersFor("ping"), 404, -32601],
    ["for an unknown method", request(4, "tools/none", { _meta: meta() }), headersFor("tools/none"), 404, -32601],
  ];
  for (const [what, message, options, status, code] of cases) {
    test(`${what}: ${status} and ${code}`, async () => {
      await using edge = await startEdge();
      const response = await edge.post(message, options);
      const answer = await answerOf(response);
      expect([response.status, answer.error?.code, answer.id]).toEqual([status, code, 4]);
    });
  }

  test("with the versions that are served, and the one asked for", async () => {
    await using edge = await startEdge();
    const options = headersFor("server/discover", undefined, { "mcp-protocol-version": "v9" });
    const asked = meta({ "io.modelcontextprotocol/protocolVersion": "v9" });
    const { error } = await answerOf(edge.post(request(1, "server/discover", { _meta: asked }), options));
    expect(error?.data).toEqual({ supported: [version], requested: "v9" });
  });

  test("as a batch, and as a response", async () => {
    await using edge = await startEdge();
    const options = headersFor("tools/list");
    expect((await edge.post([request(1, "tools/list", { _meta: meta() })], options)).status).toBe(400);
    expect((await edge.post({ jsonrpc: "2.0", id: 1, result: {} }, options)).status).toBe(400);
  });
});

test("Mcp-Name may be encoded, where HTTP could not carry it", async () => {
  await using edge = await startEdge();
  const encoded = `=?base64?${Buffer.from("wörk").toString("base64")}?=`;
  const unknown = await answerOf(edge.post(call(1, "wörk", { _meta: meta() }), headersFor("tools/call", encoded)));
  expect(unknown.error?.message).toBe("Unknown tool: wörk.");
});

test("a session id is ignored, GET and DELETE are not allowed", async () => {
  await using edge = await startEdge();
  const ignored = headersFor("tools/call", "say", { "mcp-session-id": "whatever" });
  expect((await edge.post(call(1, "say", { _meta: meta() }), ignored)).status).toBe(200);
  for (const response of [
    await edge.get({ "mcp-protocol-version": version }),
    await edge.delete({ "mcp-protocol-version": version }),
  ]) {
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  }
});
