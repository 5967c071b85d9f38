// The app with its real cors, guard and authenticator on a port of its own, and behind them an MCP server with one tool.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { systemClock } from "../../../src/clock.ts";
import type { Emit } from "../../../src/events.ts";
import { Failure } from "../../../src/failure.ts";
import { createApp } from "../../../src/http/app.ts";
import { createAuthenticator } from "../../../src/http/auth/authenticator.ts";
import { createGuard } from "../../../src/http/guard.ts";
import type { McpEndpoint } from "../../../src/mcp/endpoint.ts";
import { fakeLinks } from "../../fakes/links.ts";

export type EdgeChoices = {
  readonly enableCors: boolean;
  readonly allowedOrigins: readonly string[];
  /** Asked for when given. */
  readonly token?: string;
  readonly emit?: Emit;
};

export async function startEdge({ enableCors, allowedOrigins, token, emit = () => undefined }: EdgeChoices) {
  const authenticator = await createAuthenticator({
    mode: "auto",
    listeningHost: "127.0.0.1",
    tokens: token === undefined ? [] : [{ principal: "page", token }],
    digests: [],
    stateDir: "/nonexistent",
    clock: systemClock,
    emit,
  });
  const guard = createGuard({
    listeningHost: "127.0.0.1",
    isTokenRequired: authenticator.access !== "open",
    allowedHosts: [],
    allowedOrigins,
  });
  const withFiles = () => Promise.reject(new Failure("session_not_found", "there are no sessions here."));
  const sessions = { withFiles };
  const app = createApp({
    endpoint: await greetingEndpoint(),
    status: { page: async () => ({ status: "healthy" }), ready: async () => ({ ok: true }), metrics: async () => "" },
    guard,
    authenticator,
    enableCors,
    maxRequestBytes: 1_000_000,
    files: { sessions, links: fakeLinks(systemClock), maxTransferBytes: 1_000_000 },
    clock: systemClock,
    emit,
  });
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  return { url: `${server.url.origin}/mcp`, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** Sessions and all, so that a page has to send and read the headers of MCP. */
async function greetingEndpoint(): Promise<AsyncDisposable & Pick<McpEndpoint, "handle">> {
  const server = new Server({ name: "greeting", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: "greet", inputSchema: { type: "object" } }],
  }));
  server.setRequestHandler(CallToolRequestSchema, () => ({ content: [{ type: "text", text: "hello, page" }] }));
  const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() });
  await server.connect(transport);
  return {
    handle: (request, body) =>
      transport.handleRequest(request, body === "" ? {} : { parsedBody: JSON.parse(body) as unknown }),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
