// Does a cluster answer as one server? Several msb-mcp with one registry, behind nginx and HAProxy with plain round-robin, under mixed calls by all ways of MCP,
// while nodes and the registry are killed, paused, flushed and cut off. Exit status 1 for a wrong answer or an error that nothing explains.
//
//   bun scripts/load/cluster.ts [--nodes 5] [--clients 16] [--calls 2000] [--sessions 200] [--disturb kill,registry-pause,…] [--every 20]
//   Kinds of disturbances: kill, roll, registry-kill, registry-pause, registry-flush, cut-registry, cut-peers. The last two require root and iproute2.
//   bun scripts/load/cluster.ts --beside PATH --disturb roll    half of the nodes are the msb-mcp at PATH, another version, and each start changes a node's version
//   bun scripts/load/cluster.ts --alone      the same load on one server without --cluster
//   bun scripts/load/cluster.ts --measure    what the registry and the way to another node cost a warm call
//   bun scripts/load/cluster.ts --notice     how long until a node that was killed is noticed

import { join } from "node:path";
import { parseArgs } from "node:util";
import { cuts, type DisturbanceKind, disturbanceKinds, usualEveryMs } from "./cluster/disturbances.ts";
import { measure } from "./cluster/measure.ts";
import { ownNetworkArgv } from "./cluster/network.ts";
import { notice } from "./cluster/notice.ts";
import { type Programs, runCluster } from "./cluster/run.ts";

const root = join(import.meta.dir, "../..");

const { values } = parseArgs({
  args: Bun.argv.slice(2),
  options: {
    nodes: { type: "string", default: "5" },
    clients: { type: "string", default: "16" },
    calls: { type: "string", default: "2000" },
    sessions: { type: "string", default: "200" },
    disturb: { type: "string", default: "" },
    every: { type: "string", default: String(usualEveryMs / 1000) },
    alone: { type: "boolean", default: false },
    measure: { type: "boolean", default: false },
    notice: { type: "boolean", default: false },
    beside: { type: "string" },
    source: { type: "boolean", default: false },
    // Set by the program itself: it has a network of its own.
    cables: { type: "boolean", default: false },
  },
});

const kinds = values.disturb
  .split(",")
  .filter((kind) => kind !== "")
  .map((kind) => knownKind(kind));
const argv = values.source ? [process.execPath, "--no-env-file", join(root, "src/main.ts")] : [await binary()];
if (values.measure) process.exitCode = await showMeasures();
else if (values.notice) process.exitCode = await showNoticed();
else if (kinds.some((kind) => cuts.has(kind)) && !values.cables) process.exitCode = await loadInOwnNetwork();
else process.exitCode = await load();

async function loadInOwnNetwork(): Promise<number> {
  if (process.getuid?.() !== 0) throw new Error("to cut nodes off requires root, for network namespaces");
  const again = [process.execPath, "--no-env-file", import.meta.path, ...Bun.argv.slice(2), "--cables"];
  const child = Bun.spawn([...ownNetworkArgv, ...again], { stdio: ["ignore", "inherit", "inherit"], detached: true });
  // It ends in order, and this after it.
  interrupted().addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  return await child.exited;
}

