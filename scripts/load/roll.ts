// A rolling restart of all nodes of a cluster under a steady rate of calls: what fails, and which sessions are lost. Exit status 1 for a wrong answer, and for
// a lost session where none may be. Requires redis-server and bubblewrap.
//
//   bun scripts/load/roll.ts [--nodes 5] [--rate 50] [--sessions 20]               sandboxes that outlive their server, and --keep-sessions
//   bun scripts/load/roll.ts --namespace [--nodes 5] [--rate 50] [--sessions 20]   sandboxes that end with it

import { join } from "node:path";
import { parseArgs } from "node:util";
import { startKeeper } from "../../test/surviving/keeper.ts";
import { rollUnderCalls } from "./cluster/roll.ts";

const { values } = parseArgs({
  args: Bun.argv.slice(2),
  options: {
    nodes: { type: "string", default: "5" },
    rate: { type: "string", default: "50" },
    sessions: { type: "string", default: "20" },
    namespace: { type: "boolean", default: false },
  },
});
const root = join(import.meta.dir, "../..");
const redis = Bun.which("redis-server");
if (redis === null) throw new Error("there is no redis-server here: apt-get install redis-server");
await using keeper = startKeeper();
const keeps = !values.namespace;
const entry = keeps ? [join(root, "test/surviving/main.ts"), keeper.url] : [join(root, "src/main.ts")];
const { calls, seconds, wrong, broken, toldLost, goneOn, callMs } = await rollUnderCalls({
  argv: [process.execPath, "--no-env-file", ...entry],
  ...{ keeps, redis, nodes: Number(values.nodes) },
  ...{ sessions: Number(values.sessions), callsASecond: Number(values.rate) },
});
const at = (part: number) => `${(callMs[Math.floor(callMs.length * part)] ?? Number.NaN).toFixed(0)} ms`;
console.log(`${calls} calls in ${seconds.toFixed(0)} s; p50 ${at(0.5)}, p99 ${at(0.99)}, the longest ${at(0.99999)}`);
console.log(
  `told lost: ${toldLost}; told that they go on: ${goneOn}; connection broke: ${broken.length}; wrong: ${wrong.length}`,
);
for (const line of [...wrong, ...broken].slice(0, 20)) console.log(line);
process.exitCode = wrong.length > 0 || (keeps && toldLost > 0) ? 1 : 0;
