// Whoever takes more than a share: of event streams, of requests in flight, of one session's queue.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AttackedServer, toolCall } from "./attacked-server.ts";

const perCaller = 3;
const inAll = 5;

let server: AttackedServer;
beforeAll(async () => {
  server = await AttackedServer.start([
    ...["--max-concurrent-requests-per-principal", String(perCaller), "--max-concurrent-requests", String(inAll)],
    ...["--max-queued-executions", "1"],
    ...["--auth-token", "alice=alice-0123456789abcdef,bob=bob-0123456789abcdef"],
  ]);
});
afterAll(() => server[Symbol.asyncDispose]());

type Who = "alice" | "bob";

function authorized(who: Who, more: Readonly<Record<string, string>> = {}) {
  return { Authorization: `Bearer ${who}-0123456789abcdef`, "Content-Type": "application/json", ...more };
}

function call(who: Who, body: string, signal = new AbortController().signal) {
  return fetch(server.url, { method: "POST", headers: authorized(who), body, signal });
}

/** A stream on an MCP session of its own. */
async function listen(who: Who, signal: AbortSignal): Promise<Response> {
  const clientInfo = { name: "hoarder", version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const initialize = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
  const id = (await call(who, initialize)).headers.get("mcp-session-id") ?? "";
  const headers = authorized(who, { Accept: "text/event-stream", "Mcp-Session-Id": id });
  return await fetch(server.url, { headers, signal });
}

/** Read as JSON.parse gives it: what is not as expected fails the test. */
async function jsonOf(response: Response) {
  return JSON.parse(await response.text());
}

async function expectBusy(response: Response, status: 429 | 503) {
  const { error } = await jsonOf(response);
  expect([response.status, response.headers.get("retry-after")]).toEqual([status, "1"]);
  expect([error.code, error.data.error_code]).toEqual([-32600, "RESOURCE_LIMIT_EXCEEDED"]);
}

/** Tries until it is served: a place is free only once the server has noticed who left. */
async function served(ask: () => Promise<Response>): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const { status } = await ask();
    if (status !== 429 && status !== 503) return status;
    await Bun.sleep(20);
  }
  throw new Error("no place became free");
}

test("event streams: one caller's share ends with 429, everybody's with 503, and a closed one makes room", async () => {
  const leaving = new AbortController();
  for (let stream = 0; stream < perCaller; stream++) expect((await listen("alice", leaving.signal)).status).toBe(200);
  await expectBusy(await listen("alice", leaving.signal), 429);
  for (let stream = perCaller; stream < inAll; stream++) {
    expect((await listen("bob", leaving.signal)).status).toBe(200);
  }
  await expectBusy(await listen("bob", leaving.signal), 503);
  leaving.abort();
  const later = new AbortController();
  expect(await served(() => listen("bob", later.signal))).toBe(200);
  later.abort();
});

describe("requests in flight", () => {
  const endless = (sessionId: string) =>
    toolCall("execute_command", { command: "touch started; sleep 100", session_id: sessionId });

  async function openSandbox(who: Who): Promise<string> {
    const response = await call(who, toolCall("execute_command", { command: "true" }));
    return (await jsonOf(response)).result.session_id;
  }

  /** Calls that never end by themselves, each in a sandbox of its own; resolves once each of them runs. */
  async function occupy(who: Who, sandboxes: readonly string[], signal: AbortSignal) {
    for (const id of sandboxes) void call(who, endless(id), signal).catch(() => undefined);
    const isBusy = async () => {
      const response = await call(who, toolCall("get_sessions", {}));
      if (response.status !== 200) return true;
      const { sessions } = (await jsonOf(response)).result;
      return sandboxes.every((id) =>
        sessions.some((s: { session_id: string; status: string }) => s.session_id === id && s.status === "busy"),
      );
    };
    for (let tries = 0; tries < 200 && !(await isBusy()); tries++) await Bun.sleep(20);
  }

  test("of one caller end with 429, of all with 503, and end when their clients leave", async () => {
    const ofAlice = [await openSandbox("alice"), await openSandbox("alice"), await openSandbox("alice")];
    const ofBob = [await openSandbox("bob"), await openSandbox("bob")];
    const leaving = new AbortController();
    await occupy("alice", ofAlice, leaving.signal);
    await expectBusy(await call("alice", toolCall("get_volume_path", {})), 429);
    await occupy("bob", ofBob, leaving.signal);
    await expectBusy(await call("bob", toolCall("get_volume_path", {})), 503);
    leaving.abort();
    expect(await served(() => call("alice", toolCall("get_volume_path", {})))).toBe(200);
  });

  test("beyond a session's queue end with RESOURCE_LIMIT_EXCEEDED", async () => {
    const sandbox = await openSandbox("alice");
    const leaving = new AbortController();
    await occupy("alice", [sandbox], leaving.signal);
    // One waits; with the one that runs and the one that is refused, that is the caller's share.
    const waits = call("alice", endless(sandbox), leaving.signal).catch(() => undefined);
    const refused = call("alice", endless(sandbox), leaving.signal).catch(() => undefined);
    const first = await Promise.race([waits, refused]);
    if (first === undefined) throw new Error("neither call was answered");
    const { error } = await jsonOf(first);
    expect([error.code, error.data.error_code]).toEqual([-32600, "RESOURCE_LIMIT_EXCEEDED"]);
    leaving.abort();
    await Promise.all([waits, refused]);
  });
});
