// The commands about a cluster, from outside, over a real registry.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { leaseMs } from "../../src/cluster/port.ts";
import { openRegistry } from "../../src/cluster/registry/open.ts";
import { hasRedisServer, startRedisServer } from "./redis-server.ts";

const main = join(import.meta.dir, "../../src/main.ts");
const secret = "0123456789abcdef0123456789abcdef";

async function msbMcp(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const child = Bun.spawn([process.execPath, "--no-env-file", main, ...argv], {
    env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", ...env },
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, stdout, stderr };
}

test.skipIf(!hasRedisServer("commands about a cluster"))(
  "nodes lists what has registered, drain has the registry tell a node to drain, and no message has the registry's password",
  async () => {
    await using redis = await startRedisServer(["--requirepass", "hunter2"]);
    const url = `redis://:hunter2@127.0.0.1:${redis.port}`;
    await using registry = await openRegistry({ url, name: "here", leaseMs, clock: systemClock });
    const load = { sessions: 2, maxSessions: 5, memoryMib: 2048, maxMemoryMib: undefined, waiting: 0, ahead: {} };
    const facts = { id: "7gk2p", address: "http://127.0.0.1:1", version: "1.2.3", hostname: "one", startedAt: 1 };
    const epoch = await registry.register(facts, load, new Map());
    const env = { MSB_MCP_CLUSTER: url, MSB_MCP_CLUSTER_NAME: "here", MCP_CLUSTER_SECRET: secret };

    const listed = await msbMcp(["nodes", "--json"], env);
    expect([listed.status, listed.stderr]).toEqual([0, ""]);
    expect(JSON.parse(listed.stdout)).toMatchObject({ nodes: [{ id: "7gk2p", state: "serving", sessions: 2 }] });
    const elsewhere = await msbMcp(["nodes"], { ...env, MSB_MCP_CLUSTER_NAME: "there" });
    expect([elsewhere.status, elsewhere.stdout]).toEqual([0, ""]);

    expect((await msbMcp(["drain", "7gk2p"], env)).status).toBe(0);
    expect(await registry.renew({ id: "7gk2p", epoch, load, isDraining: false })).toMatchObject({ isToDrain: true });
    expect((await msbMcp(["drain", "7gk2p", "--undo"], env)).status).toBe(0);
    expect(await registry.renew({ id: "7gk2p", epoch, load, isDraining: true })).toMatchObject({ isToDrain: false });

    await registry.leave("7gk2p", epoch);
    const stopped = await msbMcp(["drain", "7gk2p"], env);
    expect([stopped.status, stopped.stdout]).toEqual([1, ""]);
    expect(stopped.stderr).toContain("7gk2p was stopped");

    await redis.kill();
    const gone = await msbMcp(["nodes"], env);
    expect([gone.status, gone.stdout]).toEqual([1, ""]);
    expect(gone.stderr).toContain("cannot be reached: connect ECONNREFUSED");
    expect(gone.stderr).not.toContain("hunter2");
  },
);
