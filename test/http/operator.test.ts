// The operator's routes: to take a server out of service, and to see whose sessions it has.

import { describe, expect, test } from "bun:test";
import { serveOverFake } from "../fakes/served.ts";

const token = "0123456789abcdef0123456789abcdef";
const asOperator = { Authorization: `Bearer ${token}` };

function routesOf(base: string) {
  const ask = async (path: string, init: RequestInit) => {
    const response = await fetch(new URL(path, base), init);
    return { status: response.status, body: (await response.json()) as unknown };
  };
  return {
    drain: (body: string | undefined, headers: Record<string, string> = asOperator) =>
      ask("/drain", { method: "POST", headers, ...(body !== undefined && { body }) }),
    get: (path: string, headers: Record<string, string> = asOperator) => ask(path, { headers }),
  };
}

describe("POST /drain", () => {
  test("has new sessions refused and those that there are served, and turns balancers away, until it is taken back", async () => {
    await using served = await serveOverFake({ operatorToken: token });
    const { drain, get } = routesOf(served.base);
    const first = await served.call("execute_code", { code: "set x 1" });
    const { session_id } = first.structuredContent ?? {};
    const standing = { draining: true, wanted_by: ["operator"], ends_at: null, sessions: 1 };
    expect(await drain('{"drain": true}')).toEqual({ status: 200, body: standing });
    expect(await drain(undefined)).toEqual({ status: 200, body: standing });
    expect(await get("/drain")).toEqual({ status: 200, body: standing });
    const readyz = new URL("/readyz", served.base);
    const turned = await fetch(readyz);
    expect([turned.status, await turned.text()]).toEqual([503, "draining\n"]);
    expect((await fetch(new URL("/healthz", served.base))).status).toBe(200);
    const refused = await served.call("execute_code", { code: "print" });
    expect(refused.structuredContent).toMatchObject({ error: { error_code: "SANDBOX_CREATION_ERROR" } });
    const on = await served.call("execute_code", { code: "get x", session_id });
    expect(on.structuredContent).toMatchObject({ stdout: "1\n" });
    expect((await get("/")).body).toMatchObject({
      status: "healthy",
      warnings: [expect.stringContaining("no new sessions")],
    });
    expect((await drain('{"drain": false}')).body).toMatchObject({ draining: false, wanted_by: [] });
    expect((await fetch(readyz)).status).toBe(200);
    const opened = await served.call("execute_code", { code: "print hello" });
    expect(opened.structuredContent).toMatchObject({ stdout: "hello\n" });
  });

  test("takes nothing but what it says", async () => {
    await using served = await serveOverFake({ operatorToken: token });
    const { drain } = routesOf(served.base);
    for (const body of ["{", "[]", "null", "{}", '{"drain": "yes"}']) {
      expect((await drain(body)).status).toBe(400);
    }
    const put = await fetch(new URL("/drain", served.base), { method: "PUT", headers: asOperator });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST"]);
    expect(served.sessions.draining.isOn).toBe(false);
  });
});

test("GET /operator/sessions tells the sessions of all callers, and whose they are", async () => {
  await using served = await serveOverFake({
    operatorToken: token,
    tokens: [{ principal: "alice", token: "alice-alice-alice" }],
  });
  await served.call("execute_code", { code: "print" });
  expect((await routesOf(served.base).get("/operator/sessions")).body).toEqual({
    sessions: [
      {
        session_id: expect.stringMatching(/^session-/),
        ...{ principal: "alice", template: "python", flavor: "small", status: "ready", executions: 1 },
        created_at: expect.any(String),
        last_accessed: expect.any(String),
        expires_at: expect.any(String),
      },
    ],
  });
});

describe("the operator's routes", () => {
  test("are refused to all others, callers of the server among them", async () => {
    const alice = "alice-alice-alice-alice-alice-alice";
    await using served = await serveOverFake({ operatorToken: token, tokens: [{ principal: "alice", token: alice }] });
    const { drain, get } = routesOf(served.base);
    for (const headers of [{}, { Authorization: `Bearer ${alice}` }, { Authorization: `Basic ${token}` }] as const) {
      expect((await drain(undefined, headers)).status).toBe(401);
      expect((await get("/operator/sessions", headers)).status).toBe(401);
    }
    expect(served.sessions.draining.isOn).toBe(false);
    // Nor is it a caller's.
    expect((await fetch(served.url, { method: "POST", headers: asOperator, body: "{}" })).status).toBe(401);
  });

  test("are not there without a token for them", async () => {
    await using served = await serveOverFake();
    const { drain, get } = routesOf(served.base);
    const unknown = await get("/no-such-path");
    expect(unknown.status).toBe(404);
    expect(await drain(undefined)).toEqual(unknown);
    expect(await get("/operator/sessions")).toEqual(unknown);
  });
});
