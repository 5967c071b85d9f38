// What runs in the page: the SDK's client, built for browsers, told where to connect by the test.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

async function greet(url: string, token?: string): Promise<string> {
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const client = new Client({ name: "page", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  try {
    await client.connect(transport);
    const result = await client.callTool({ name: "greet", arguments: {} });
    await transport.terminateSession();
    return JSON.stringify({ session: transport.sessionId ?? "ended", content: result.content });
  } catch (error) {
    return `failed: ${error}`;
  } finally {
    await client.close();
  }
}

/** What a script of the page may see of an answer: its status and challenge, or that it may see nothing. */
async function look(url: string, init: RequestInit): Promise<string> {
  try {
    const response = await fetch(url, init);
    return `${response.status} ${response.headers.get("www-authenticate") ?? "-"}`;
  } catch {
    return "unreadable";
  }
}

Object.assign(globalThis, { greet, look });
