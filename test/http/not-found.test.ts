// Paths at which nothing is served: what clients and people who come there are told.

import { expect, test } from "bun:test";
import { notFound } from "../../src/http/not-found.ts";
import { serveOverFake } from "../fakes/served.ts";

async function told(path: string, access: Parameters<typeof notFound>[1]) {
  const response = notFound(new Request(`http://localhost${path}`), access);
  const body = (await response.json()) as { readonly error: string; readonly error_description: string };
  return { status: response.status, ...body };
}

const oauthPaths = [
  "/register",
  "/authorize",
  "/token",
  "/.well-known/oauth-authorization-server",
  "/.well-known/oauth-authorization-server/mcp",
  "/.well-known/openid-configuration",
  "/mcp/.well-known/openid-configuration",
  "/sandbox/register",
];

test.each(oauthPaths)("%s says that a bearer token is wanted and how to give it", async (path) => {
  const answer = await told(path, "token");
  expect(answer).toMatchObject({ status: 404, error: "not_supported" });
  expect(answer.error_description).toContain("Authorization: Bearer TOKEN");
  expect((await told(path, "open")).error_description).toContain("needs no token");
  expect((await told(path, "oauth")).error_description).toContain("/.well-known/oauth-protected-resource");
});

test("any other path is answered in JSON with where MCP is", async () => {
  await using served = await serveOverFake();
  for (const [method, path] of [
    ["GET", "/sse"],
    ["POST", "/"],
    ["POST", "/mcp/more"],
    ["GET", "/registered"],
    ["DELETE", "/healthz"],
  ] as const) {
    const response = await fetch(new URL(path, served.url), { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: "not_found",
      error_description: expect.stringContaining("POST JSON-RPC to /mcp"),
    });
  }
});

test("a proxy in front of a server without a token is warned of once, and only if a request tells of it", async () => {
  await using served = await serveOverFake();
  const warnings = () => served.events.flatMap((event) => (event.type === "server.warning" ? [event.message] : []));
  const ping = { method: "POST", body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }) };
  const send = (headers: Readonly<Record<string, string>>) =>
    fetch(served.url, { ...ping, headers: { "Content-Type": "application/json", ...headers } });
  await send({});
  expect(warnings()).toEqual([]);
  for (const headers of [{ "X-Forwarded-For": "203.0.113.7" }, { Forwarded: "for=203.0.113.7" }]) {
    expect((await send(headers)).status).toBe(200);
    expect(warnings()).toEqual([expect.stringContaining("--auth-token")]);
  }
});

test("a body with a Content-Encoding is refused with the encodings that are taken", async () => {
  await using served = await serveOverFake();
  const body = Bun.gzipSync(Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" })));
  const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
  const response = await fetch(served.url, { method: "POST", headers, body });
  expect(response.status).toBe(415);
  expect(response.headers.get("accept-encoding")).toBe("identity");
  expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining("Content-Encoding") } });
});
