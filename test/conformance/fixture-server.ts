// What the conformance suites expect of a server (their fixture tools, resources and prompts) on the very edge of the product.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { JSONRPCRequest, Result } from "@modelcontextprotocol/sdk/types.js";
import { systemClock } from "../../src/clock.ts";
import { createGuard } from "../../src/http/guard.ts";
import { createEndpoint } from "../../src/mcp/endpoint.ts";
import { paramHeadersOf } from "../../src/mcp/param-headers.ts";
import type { ServerDescription } from "../../src/mcp/server.ts";
import { tasksExtension } from "../../src/mcp/tasks/wire.ts";
import { ProtocolError } from "../../src/mcp/tool.ts";
import { getPrompt, prompts } from "./fixture-prompts.ts";
import { listResources, listTemplates, readResource } from "./fixture-resources.ts";
import { FixtureTasks } from "./fixture-tasks.ts";
import { callTool, type Extra, tools } from "./fixture-tools.ts";

export type FixtureServer = AsyncDisposable & { readonly url: string };

const description: ServerDescription = {
  info: { name: "msb-mcp-conformance-fixture", version: "1.0.0" },
  capabilities: { tools: {}, resources: {}, prompts: {}, logging: {}, completions: {} },
  extensions: { [tasksExtension]: {} },
};

export async function startFixtureServer(): Promise<FixtureServer> {
  const { info, capabilities } = description;
  const server = new Server(info, { capabilities });
  const tasks = new FixtureTasks();
  server.fallbackRequestHandler = (request, extra) => answer(tasks, request, extra);
  const emit = (event: unknown) => console.error(event);
  const endpoint = await createEndpoint({
    ...{ server, description, clock: systemClock, emit },
    paramHeaders: paramHeadersOf(tools),
  });
  const guard = createGuard({
    listeningHost: "127.0.0.1",
    isTokenRequired: false,
    allowedHosts: [],
    allowedOrigins: [],
  });
  const listener = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const refusal = guard.checkHost(request) ?? guard.checkOrigin(request);
      if (refusal !== null) return new Response(refusal.message, { status: refusal.status });
      return await endpoint.handle(request, await request.text(), { principal: "conformance" });
    },
  });
  return {
    url: `http://127.0.0.1:${listener.port}/mcp`,
    async [Symbol.asyncDispose]() {
      await endpoint[Symbol.asyncDispose]();
      await listener.stop(true);
    },
  };
}

/** Nothing is parsed away on the way to the fixtures, because the suites send what the SDK's schemas do not know. */
async function answer(tasks: FixtureTasks, { method, params = {} }: JSONRPCRequest, extra: Extra): Promise<Result> {
  const asked = { kind: "request" as const, id: 0, method, params };
  const told = tasks.ask(asked);
  if (told !== undefined) return told;
  switch (method) {
    case "tools/list":
      return { tools };
    case "tools/call":
      return (await tasks.call(asked)) ?? (await callTool(params, extra));
    case "resources/list":
      return { resources: listResources };
    case "resources/templates/list":
      return { resourceTemplates: listTemplates };
    case "resources/read":
      return readResource(params);
    case "resources/subscribe":
    case "resources/unsubscribe":
      return {};
    case "prompts/list":
      return { prompts };
    case "prompts/get":
      return getPrompt(params);
    case "completion/complete":
      return { completion: { values: ["paris", "park", "party"], total: 3, hasMore: false } };
    default:
      throw new ProtocolError(-32601, `Method not found: ${method}`);
  }
}
