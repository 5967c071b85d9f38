// Two calls in one session, with the official MCP SDK for TypeScript. Output is shown while the program runs.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const url = process.env.SANDBOX_URL ?? "http://localhost:8000/mcp";

const client = new Client({ name: "example", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));

const first = await run({ code: "x = 41" });
const second = await run({ code: "print(x + 1)", session_id: first.session_id });
process.stdout.write(second.stdout);

await client.callTool({ name: "stop_session", arguments: { session_id: first.session_id } });
await client.close();

async function run(args: { code: string; session_id?: string }) {
  const result = await client.callTool({ name: "execute_code", arguments: args }, undefined, {
    onprogress: ({ message }) => process.stderr.write(message ?? ""),
  });
  return result.structuredContent as { session_id: string; stdout: string };
}
