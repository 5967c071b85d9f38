// Does every answer belong to its caller while sessions come and go under pressure? Clients with mixed calls on more sessions than the server
// may have, against the compiled program: each session keeps a secret and a counter that its answers are held against. Then the server's own
// metrics are held against what the clients saw. Exit status 1 for a wrong answer, an unexplained error or memory that grows.
//
//   bun run load [CALLS] [CLIENTS]     CALLS of each client (default 2000), CLIENTS (default 16)

import { Client } from "./load/client.ts";
import { phaseFigures, sumOf } from "./load/figures.ts";
import { LoadedServer, maxSessions } from "./load/server.ts";
import { Slot } from "./load/slot.ts";
import { Tally } from "./load/tally.ts";
import { bareWay } from "./load/ways.ts";

const slots = 40;
/** What RSS may be at the end above the first half of the run, as a share of it. */
const allowedGrowth = 0.15;

const calls = Number(Bun.argv[2] ?? 2000);
const clients = Number(Bun.argv[3] ?? 16);
const seed = Number(Bun.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
process.exitCode = await load();

async function load(): Promise<0 | 1> {
  await using server = await LoadedServer.start();
  const tally = new Tally();
  const all = Array.from({ length: slots }, (_, index) => new Slot(index));
  console.log(`${clients} clients × ${calls} calls on ${slots} sessions, of which ${maxSessions} may be; SEED=${seed}`);
  const startedMs = performance.now();
  const progress = setInterval(() => console.error(`${tally.calls} calls, ${tally.wrong.length} wrong`), 15_000);
  const work = Array.from({ length: clients }, (_, index) =>
    new Client({ way: bareWay(server.url), slots: all, tally, seed: seed + index }).run(calls),
  );
  await Promise.all(work);
  clearInterval(progress);
  const seconds = (performance.now() - startedMs) / 1000;
  const metrics = await server.metrics();

  console.log(`\n${tally.calls} calls in ${seconds.toFixed(0)} s: ${(tally.calls / seconds).toFixed(0)} a second\n`);
  console.log("| what was asked and came back | times |\n|---|--:|");
  for (const [what, times] of tally.answers) console.log(`| ${what} | ${times} |`);
  console.log("\n| phase | times | p50 ms | p95 ms | p99 ms |\n|---|--:|--:|--:|--:|");
  for (const { phase, count, p50, p95, p99 } of phaseFigures(metrics)) {
    const shown = [p50, p95, p99].map((quantileS) => (quantileS * 1000).toFixed(1));
    console.log(`| ${phase} | ${count} | ${shown.join(" | ")} |`);
  }
  const { firstMib, lastMib, mostMib } = server.memory();
  const growth = lastMib / firstMib - 1;
  console.log(
    `\nRSS MiB: ${firstMib.toFixed(0)} in the second quarter of the run, ${lastMib.toFixed(0)} in its last, ${mostMib.toFixed(0)} at most; ` +
      `growth ${(growth * 100).toFixed(1)} %, allowed ${allowedGrowth * 100} %`,
  );

  const executions = sumOf(metrics, "msb_mcp_executions_total");
  if (executions !== tally.executions) {
    tally.fault(`/metrics has ${executions} executions, and the clients saw ${tally.executions}`);
  }
  const evictions = sumOf(metrics, "msb_mcp_evictions_total");
  console.log(`evictions: ${evictions}, of which clients were told ${tally.evicted.size}`);
  if (evictions < tally.evicted.size) tally.fault("clients were told of more evictions than there were");
  const failed = sumOf(metrics, "msb_mcp_requests_failed_total") + sumOf(metrics, "msb_mcp_sandboxes_lost_total");
  if (failed > 0) tally.fault(`${failed} requests failed unexpectedly or sandboxes were lost`);

  for (const fault of tally.wrong.slice(0, 20)) console.log(`WRONG: ${fault}`);
  console.log(`wrong answers and unexplained errors: ${tally.wrong.length}`);
  return tally.wrong.length === 0 && growth <= allowedGrowth ? 0 : 1;
}
