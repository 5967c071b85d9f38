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
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import type { Volume } from "../../src/sandbox/volumes.ts";
import { fakeLinks } from "./links.ts";
import { type FakeLimits, sessionsOverFake } from "./sessions.ts";

export type ServedOptions = {
  readonly limits?: FakeLimits;
  readonly toolErrors?: ToolErrors;
  readonly structuredContent?: StructuredContent;
  readonly volumes?: readonly Volume[];
  /** As `FakeProcess.spoolFolder`. */
  readonly spoolFolder?: string;
  /** None: no token is needed. The client that has connected is the first one's. */
  readonly tokens?: readonly { readonly principal: string; readonly token: string }[];
  readonly enableCors?: boolean;
  readonly maxTransferBytes?: number;
  readonly publicUrl?: string;
  readonly operatorToken?: string;
};

export async function serveOverFake({
  limits = {},
  toolErrors = "auto",
  structuredContent = "auto",
  volumes = [],
  spoolFolder,
  tokens = [],
  enableCors = false,
  maxTransferBytes = 1_000_000_000,
  publicUrl,
  operatorToken,
}: ServedOptions = {}) {
  await using stack = new AsyncDisposableStack();
  const fake = stack.use(sessionsOverFake(limits, { spoolFolder }));
  const { sessions, host, clock, events, metrics, conditions } = fake;
  const emit = (event: (typeof events)[number]) => {
    events.push(event);
    metrics.emit(event);
    conditions.emit(event);
  };
  const description = describeServer("0", undefined);
  const links = fakeLinks(clock, maxTransferBytes, publicUrl);
  const tools = createCatalog({
    transfers: { kind: "links", mint: links.mint },
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
  });
  const server = createMcpServer(tools, { description, clock, emit });
  const endpoint = stack.use(
    await createEndpoint({ server, description, clock, emit, paramHeaders: paramHeadersOf(tools.list()) }),
  );
  const authenticator = await createAuthenticator({
    ...{ mode: tokens.length > 0 ? "auto" : "none", listeningHost: "localhost", tokens, digests: [], stateDir: "" },
    ...{ clock, emit },
  });
  const guard = createGuard({
    listeningHost: "localhost",
    isTokenRequired: tokens.length > 0,
    allowedHosts: [],
    allowedOrigins: [],
  });
  const memory = () => ({ residentBytes: 64_000_000, heapBytes: 32_000_000 });
  const status = createStatus({ host, clock, version: "0", sessions, memory, metrics, conditions, warning: undefined });
  const app = createApp({
    ...{ endpoint, status, guard, authenticator, enableCors, maxRequestBytes: 4_194_304, clock, emit },
    files: { sessions, links, maxTransferBytes },
    operator: operatorToken === undefined ? undefined : { token: operatorToken, sessions },
  });
  const listening = listen(app, { hostname: "127.0.0.1", port: 0, clock: systemClock });
  stack.defer(() => listening.close());
  links.listensAt(listening.url);
  const url = new URL(`${listening.url}/mcp`);
  const client = new Client({ name: "test", version: "0" });
  const [own] = tokens;
  const headers = own === undefined ? {} : { Authorization: `Bearer ${own.token}` };
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  stack.defer(() => client.close());
  const call = async (name: string, args: Readonly<Record<string, unknown>> = {}): Promise<CallToolResult> =>
    CallToolResultSchema.parse(await client.callTool({ name, arguments: args }));
  const parts = stack.move();
  return {
    ...fake,
    url,
    base: listening.url,
    links,
    client,
    call,
    tools,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