async function load(): Promise<0 | 1> {
  const seed = Number(Bun.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  const [clients, callsEach, sessions] = [values.clients, values.calls, values.sessions].map(Number);
  console.log(
    `${clients} clients × ${callsEach} calls on ${sessions} sessions, disturbed by: ${kinds.join(", ") || "nothing"}; SEED=${seed}`,
  );
  const { tally, seconds, registry, sessionsOf, logs, ...done } = await runCluster({
    argv,
    ...(values.beside !== undefined && { otherArgv: [values.beside] }),
    programs: programs(),
    nodes: Number(values.nodes),
    isCluster: !values.alone,
    clients: clients ?? 0,
    callsEach: callsEach ?? 0,
    sessions: sessions ?? 0,
    disturbances: kinds,
    everyMs: Number(values.every) * 1000,
    seed,
    onProgress: (line) => console.error(`${clock()} ${line}`),
    end: interrupted(),
  });
  console.log(`\n${tally.calls} calls in ${seconds.toFixed(0)} s: ${(tally.calls / seconds).toFixed(0)} a second\n`);
  console.log("| what was asked and came back | times |\n|---|--:|");
  for (const [what, times] of [...tally.answers].sort()) console.log(`| ${what} | ${times} |`);
  console.log(`\nsessions of the nodes at the end: ${sessionsOf.join(", ")}`);
  console.log(`registry: ${(registry.bytes / 1024).toFixed(0)} KiB, ${registry.commands} commands since its start`);
  const spent = Object.entries(done.cpu).map(([part, used]) => `${part} ${used.toFixed(0)}`);
  console.log(`CPU seconds: ${spent.join(", ")}; ${navigator.hardwareConcurrency} processors`);
  for (const line of done.disturbances) console.log(line);
  for (const fault of tally.wrong.slice(0, 20)) console.log(`WRONG: ${fault}`);
  if (tally.wrong.length > 0) {
    const told = /"event":"(cluster|registry|sandbox\.lost|session\.failed)/;
    const lines = logs.flatMap((log) =>
      log
        .split("\n")
        .filter((line) => told.test(line))
        .slice(-20),
    );
    console.log(lines.map((line) => line.slice(0, 300)).join("\n"));
  }
  console.log(`wrong answers and unexplained errors: ${tally.wrong.length}`);
  return tally.wrong.length === 0 ? 0 : 1;
}

async function showMeasures(): Promise<0> {
  const rows = await measure({ argv, redis: programs().redis, calls: Number(values.calls) });
  console.log(
    "| warm call, ms | min | p25 | p50 | p99 | p25 of the first | rounds of the first |\n|---|--:|--:|--:|--:|--:|--:|",
  );
  for (const { name, minMs, p25Ms, p50Ms, p99Ms, p25OfFirst, roundsOfFirst } of rows) {
    const times = [minMs, p25Ms, p50Ms, p99Ms].map((ms) => ms.toFixed(3));
    const shares = [p25OfFirst, roundsOfFirst].map((share) => `${(share * 100).toFixed(1)} %`);
    console.log(`| ${[name, ...times, ...shares].join(" | ")} |`);
  }
  return 0;
}

async function showNoticed(): Promise<0> {
  const noticed = await notice({ argv, redis: programs().redis, rounds: 10 });
  console.log(
    "| a killed node's session is told lost after, s | calls before that | the slowest of all, ms |\n|--:|--:|--:|",
  );
  for (const { lostAfterMs, unreachable, slowestMs } of noticed.toSorted((a, b) => a.lostAfterMs - b.lostAfterMs)) {
    console.log(`| ${[(lostAfterMs / 1000).toFixed(1), unreachable, slowestMs.toFixed(0)].join(" | ")} |`);
  }
  return 0;
}

function clock(): string {
  return `${(performance.now() / 1000).toFixed(0)} s:`;
}

/** A second signal ends at once, as usual. */
function interrupted(): AbortSignal {
  const end = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end.abort());
  return end.signal;
}

function knownKind(kind: string): DisturbanceKind {
  const known = disturbanceKinds.find((each) => each === kind);
  if (known === undefined) throw new Error(`--disturb knows ${disturbanceKinds.join(", ")}, and not "${kind}"`);
  return known;
}

function programs(): Programs {
  const path = (name: string, debianPackage: string) => {
    const found = Bun.which(name, { PATH: `${Bun.env.PATH}:/usr/sbin` });
    if (found === null) throw new Error(`there is no ${name} here: apt-get install ${debianPackage}`);
    return found;
  };
  return {
    redis: path("redis-server", "redis-server"),
    nginx: path("nginx", "nginx-light"),
    haproxy: path("haproxy", "haproxy"),
  };
}

/** Built if it is not there. */
async function binary(): Promise<string> {
  const path = join(root, "dist/msb-mcp");
  if (!(await Bun.file(path).exists())) await Bun.$`${process.execPath} run build`.cwd(root).quiet();
  return path;
}
