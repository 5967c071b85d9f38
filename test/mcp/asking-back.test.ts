// Requests of the server's to a client, as the 2025 revisions have them: they go to the client whose call they belong to, and
// nobody else can answer.

import { expect, test } from "bun:test";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { ResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { createEndpoint } from "../../src/mcp/endpoint.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";
import { bothTypes, call, description, eventsOf, type JsonRpcAnswer, request } from "./edge.ts";

/** An edge whose every tool asks the client for its roots and answers with them. */
async function startAsking() {
  const server = new Server(description.info, { capabilities: { tools: {} } });
  server.fallbackRequestHandler = async (_request, extra) => {
    const { roots } = await extra.sendRequest({ method: "roots/list" }, ResultSchema);
    return { roots };
  };
  const endpoint = await createEndpoint({ server, description, clock: new FakeClock(), emit: () => undefined });
  const post = (message: object, headers: Record<string, string>, principal: string) => {
    const init = { method: "POST", headers: { "content-type": "application/json", ...headers } };
    return endpoint.handle(new Request("http://x/mcp", init), JSON.stringify(message), { principal });
  };
  const open = async (principal: string) => {
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } };
    const response = await post(request(0, "initialize", params), bothTypes, principal);
    return { ...bothTypes, "mcp-session-id": response.headers.get("mcp-session-id") ?? "" };
  };
  return { post, open, [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose]() };
}

test("only the session that was asked can answer, and once", async () => {
  await using edge = await startAsking();
  const asked = await edge.open("alice");
  const strangers = [
    { headers: await edge.open("alice"), principal: "alice" },
    { headers: await edge.open("mallory"), principal: "mallory" },
    { headers: bothTypes, principal: "alice" },
  ];
  const events = eventsOf(await edge.post(call(1, "any"), asked, "alice"));
  const question = JSON.parse((await events.next()).value?.data ?? "") as JsonRpcAnswer & { readonly method: string };
  expect(question.method).toBe("roots/list");
  const reply = (roots: string) => ({ jsonrpc: "2.0", id: question.id, result: { roots } });
  for (const { headers, principal } of strangers) {
    expect((await edge.post(reply("forged"), headers, principal)).status).toBe(202);
  }
  await settle();
  expect((await edge.post(reply("mine"), asked, "alice")).status).toBe(202);
  expect((await edge.post(reply("again"), asked, "alice")).status).toBe(202);
  expect(JSON.parse((await events.next()).value?.data ?? "")).toEqual({
    jsonrpc: "2.0",
    id: 1,
    result: { roots: "mine" },
  });
});

test("a tool is told at once when its client cannot be asked", async () => {
  await using edge = await startAsking();
  const jsonOnly = await edge.post(call(1, "any"), {}, "alice");
  expect(await jsonOnly.json()).toMatchObject({
    id: 1,
    error: { message: expect.stringContaining("cannot be asked") },
  });
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const headers = { ...bothTypes, "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "any" };
  const stateless = await edge.post(call(2, "any", { _meta }), headers, "alice");
  expect(await stateless.json()).toMatchObject({
    id: 2,
    error: { message: expect.stringContaining("cannot be asked") },
  });
});
