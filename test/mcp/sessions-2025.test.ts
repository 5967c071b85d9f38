// MCP sessions of the 2025 revisions: who has one, how long, and what comes of an id that nobody remembers.

import { describe, expect, test } from "bun:test";
import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/sdk/types.js";
import { answerOf, bothTypes, call, eventsOf, openSession, request, startEdge, text } from "./edge.ts";

describe("initialize", () => {
  test("agrees on the revision asked for, or offers the newest of 2025", async () => {
    await using edge = await startEdge();
    for (const [wanted, agreed] of [
      ["2025-03-26", "2025-03-26"],
      ["2025-06-18", "2025-06-18"],
      ["2025-11-25", "2025-11-25"],
      ["1999-01-01", "2025-11-25"],
    ]) {
      const params = { protocolVersion: wanted, capabilities: {}, clientInfo: { name: "t", version: "1" } };
      const response = await edge.post(request(1, "initialize", params), { headers: bothTypes });
      expect(response.headers.get("mcp-session-id")).toMatch(/^[\x21-\x7e]{40,}$/);
      const { result } = await answerOf(response);
      expect(result).toMatchObject({
        protocolVersion: agreed,
        serverInfo: { name: "edge-test" },
        instructions: "Only a test.",
      });
    }
  });

  test("gives the session id on an event stream too", async () => {
    await using edge = await startEdge();
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } };
    const headers = { accept: "text/event-stream" };
    const response = await edge.post(request(1, "initialize", params), { headers });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("mcp-session-id")).not.toBeNull();
  });
});

describe("an MCP session", () => {
  test("belongs to its principal: for another one its id is as unknown as an invented one", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const invented = { ...headers, "mcp-session-id": `${"A".repeat(22)}.${"A".repeat(22)}` };
    const stolen = await edge.post(call(1, "say"), { headers, principal: "mallory" });
    const unknown = await edge.post(call(1, "say"), { headers: invented, principal: "mallory" });
    expect([stolen.status, unknown.status]).toEqual([404, 404]);
    expect(await stolen.text()).toBe(await unknown.text());
    expect((await edge.get(headers, "mallory")).status).toBe(404);
    expect((await edge.delete(headers, "mallory")).status).toBe(404);
    expect((await edge.post(call(1, "say"), { headers })).status).toBe(200);
  });

  test("is ended by DELETE: from then on its id is answered 404", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    expect((await edge.delete(headers)).status).toBe(204);
    expect((await edge.post(call(1, "say"), { headers })).status).toBe(404);
    expect((await edge.get(headers)).status).toBe(404);
    expect((await edge.delete(headers)).status).toBe(404);
  });

  test("stays good for its client after idling past its time, and after being pushed out", async () => {
    await using edge = await startEdge({ limits: { mcpSessions: 2 } });
    const headers = await openSession(edge);
    await edge.clock.advance(60 * 60_000);
    expect((await edge.post(call(1, "say"), { headers })).status).toBe(200);
    for (let opened = 0; opened < 3; opened++) await openSession(edge);
    expect((await edge.post(call(1, "say"), { headers })).status).toBe(200);
  });

  test("of a process before this one goes on if the key is kept, and is unknown if not", async () => {
    const sessionKey = crypto.getRandomValues(new Uint8Array(32));
    const headers = await (async () => {
      await using before = await startEdge({ sessionKey });
      return await openSession(before);
    })();
    await using after = await startEdge({ sessionKey });
    expect(await answerOf(after.post(call(1, "say"), { headers }))).toMatchObject({ result: text("{}") });
    expect((await after.post(call(1, "say"), { headers, principal: "mallory" })).status).toBe(404);
    await using stranger = await startEdge();
    expect((await stranger.post(call(1, "say"), { headers })).status).toBe(404);
  });

  test("an id with something appended is not that id", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const longer = { ...headers, "mcp-session-id": `${headers["mcp-session-id"]}.x` };
    expect((await edge.post(call(1, "say"), { headers: longer })).status).toBe(404);
  });

  test("is not pushed out while it works; where all work, a new one is refused 503 with Retry-After", async () => {
    await using edge = await startEdge({ limits: { mcpSessions: 1 } });
    const headers = await openSession(edge);
    const answer = edge.post(call(5, "wait"), { headers });
    const { finish } = await edge.tools.arrived(1);
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
    const refused = await edge.post(request(1, "initialize", params));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    finish("done");
    await answer;
    expect((await edge.post(request(1, "initialize", params))).status).toBe(200);
  });

  test("is needed by GET and DELETE only", async () => {
    await using edge = await startEdge();
    expect((await edge.get({})).status).toBe(400);
    expect((await edge.delete({})).status).toBe(400);
    const sessionless = await edge.post(call(1, "say"), {
      headers: { ...bothTypes, "mcp-protocol-version": "2025-06-18" },
    });
    expect(sessionless.status).toBe(200);
  });
});

