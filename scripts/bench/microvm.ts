// What the microvm backend costs beside the runtime alone, as ratios of one run: a warm call, a pool hit, a cold start, memory a session.
// Usage: bun scripts/bench/microvm.ts PROGRAM [ROUNDS], where microVMs boot; `bun run bench:live` runs it in the emulated machine of test/live.
// Each part is told as soon as it has been measured: such a machine may break down before the last.

import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRuntime } from "../../src/sandbox/microvm/runtime/runtime.ts";
import { Direct } from "./microvm-direct.ts";
import { MeasuredServer } from "./microvm-server.ts";

const [program = "dist/msb-mcp", roundsText = "5"] = process.argv.slice(2);
const rounds = Number(roundsText);
/** Before anything is timed, as a server that has been used for a while has its code compiled. */
const warmUpPings = 1000;
const warmUpCalls = 150;
const warmTurns = 8;
const warmCalls = 15;
const memoryMib = 256;
const idleSessions = 4;

const { microsandbox } = await openRuntime({ cacheDir: join(tmpdir(), "bench-runtime"), installedDir: undefined });
const direct = new Direct(microsandbox, memoryMib);
const flags = ["--flavor", `small=1:${memoryMib}`];

type What = "exec stream" | "warm" | "create and exec" | "cold start" | "pool hit" | "warm with a pool";
const times = new Map<What, number[]>();

{
  await using server = await MeasuredServer.start(program, flags);
  {
    await using prompt = await direct.openPrompt();
    const session = await server.run();
    const ways: Readonly<Record<"exec stream" | "warm", () => Promise<unknown>>> = {
      "exec stream": () => prompt.evaluate(),
      warm: () => server.run(session),
    };
    for (let call = 0; call < warmUpPings; call++) await server.ping();
    for (let call = 0; call < warmUpCalls; call++) for (const way of Object.values(ways)) await way();
    // In turns of several calls each, as what comes first after the other has caches to fill that a warm call has not.
    for (let turn = 0; turn < warmTurns; turn++) {
      for (const what of ["exec stream", "warm"] as const) {
        await ways[what]();
        for (let call = 0; call < warmCalls; call++) await timed(what, ways[what]);
      }
    }
    await server.stop(session);
  }
  tell('warm execute_code("1+1") over MCP', "warm", "1+1 at a prompt on an exec stream", "exec stream");
  for (let round = 0; round < rounds; round++) {
    await timed("create and exec", () => direct.createAndExec());
    await server.stop(await timed("cold start", () => server.run()));
  }
  tell("cold start, a new session over MCP", "cold start", "the SDK's create and first exec", "create and exec");
  const before = await server.residentMib();
  const idle: string[] = [];
  while (idle.length < idleSessions) idle.push(await server.run());
  const after = await server.residentMib();
  console.log(
    `memory an idle session: ${((after - before) / idleSessions).toFixed(2)} MiB (${before.toFixed(1)} → ${after.toFixed(1)} MiB for ${idleSessions})`,
  );
  for (const id of idle) await server.stop(id);
}
{
  await using server = await MeasuredServer.start(program, [...flags, "--pool", "python:small=1"]);
  await server.poolHasBooted(1);
  for (let round = 0; round < rounds; round++) {
    const session = await timed("pool hit", () => server.run());
    // The next one boots meanwhile; what it is compared with is to have the machine to itself as well.
    await server.poolHasBooted(round + 2);
    for (let call = 0; call < 20; call++) await timed("warm with a pool", () => server.run(session));
    await server.stop(session);
  }
  tell("pool hit, a new session over MCP", "pool hit", "a warm call there", "warm with a pool");
}
process.exit(0);

async function timed<T>(what: What, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const value = await work();
  const all = times.get(what) ?? [];
  times.set(what, [...all, performance.now() - startMs]);
  return value;
}

function tell(ours: string, our: What, theirs: string, their: What): void {
  const ratio = (medianOf(our) / medianOf(their)).toFixed(2);
  console.log(`${ours}: ${shown(our)}; ${theirs}: ${shown(their)}; ratio ${ratio}`);
}

function sortedOf(what: What): readonly number[] {
  return (times.get(what) ?? []).toSorted((a, b) => a - b);
}

function medianOf(what: What): number {
  const sorted = sortedOf(what);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function shown(what: What): string {
  const sorted = sortedOf(what);
  const range = [sorted[0], sorted.at(-1)].map((ms) => ms?.toFixed(1)).join("–");
  return `${medianOf(what).toFixed(1)} ms (${sorted.length} of ${range})`;
}
