// What HTTP, MCP and the session add to a warm `1+1`: the same run through the sandbox of the namespace host directly, and through our binary.

import { tmpdir } from "node:os";
import { systemClock } from "../../src/clock.ts";
import { flavors } from "../../src/sandbox/flavors.ts";
import { createNamespaceHost } from "../../src/sandbox/namespace/host.ts";
import type { Sandbox } from "../../src/sandbox/port.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";

const runs = 1000;
const warmUps = 100;

export async function measureRunner(url: string): Promise<void> {
  await using host = createNamespaceHost({
    volumes: [],
    stateDir: `${tmpdir()}/msb-mcp-bench-runner`,
    clock: systemClock,
    emit: () => undefined,
  });
  console.log('\na warm execute_code("1+1"), one after the other, in milliseconds:\n');
  console.log("| language | way | median | p99 |\n|---|---|--:|--:|");
  for (const template of defaultTemplates) {
    const spec = { sessionId: `bench-${template.name}`, template, resources: flavors.small };
    await using sandbox = await host.create(spec, new AbortController().signal);
    const sessionId = await openSession(url, template.name);
    const times: Record<"runner" | "http", number[]> = { runner: [], http: [] };
    for (let run = -warmUps; run < runs; run++) {
      const runnerMs = await timed(() => runDirectly(sandbox));
      const httpMs = await timed(() => callTool(url, { code: "1+1", session_id: sessionId }));
      if (run < 0) continue;
      times.runner.push(runnerMs);
      times.http.push(httpMs);
    }
    console.log(`| ${template.name} | the runner directly | ${percentiles(times.runner)} |`);
    console.log(`| ${template.name} | over HTTP | ${percentiles(times.http)} |`);
  }
}

async function runDirectly(sandbox: Sandbox): Promise<void> {
  const { signal } = new AbortController();
  const end = await sandbox.run({ kind: "code", source: "1+1", timeoutMs: 10_000, signal, onOutput: () => undefined });
  if (end.result !== "2") throw new Error(`1+1 is ${end.result}`);
}

async function openSession(url: string, template: string): Promise<string> {
  return await callTool(url, { code: "1+1", template });
}

/** Returns the session's id. */
async function callTool(url: string, args: Readonly<Record<string, unknown>>): Promise<string> {
  const params = { name: "execute_code", arguments: args };
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  const text = await response.text();
  const sessionId = /"session_id":"([^"]+)"/.exec(text)?.[1];
  if (!text.includes('"result":"2"') || sessionId === undefined) throw new Error(text);
  return sessionId;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
}

function percentiles(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN).toFixed(2);
  return `${at(0.5)} | ${at(0.99)}`;
}
