// One caller against another: whose session it is, is all that a stranger must not learn. Every answer to a stranger is compared
// with the answer to an id that never was.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newSessionId } from "../../src/sessions/ids.ts";
import { openInstallation } from "../../src/state/installation.ts";
import { AttackedServer, ping, toolCall } from "./attacked-server.ts";

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "attacker", version: "1" } },
});

let server: AttackedServer;
beforeAll(async () => {
  server = await AttackedServer.start(["--auth-token", "alice=alice-0123456789abcdef,bob=bob-0123456789abcdef"]);
});
afterAll(() => server[Symbol.asyncDispose]());

function as(who: "alice" | "bob", body: string, headers: Readonly<Record<string, string>> = {}, method = "POST") {
  return server.ask({ method, body, headers: { Authorization: `Bearer ${who}-0123456789abcdef`, ...headers } });
}

describe("a sandbox session of another principal", () => {
  let owned: string;
  /** An id of a session that never was, with nothing wrong about it. */
  let invented: string;
  beforeAll(async () => {
    invented = newSessionId((await openInstallation(server.stateDir)).id);
    const { text } = await as("alice", toolCall("execute_code", { code: "secret = 'of alice'" }));
    owned = JSON.parse(text).result.session_id;
  });

  test.each([
    ["execute_code", { code: "print(secret)" }],
    ["execute_command", { command: "id" }],
    ["stop_session", {}],
    ["get_sessions", {}],
  ])("is answered by %s as one that never was", async (tool, args) => {
    const theirs = await as("bob", toolCall(tool, { ...args, session_id: owned }));
    const none = await as("bob", toolCall(tool, { ...args, session_id: invented }));
    expect(theirs.status).toBe(none.status);
    expect(theirs.text.replaceAll(owned, "ID")).toBe(none.text.replaceAll(invented, "ID"));
    expect(theirs.text).not.toContain("of alice");
  });

  test("is in nobody else's list, and still its owner's", async () => {
    expect((await as("bob", toolCall("get_sessions", {}))).text).not.toContain(owned);
    const { text } = await as("alice", toolCall("execute_code", { code: "print(secret)", session_id: owned }));
    expect(text).toContain("of alice");
  });

  test("is not found by guessing: no id of a hundred like it is answered otherwise than one that never was", async () => {
    const guesses = Array.from({ length: 100 }, (_, at) => `${owned.slice(0, -2)}${at.toString(10).padStart(2, "0")}`);
    const strangers = guesses.filter((guess) => guess !== owned);
    const answers = await Promise.all(
      strangers.map(async (guess) => {
        const { text } = await as("alice", toolCall("stop_session", { session_id: guess }));
        return text.replaceAll(guess, "ID");
      }),
    );
    expect([...new Set(answers)]).toHaveLength(1);
    expect(answers[0]).toContain('"success":false');
  });
});

describe("an MCP session of another principal", () => {
  test("is answered 404 on every method, as an invented or a tampered one is", async () => {
    const id = (await as("alice", initialize)).headers.get("mcp-session-id") ?? "";
    expect((await as("alice", ping, { "Mcp-Session-Id": id })).status).toBe(200);
    const accept = { Accept: "application/json, text/event-stream" };
    for (const method of ["POST", "GET", "DELETE"]) {
      const theirs = await as("bob", ping, { ...accept, "Mcp-Session-Id": id }, method);
      expect(theirs.status).toBe(404);
      for (const guess of ["x", "0", id.slice(1), `${id}x`, id.toUpperCase(), `${crypto.randomUUID()}.abc`]) {
        const none = await as("bob", ping, { ...accept, "Mcp-Session-Id": guess }, method);
        expect([none.status, none.text]).toEqual([theirs.status, theirs.text]);
      }
    }
    expect((await as("alice", ping, { "Mcp-Session-Id": id })).status).toBe(200);
  });

  test("leaves no id, no token and no code in the log", async () => {
    const id = (await as("alice", initialize)).headers.get("mcp-session-id") ?? "";
    await as("bob", toolCall("execute_code", { code: "Zq7" }), { "Mcp-Session-Id": id });
    expect(server.log).not.toContain(id);
    expect(server.log).not.toContain("0123456789abcdef");
    expect(server.log).not.toContain("of alice");
    expect(server.log).not.toContain("Zq7");
  });
});
