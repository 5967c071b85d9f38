// A server that is told to stop answers what it was asked: what still runs after the grace is canceled, and its caller is told so.

import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Serving } from "../binary/executable.ts";

const code = "import time\nprint('x' * 20_000, flush=True)\ntime.sleep(100)";

async function start() {
  const home = await mkdtemp(join(tmpdir(), "msb-mcp-shutdown-"));
  const main = join(import.meta.dir, "../../src/main.ts");
  const child = Bun.spawn([process.execPath, main, "--backend", "namespace", "--port", "0", "--state-dir", home], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 50_000, killSignal: "SIGKILL" },
    env: { PATH: process.env.PATH ?? "", HOME: home },
  });
  const serving = await Serving.once(child);
  return { serving, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) };
}

async function askBare(url: string): Promise<string> {
  const params = { name: "execute_code", arguments: { code } };
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  return await response.text();
}

/** With progress: its answer is an event stream that has begun long before. */
async function askInSession(url: string, begun: () => void): Promise<string> {
  const client = new Client({ name: "test", version: "0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const call = { name: "execute_code", arguments: { code } };
  return JSON.stringify(await client.callTool(call, undefined, { onprogress: begun }));
}

test("every call that still runs after the grace is answered with its output, over JSON and over event streams", async () => {
  await using started = await start();
  const { serving } = started;
  const begun = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const answers = [
    ...begun.map(({ resolve }) => askInSession(serving.url, resolve)),
    ...Array.from({ length: 4 }, () => askBare(serving.url)),
  ];
  await Promise.all(begun.map(({ promise }) => promise));
  const busy = async () => {
    const page = await (await fetch(new URL("/", serving.url))).json();
    return (page as { readonly sessions: { readonly busy: number } }).sessions.busy;
  };
  while ((await busy()) < answers.length) await Bun.sleep(50);
  const ended = serving.end("SIGTERM");
  const texts = await Promise.all(answers.map((answer) => answer.catch((error: unknown) => `lost: ${error}`)));
  for (const text of texts) {
    expect(text.slice(0, 200)).not.toStartWith("lost: ");
    expect(text).toContain('"ended":"canceled"');
    expect(text).toContain("x".repeat(10_000));
  }
  expect(await ended).toBe(0);
});
