// `bun run bench [SECONDS]`: our compiled binary against what it could be compared with, all in one run on one machine. The ratios are
// what counts; the numbers beside them depend on the machine.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Load, LoadResult } from "./load.ts";
import { measureRunner } from "./runner.ts";
import { measureStub } from "./stub.ts";

/** Without the pauses of the real one's portal, in which what we add would be lost. */
const stubFlags = ["--port", "0", "--dev", "--poll-ms", "0"];

const root = join(import.meta.dir, "../..");
const connections = 32;
const seconds = Number(Bun.argv[2] ?? 5);
/** The contenders take turns, so that a machine that slows down slows all of them. */
const rounds = 3;

type Contender = {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "get_volume_path", arguments: {} } };

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  // Whatever is in dist may be of another commit.
  await Bun.$`${process.execPath} run build`.cwd(root).quiet();
  const ours = await startOurs(stack, "--backend", "namespace");
  const contenders: readonly Contender[] = [
    { ...plain("bare Bun.serve echo", await startPeer(stack, "echo")) },
    { ...plain("msb-mcp, bare JSON-RPC", ours) },
    { ...plain("msb-mcp, 2025 session", ours), headers: await openSession(ours) },
    { ...plain("msb-mcp, 2026-07-28", ours), ...speaking2026() },
    {
      ...plain("SDK 1.x, its transport, a server per request", await startPeer(stack, "sdk")),
      headers: { Accept: "application/json, text/event-stream" },
    },
    {
      ...plain("@modelcontextprotocol/server 2.x", await startPeer(stack, "sdk2")),
      ...speaking2026(),
    },
  ];
  const perSecond = await measure(contenders);
  const echo = perSecond.get("bare Bun.serve echo") ?? Number.NaN;
  console.log(
    `\ntools/call of a tool that does nothing, ${connections} connections, ${rounds} rounds of ${seconds} s:\n`,
  );
  console.log("| who | requests/s | of the echo |\n|---|--:|--:|");
  for (const [name, rate] of perSecond) console.log(`| ${name} | ${Math.round(rate)} | ${(rate / echo).toFixed(2)} |`);
  await measureRunner(ours);
  const stub = await startStub(stack);
  await measureStub(stub, await startOurs(stack, "--backend", "server", "--server-url", stub));
}

/** Requests per second, by name. */
async function measure(contenders: readonly Contender[]): Promise<ReadonlyMap<string, number>> {
  const rates = new Map(contenders.map(({ name }) => [name, 0]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, url, headers, body } of contenders) {
      const load: Load = { url, headers, body, connections, seconds, expect: '"content"' };
      const result = await runLoad(load);
      if (result.wrong > 0) throw new Error(`${name}: ${result.wrong} of ${result.requests} answers were wrong`);
      rates.set(name, (rates.get(name) ?? 0) + result.requests / result.seconds / rounds);
    }
  }
  return rates;
}

async function runLoad(load: Load): Promise<LoadResult> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "load.ts"), JSON.stringify(load)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  return JSON.parse(await child.stdout.text()) as LoadResult;
}

function plain(name: string, url: string): Contender {
  return { name, url, headers: {}, body: JSON.stringify(call) };
}

function speaking2026() {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "0" },
  };
  return {
    headers: {
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": "2026-07-28",
      "Mcp-Method": "tools/call",
      "Mcp-Name": "get_volume_path",
    },
    body: JSON.stringify({ ...call, params: { ...call.params, _meta } }),
  };
}

async function openSession(url: string): Promise<Readonly<Record<string, string>>> {
  const accept = { Accept: "application/json, text/event-stream", "Content-Type": "application/json" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "bench", version: "0" } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  const response = await fetch(url, { method: "POST", headers: accept, body });
  await response.text();
  return {
    Accept: accept.Accept,
    "Mcp-Session-Id": response.headers.get("mcp-session-id") ?? "",
    "MCP-Protocol-Version": "2025-11-25",
  };
}

/** The compiled binary, as users run it. */
async function startOurs(stack: AsyncDisposableStack, ...flags: readonly string[]): Promise<string> {
  const binary = join(root, "dist/msb-mcp");
  const stateDir = await mkdtemp(join(tmpdir(), "msb-mcp-bench-"));
  stack.defer(() => rm(stateDir, { recursive: true }));
  const child = Bun.spawn([binary, "--port", "0", "--state-dir", stateDir, ...flags], {
    stderr: "pipe",
  });
  stack.defer(async () => {
    child.kill();
    await child.exited;
  });
  return await firstMatch(child.stderr, /"url":"([^"]+)"/);
}

async function startPeer(stack: AsyncDisposableStack, name: string): Promise<string> {
  return await startScript(stack, join(import.meta.dir, "peers.ts"), name);
}

async function startStub(stack: AsyncDisposableStack): Promise<string> {
  return await startScript(stack, join(root, "test/stub-microsandbox/main.ts"), ...stubFlags);
}

async function startScript(stack: AsyncDisposableStack, ...command: readonly string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, ...command], {
    stdout: "pipe",
    stderr: "inherit",
  });
  stack.defer(async () => {
    child.kill();
    await child.exited;
  });
  return await firstMatch(child.stdout, /(http\S+)/);
}

async function firstMatch(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error(`it ended without saying where it listens: ${text}`);
}

await main();
