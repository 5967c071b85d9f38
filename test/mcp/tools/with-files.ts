// A served fake with a session that has files, and short ways to see what the tools answer of them.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { type ServedOptions, serveOverFake } from "../../fakes/served.ts";

type Arguments = Readonly<Record<string, unknown>>;

export async function serveFiles(options: ServedOptions = {}) {
  const served = await serveOverFake(options);
  await served.call("execute_code", { code: "value 1" });
  const [sandbox] = served.host.booted;
  const session_id = served.sessions.list("local")[0]?.sessionId;
  if (sandbox === undefined || session_id === undefined) throw new Error("there is no session");
  const tool = (name: string, args: Arguments) => served.call(name, { session_id, ...args });
  return { ...served, session_id, sandbox, disk: sandbox.machine.disk, tool };
}

export function textOf({ content }: CallToolResult): string {
  return content.map((block) => (block.type === "text" ? block.text : `<${block.type}>`)).join("");
}

/** As a program asks: bare JSON-RPC. */
export async function bare(url: URL, name: string, args: Arguments) {
  const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(message) });
  const body = (await response.json()) as {
    readonly result: CallToolResult;
    readonly error: { readonly code: number };
  };
  return body;
}