test("MCP-Protocol-Version must be one that is served", async () => {
  await using edge = await startEdge();
  const headers = await openSession(edge);
  for (const version of SUPPORTED_PROTOCOL_VERSIONS) {
    const known = { ...headers, "mcp-protocol-version": version };
    expect((await edge.post(call(1, "say"), { headers: known })).status).toBe(200);
  }
  const wrong = { ...headers, "mcp-protocol-version": "2025-13-01" };
  const refused = await edge.post(call(9, "say"), { headers: wrong });
  expect([refused.status, (await answerOf(refused)).id]).toEqual([400, 9]);
  expect((await edge.get(wrong)).status).toBe(400);
  expect((await edge.delete(wrong)).status).toBe(400);
});

test("initialize negotiates by its body, whatever version and session its headers name", async () => {
  await using edge = await startEdge();
  for (const [version, agreed] of [
    ["2025-06-18", "2025-06-18"],
    ["2099-01-01", "2025-11-25"],
  ] as const) {
    const headers = { ...bothTypes, "mcp-protocol-version": "2099-01-01", "mcp-session-id": "of-another-server" };
    const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: "t", version: "1" } };
    const answer = await edge.post(request(1, "initialize", params), { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("mcp-session-id")).not.toBe("of-another-server");
    expect((await answerOf(answer)).result).toMatchObject({ protocolVersion: agreed });
  }
});

test("batches are for 2025-03-26 alone", async () => {
  await using edge = await startEdge();
  const batch = [call(1, "say"), call(2, "say")];
  const old = await openSession(edge, "2025-03-26");
  const answers = (await (await edge.post(batch, { headers: old })).json()) as unknown[];
  expect(answers).toHaveLength(2);
  for (const version of ["2025-06-18", "2025-11-25"]) {
    const refused = await edge.post(batch, { headers: await openSession(edge, version) });
    expect([refused.status, (await answerOf(refused)).error?.code]).toEqual([400, -32600]);
  }
});

describe("the stream of a GET", () => {
  test("is kept alive by a comment every 15 seconds", async () => {
    await using edge = await startEdge();
    const stream = await edge.get(await openSession(edge));
    expect([stream.status, stream.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const events = eventsOf(stream);
    for (let round = 0; round < 3; round++) {
      const next = events.next();
      await edge.clock.advance(15_000);
      expect((await next).value).toMatchObject({ comment: true });
    }
    await events.return(undefined);
  });

  test("makes way for a second one of the same session, whose client has lost the first", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const first = eventsOf(await edge.get(headers));
    const second = await edge.get(headers);
    expect((await first.next()).done).toBe(true);
    expect(second.status).toBe(200);
    await second.body?.cancel();
  });

  test("ends with its session, and with the endpoint", async () => {
    const edge = await startEdge();
    const headers = await openSession(edge);
    const deleted = eventsOf(await edge.get(headers));
    await edge.delete(headers);
    expect((await deleted.next()).done).toBe(true);
    const last = eventsOf(await edge.get(await openSession(edge)));
    await edge[Symbol.asyncDispose]();
    expect((await last.next()).done).toBe(true);
  });

  test("is for those who accept events: a browser is told what this is", async () => {
    await using edge = await startEdge();
    const response = await edge.get({ accept: "text/html" });
    expect([response.status, (await answerOf(response)).error?.message]).toEqual([
      406,
      expect.stringContaining("POST JSON-RPC here"),
    ]);
  });
});

test("a call that asks to become a task, which this server has not announced, is carried out as any other", async () => {
  await using edge = await startEdge();
  const headers = await openSession(edge);
  const answer = await answerOf(edge.post(call(1, "say", { task: { ttl: 1000 } }), { headers }));
  expect(answer.result).toEqual(text("{}"));
});
