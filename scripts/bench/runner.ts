// What HTTP, MCP and the session add to a warm `1+1`: the same run through the sandbox of the namespace host directly, and through our binary.

import { tmpdir } from "node:os";
import { systemClock } from "../../src/clock.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { createNamespaceHost } from "../../src/sandbox/namespace/host.ts";
import type { Sandbox } from "../../src/sandbox/port.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { callTool, openSession, percentiles, timeInTurns } from "./warm.ts";

const runs = 1000;

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
    const spec = { sessionId: `bench-${template.name}`, template, resources: defaultFlavors.small };
    await using sandbox = await host.create(spec, new AbortController().signal);
    const sessionId = await openSession(url, template.name);
    const overHttp = () => callTool(url, { code: "1+1", session_id: sessionId });
    const [runnerMs, httpMs] = await timeInTurns(runs, [() => runDirectly(sandbox), overHttp]);
    console.log(`| ${template.name} | the runner directly | ${percentiles(runnerMs)} |`);
    console.log(`| ${template.name} | over HTTP | ${percentiles(httpMs)} |`);
  }
}

async function runDirectly(sandbox: Sandbox): Promise<void> {
  const { signal } = new AbortController();
  const end = await sandbox.run({ kind: "code", source: "1+1", timeoutMs: 10_000, signal, onOutput: () => undefined });
  if (end.result !== "2") throw new Error(`1+1 is ${end.result}`);
}
