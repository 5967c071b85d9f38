// Three servers with one registry answer as one, behind nginx and HAProxy with plain round-robin, by all ways of MCP: the short form of
// scripts/load/cluster.ts, which also disturbs them.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { runCluster } from "../../scripts/load/cluster/run.ts";
import { debianProgram } from "../packages/debian.ts";

setDefaultTimeout(240_000);

const skipped = "three servers with one registry behind two balancers";
const redis = debianProgram("redis-server", "redis-server", skipped);
const nginx = debianProgram("nginx", "nginx-light", skipped);
const haproxy = debianProgram("haproxy", "haproxy", skipped);
const bubblewrap = debianProgram("bwrap", "bubblewrap", skipped);
const isComplete = [redis, nginx, haproxy, bubblewrap].every((program) => program !== undefined);

test.skipIf(!isComplete)("mixed calls over three servers get no wrong answer and no unexplained error", async () => {
  const { tally } = await runCluster({
    argv: [process.execPath, "--no-env-file", join(import.meta.dir, "../../src/main.ts")],
    programs: { redis: redis ?? "", nginx: nginx ?? "", haproxy: haproxy ?? "" },
    ...{ nodes: 3, isCluster: true, clients: 6, callsEach: 14, sessions: 6, seed: 17 },
    ...{ disturbances: [], everyMs: 0 },
  });
  expect(tally.wrong).toEqual([]);
  expect(tally.calls).toBeGreaterThan(70);
  // By way of another node, most of them.
  expect(tally.executions).toBeGreaterThan(20);
});
