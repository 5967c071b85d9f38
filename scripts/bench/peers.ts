// The servers that ours is measured against, each in its own process: `bun scripts/bench/peers.ts NAME` prints its URL.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { CallToolRequestSchema, type CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";

/** What our get_volume_path answers on a server that shares no folders. */
const object = { volume_mappings: [] };
const result: CallToolResult = {
  content: [{ type: "text", text: JSON.stringify(object) }],
  structuredContent: object,
  isError: false,
};

/** The least that can answer: no protocol at all, and hardly a body. */
async function echo(request: Request): Promise<Response> {
  const { id } = (await request.json()) as { id: unknown };
  return Response.json({ jsonrpc: "2.0", id, result: { content: [] } });
}

/** The same with our answer's body. */
async function echoLikeOurs(request: Request): Promise<Response> {
  const { id } = (await request.json()) as { id: unknown };
  return Response.json({ jsonrpc: "2.0", id, result: { ...object, ...result } });
}

/** The SDK's own HTTP transport in its stateless form: a server and a transport for each request. */
async function sdk(request: Request): Promise<Response> {
  const server = new Server({ name: "bench", version: "0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, () => result);
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  return await transport.handleRequest(request);
}

/** The 2.x server package's own handler for stateless HTTP. */
const sdk2 = createMcpHandler(() => {
  const server = new McpServer({ name: "bench", version: "0" });
  server.registerTool("get_volume_path", { description: "Does nothing." }, () => result);
  return server;
});

const peers: Readonly<Record<string, (request: Request) => Promise<Response>>> = {
  echo,
  echoLikeOurs,
  sdk,
  sdk2: (request) => sdk2.fetch(request),
};

if (import.meta.main) {
  const fetch = peers[Bun.argv[2] ?? ""];
  if (fetch === undefined) throw new Error(`name one of ${Object.keys(peers).join(", ")}`);
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  console.log(`http://127.0.0.1:${server.port}/mcp`);
}
