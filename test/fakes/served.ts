// The product's tools over the fake host, served over HTTP on a free port, with a client that has connected.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { type CallToolResult, CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { systemClock } from "../../src/clock.ts";
import { createApp } from "../../src/http/app.ts";
import { createAuthenticator } from "../../src/http/auth/authenticator.ts";
import { createGuard } from "../../src/http/guard.ts";
import { listen } from "../../src/http/listen.ts";
import { createStatus } from "../../src/http/status.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { describeServer } from "../../src/mcp/description.ts";
import { createEndpoint } from "../../src/mcp/endpoint.ts";
import { paramHeadersOf } from "../../src/mcp/param-headers.ts";
import { createMcpServer } from "../../src/mcp/server.ts";
import type { StructuredContent } from "../../src/mcp/structured.ts";
import type { ToolErrors } from "../../src/mcp/tool.ts";
import type { LinkFor } from "../../src/mcp/tools/file-tool.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import type { Volume } from "../../src/sandbox/volumes.ts";
import { type FakeLimits, sessionsOverFake } from "./sessions.ts";

export type ServedOptions = {
  readonly limits?: FakeLimits;
  readonly toolErrors?: ToolErrors;
  readonly structuredContent?: StructuredContent;
  readonly volumes?: readonly Volume[];
  /** As `FakeProcess.spoolFolder`. */
  readonly spoolFolder?: string;
  readonly linkFor?: LinkFor;
};

export async function serveOverFake(options: ServedOptions = {}) {
  const { limits = {}, toolErrors = "auto", structuredContent = "auto", volumes = [], spoolFolder, linkFor } = options;
  await using stack = new AsyncDisposableStack();
  const fake = stack.use(sessionsOverFake(limits, { spoolFolder }));
  const { sessions, host, clock, events, metrics, conditions } = fake;
  const emit = (event: (typeof events)[number]) => {
    events.push(event);
    metrics.emit(event);
    conditions.emit(event);
  };
  const description = describeServer("0", undefined);
  const tools = createCatalog({
    sessions,
    clock,
    templates: defaultTemplates,
    flavors: defaultFlavors,
    defaultFlavor: "small",
    volumes,
    sessionTimeoutMs: 60_000,
    executionTimeoutMs: 20_000,
    maxExecutionTimeoutMs: 86_400_000,

    executionWaitMs: 50_000,
    maxOutputBytes: 32_768,
    toolErrors,
    structuredContent,
    linkFor,
  });
  const server = createMcpServer(tools, { description, clock, emit });
  const endpoint = stack.use(
    await createEndpoint({ server, description, clock, emit, paramHeaders: paramHeadersOf(tools.list()) }),
  );
  const authenticator = await createAuthenticator({
    ...{ mode: "none", listeningHost: "localhost", tokens: [], digests: [], stateDir: "", clock, emit },
  });
  const guard = createGuard({
    listeningHost: "localhost",
    isTokenRequired: false,
    allowedHosts: [],
    allowedOrigins: [],
  });
  const memory = () => ({ residentBytes: 64_000_000, heapBytes: 32_000_000 });
  const status = createStatus({ host, clock, version: "0", sessions, memory, metrics, conditions, warning: undefined });
  const app = createApp({
    ...{ endpoint, status, guard, authenticator, enableCors: false, maxRequestBytes: 4_194_304, clock, emit },
  });
  const listening = listen(app, { hostname: "127.0.0.1", port: 0, clock: systemClock });
  stack.defer(() => listening.close());
  const url = new URL(`${listening.url}/mcp`);
  const client = new Client({ name: "test", version: "0" });
  await client.connect(new StreamableHTTPClientTransport(url));
  stack.defer(() => client.close());
  const call = async (name: string, args: Readonly<Record<string, unknown>> = {}): Promise<CallToolResult> =>
    CallToolResultSchema.parse(await client.callTool({ name, arguments: args }));
  const parts = stack.move();
  return { ...fake, url, client, call, tools, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
