// The whole server in this process, as main.ts would start it, on a free port.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Event } from "../../src/events.ts";
import { startServer } from "../../src/server.ts";

export type Content = Readonly<Record<string, unknown>> & { readonly stdout: string; readonly session_id: string };

export async function startWhole(flags: readonly string[]) {
  await using stack = new AsyncDisposableStack();
  const stateDir = await mkdtemp(join(tmpdir(), "msb-mcp-end-to-end-"));
  stack.defer(() => rm(stateDir, { recursive: true, force: true }));
  const argv = ["--port", "0", "--state-dir", stateDir, ...flags];
  const loaded = loadConfig(argv, {}, { cwd: stateDir, homeDir: stateDir });
  if (loaded.kind !== "config") throw new Error(JSON.stringify(loaded));
  const events: Event[] = [];
  const server = await startServer({
    config: loaded.config,
    given: loaded.given,
    clock: systemClock,
    emit: (event) => void events.push(event),
    memory: () => ({ residentBytes: 1, heapBytes: 1 }),
    pid: process.pid,
    stdin: () => new ReadableStream(),
    writeStdout: () => undefined,
  });
  stack.use(server);
  const listening = events.find((event) => event.type === "server.listening");
  if (listening === undefined) throw new Error("the server does not say where it listens");
  const client = new Client({ name: "test", version: "0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(listening.url)));
  stack.defer(() => client.close());
  /** Returns the structured content. */
  const call = async (name: string, args: Readonly<Record<string, unknown>> = {}): Promise<Content> => {
    const { structuredContent } = await client.callTool({ name, arguments: args });
    return structuredContent as Content;
  };
  const parts = stack.move();
  return { url: listening.url, client, call, events, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
