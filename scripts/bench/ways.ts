// The ways to ask a server for the same call: what a request of each looks like.

export type Way = {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "get_volume_path", arguments: {} } };
const accept = "application/json, text/event-stream";
const version2025 = "2025-11-25";
const version2026 = "2026-07-28";

export const bare: Way = { headers: {}, body: JSON.stringify(call) };

/** Of a server without sessions. */
export const stateless2025: Way = {
  ...bare,
  headers: { Accept: accept, "MCP-Protocol-Version": version2025 },
};

export const stateless2026: Way = {
  headers: {
    Accept: accept,
    "MCP-Protocol-Version": version2026,
    "Mcp-Method": call.method,
    "Mcp-Name": call.params.name,
  },
  body: JSON.stringify({
    ...call,
    params: {
      ...call.params,
      _meta: {
        "io.modelcontextprotocol/protocolVersion": version2026,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { name: "bench", version: "0" },
      },
    },
  }),
};

/** Opens a session of 2025 to call in. */
export async function openSession2025(url: string): Promise<Way> {
  const params = { protocolVersion: version2025, capabilities: {}, clientInfo: { name: "bench", version: "0" } };
  const opened = await post(url, {}, { jsonrpc: "2.0", id: 0, method: "initialize", params });
  const id = opened.headers.get("mcp-session-id");
  if (id === null) throw new Error(`${url} opened no session: ${opened.status}`);
  const headers = { ...stateless2025.headers, "Mcp-Session-Id": id };
  await post(url, headers, { jsonrpc: "2.0", method: "notifications/initialized" });
  return { headers, body: bare.body };
}

async function post(url: string, headers: Readonly<Record<string, string>>, message: object): Promise<Response> {
  const response = await fetch(url, {
    method: "POST",
    headers: { Accept: accept, "Content-Type": "application/json", ...headers },
    body: JSON.stringify(message),
  });
  await response.text();
  return response;
}
