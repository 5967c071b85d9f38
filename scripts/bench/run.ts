// `bun run bench`: our compiled binary beside what it could be compared with, all in one run on one machine. The ratios are what counts; the
// numbers beside them depend on the machine.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildReference, type ReferenceName } from "./references.ts";
import { type Contender, type Measured, takeTurns } from "./rounds.ts";
import { measureRunner } from "./runner.ts";
import { type Started, startBinary, startCommand, startPeer, startStub } from "./servers.ts";
import { measureStub } from "./stub.ts";
import { bare, openSession2025, stateless2025, stateless2026 } from "./ways.ts";

const usage = `Usage: bun run bench [OPTIONS]
Measures calls of a tool that does nothing, contender by contender in each round, then a warm 1+1.

  --rounds N         how many rounds (default: 5)
  --calls N          how many calls a turn has (default: 20000)
  --seconds N        how long a turn takes at most (default: 5)
  --against BINARY   an older executable beside the one that is built here
  --only TEXT        only contenders whose names contain TEXT, beside the echoes; may be given several times
  --edge             leaves the warm 1+1 out
  -h, --help         shows this`;

const root = join(import.meta.dir, "../..");
const connections = 32;
const echoName = "Bun.serve echo";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      calls: { type: "string", default: "20000" },
      seconds: { type: "string", default: "5" },
      against: { type: "string" },
      only: { type: "string", multiple: true, default: [] },
      edge: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [rounds, calls, seconds] = [Number(values.rounds), Number(values.calls), Number(values.seconds)];
  if (values.help || !(rounds > 0) || !(calls > 0) || !(seconds > 0)) {
    console.log(usage);
    return;
  }
  await using stack = new AsyncDisposableStack();
  // Whatever is in dist may be of another commit.
  await Bun.$`${process.execPath} run build`.cwd(root).quiet();
  const binary = join(root, "dist/msb-mcp");
  const ours = await startBinary(stack, binary, "--backend", "namespace");
  const contenders = (await findContenders(stack, ours, values.against)).filter(
    ({ name }) =>
      values.only.length === 0 || name.startsWith(echoName) || values.only.some((text) => name.includes(text)),
  );
  const { measured, noise } = await takeTurns(contenders, { rounds, calls, seconds, connections });
  console.log(
    `\ntools/call of a tool that does nothing, ${connections} connections, ${rounds} rounds of ${calls} calls (or ${seconds} s) each, taking turns.`,
  );
  console.log(noise);
  console.log("Minimum, median and maximum over the rounds; CPU is the server's, in milliseconds for 1,000 calls.\n");
  console.log("| who | CPU | of the echo | requests/s | bytes of an answer |\n|---|--:|--:|--:|--:|");
  for (const each of measured) console.log(rowOf(each, measured[0]));
  if (values.edge) return;
  await measureRunner(ours.url);
  const stub = await startStub(stack);
  const before = await startBinary(stack, binary, "--backend", "server", "--server-url", stub.url);
  await measureStub(stub.url, before.url);
}

async function findContenders(
  stack: AsyncDisposableStack,
  ours: Started,
  olderBinary: string | undefined,
): Promise<readonly Contender[]> {
  const found: Contender[] = [
    { name: echoName, way: bare, ...(await startPeer(stack, "echo")) },
    { name: `${echoName}, our answer's body`, way: bare, ...(await startPeer(stack, "echoLikeOurs")) },
    ...(await inOurWays("msb-mcp", ours)),
  ];
  if (olderBinary !== undefined) {
    found.push(...(await inOurWays("older msb-mcp", await startBinary(stack, olderBinary, "--backend", "namespace"))));
  }
  for (const key of ["rmcp", "go-sdk", "mcp-go"] satisfies ReferenceName[]) {
    const reference = await startReference(stack, key);
    if (reference === undefined) continue;
    const { name, ...started } = reference;
    const session = started.url.replace("/mcp", "/session/mcp");
    found.push(
      { name: `${name}, 2025 stateless`, way: stateless2025, ...started },
      { name: `${name}, 2025 session`, way: await openSession2025(session), ...started, url: session },
      { name: `${name}, 2026-07-28`, way: stateless2026, ...started },
    );
  }
  const sdk2 = await startPeer(stack, "sdk2");
  const sdk1 = await startPeer(stack, "sdk");
  found.push(
    { name: "TypeScript SDK 2.x on Bun, 2026-07-28", way: stateless2026, ...sdk2 },
    { name: "TypeScript SDK 1.x on Bun, 2025 stateless", way: stateless2025, ...sdk1 },
  );
  const python = await startReference(stack, "python");
  if (python !== undefined) {
    const { name, ...started } = python;
    found.push(
      { name: `${name}, 2025 session`, way: await openSession2025(started.url), ...started },
      { name: `${name}, 2026-07-28`, way: stateless2026, ...started },
    );
  }
  return found;
}

async function inOurWays(name: string, started: Started): Promise<readonly Contender[]> {
  return [
    { name: `${name}, bare JSON-RPC`, way: bare, ...started },
    { name: `${name}, 2025 session`, way: await openSession2025(started.url), ...started },
    { name: `${name}, 2026-07-28`, way: stateless2026, ...started },
  ];
}

async function startReference(stack: AsyncDisposableStack, key: ReferenceName) {
  const reference = await buildReference(key);
  if (reference === undefined) return undefined;
  return { name: reference.name, ...(await startCommand(stack, reference.command, reference.cwd)) };
}

function rowOf({ name, perSecond, cpuMs, answerBytes }: Measured, echo: Measured | undefined): string {
  // Round by round, because what slows one round slows all who have their turn in it.
  const ratios = cpuMs.map((ms, round) => ms / (echo?.cpuMs[round] ?? Number.NaN));
  return `| ${name} | ${spread(cpuMs, 1)} | ${spread(ratios, 2)} | ${spread(perSecond, 0)} | ${answerBytes} |`;
}

/** Minimum, median, maximum. */
function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return "–";
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => (sorted[Math.round((sorted.length - 1) * part)] ?? Number.NaN).toFixed(digits);
  return `${at(0)} **${at(0.5)}** ${at(1)}`;
}

await main();
