// What a client over standard input and output relies on, whichever it is.

import { expect, test } from "bun:test";
import { isRecord } from "./client.ts";
import { linesOf } from "./curl.ts";
import { startServer } from "./server.ts";

const noBubblewrap = Bun.which("bwrap") === null;
if (noBubblewrap) console.warn("SKIPPED: stdio: there is no bwrap");

const clientInfo = { name: "raw", version: "1" };
const code = 'import time\nprint("begun", flush=True)\ntime.sleep(0.5)\nprint("ended")';

test.skipIf(noBubblewrap)(
  "standard output carries nothing but the protocol, even at the log level DEBUG, and progress comes before its result",
  async () => {
    await using server = await startServer();
    const child = Bun.spawn([...server.command, "--log-level=DEBUG"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      timeout: 30_000,
    });
    const log = child.stderr.text();
    for (const message of [
      { id: 0, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo } },
      { method: "notifications/initialized" },
      { id: 1, method: "no/such" },
      { id: 2, method: "tools/call", params: { name: "execute_code", arguments: { code: 5 } } },
      {
        id: 3,
        method: "tools/call",
        params: { name: "execute_code", arguments: { code }, _meta: { progressToken: "a" } },
      },
    ]) {
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    }
    const messages: unknown[] = [];
    for await (const line of linesOf(child.stdout)) {
      const message: unknown = JSON.parse(line);
      messages.push(message);
      // The end of input cancels what still runs, so it has to wait for the last answer.
      if (isRecord(message) && message.id === 3) await child.stdin.end();
    }
    expect(await child.exited).toBe(0);
    const progress = { jsonrpc: "2.0", method: "notifications/progress" };
    // Who is answered first of those that wait for nothing is nobody's promise.
    const isQuick = (message: unknown) => isRecord(message) && Number(message.id) < 3;
    const quick = messages.filter(isQuick).toSorted((a, b) => idOf(a) - idOf(b));
    expect([...quick, ...messages.filter((message) => !isQuick(message))]).toMatchObject([
      { jsonrpc: "2.0", id: 0, result: { protocolVersion: "2025-11-25" } },
      { jsonrpc: "2.0", id: 1, error: { code: -32601 } },
      { jsonrpc: "2.0", id: 2, result: { isError: true } },
      { ...progress, params: { progressToken: "a", message: "begun\n" } },
      { ...progress, params: { progressToken: "a", message: "ended\n" } },
      { jsonrpc: "2.0", id: 3, result: { structuredContent: { stdout: "begun\nended\n" } } },
    ]);
    expect(await log).toContain('"level":"');
  },
  60_000,
);
function idOf(message: unknown): number {
  return isRecord(message) ? Number(message.id) : Number.NaN;
}
