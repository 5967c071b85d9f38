// The whole way of a request in this process, from the Elysia app to the fake host.

import { systemClock } from "../../src/clock.ts";
import type { Event } from "../../src/events.ts";
import { createApp } from "../../src/http/app.ts";
import { createAuthenticator } from "../../src/http/auth/authenticator.ts";
import { createGuard } from "../../src/http/guard.ts";
import { createStatus } from "../../src/http/status.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { createEndpoint } from "../../src/mcp/endpoint.ts";
import { createMcpServer } from "../../src/mcp/server.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { fakeLinks } from "../fakes/links.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";

export async function openApp() {
  await using stack = new AsyncDisposableStack();
  const fake = stack.use(sessionsOverFake());
  const events: Event[] = []; // of one test
  const emit = (event: Event) => void events.push(event);
  const clock = systemClock;
  const links = fakeLinks(clock);
  links.listensAt("http://localhost:8000");
  const tools = createCatalog({
    transfers: { kind: "links", mint: links.mint },
    sessions: fake.sessions,
    clock,
    templates: defaultTemplates,
    volumes: [],
    flavors: defaultFlavors,
    defaultFlavor: "small",
    sessionTimeoutMs: 60_000,
    executionTimeoutMs: 20_000,
    toolErrors: "auto",
    maxExecutionTimeoutMs: 86_400_000,

    executionWaitMs: 50_000,
    maxOutputBytes: 32_768,
  });
  const description = { info: { name: "fuzzed", version: "1" }, capabilities: { tools: {} } };
  const server = createMcpServer(tools, { description, clock, emit });
  const endpoint = stack.use(await createEndpoint({ server, description, clock, emit }));
  const guard = createGuard({
    listeningHost: "localhost",
    isTokenRequired: false,
    allowedHosts: [],
    allowedOrigins: [],
  });
  const authenticator = await createAuthenticator({
    ...{ mode: "none", listeningHost: "localhost", tokens: [], digests: [], stateDir: "/nonexistent" },
    ...{ clock, emit },
  });
  const { host, sessions, metrics, conditions } = fake;
  const memory = () => ({ residentBytes: 1, heapBytes: 1 });
  const status = createStatus({ host, clock, version: "1", sessions, memory, metrics, conditions, warning: undefined });
  const app = createApp({
    endpoint,
    status,
    guard,
    authenticator,
    enableCors: true,
    maxRequestBytes: 1_000_000,
    files: { sessions, links, maxTransferBytes: 1_000_000 },
    clock,
    emit,
  });
  const kept = stack.move();
  /** The fakes remember everything for their tests. */
  const forget = () => {
    fake.events.splice(0);
    fake.host.booted.splice(0);
    fake.host.requested.splice(0);
  };
  return { app, events, forget, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

export function initialize(): Request {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "fuzz", version: "1" } };
  const headers = { Host: "localhost", "Content-Type": "application/json" };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
  return new Request("http://localhost/mcp", { method: "POST", headers, body });
}
