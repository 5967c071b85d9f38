// The way to the registry: what a node sees of a server that is away, moves, is a Redis Cluster, or wants a password.

import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/clock.ts";
import { type Registry, RegistryUnreachable } from "../../src/cluster/port.ts";
import { openRegistry } from "../../src/cluster/registry/open.ts";
import { StartError } from "../../src/failure.ts";
import { freePort, hasRedisServer, startRedisServer } from "./redis-server.ts";

const facts = { id: "aaaaa", address: "http://a.test", version: "1.0.0", hostname: "a", startedAt: 1 };
const load = { sessions: 0, maxSessions: 9, memoryMib: 0, maxMemoryMib: undefined, waiting: 0, ahead: {} };

const open = (url: string, clock: Clock = systemClock) => openRegistry({ url, name: "way", leaseMs: 60_000, clock });

/** For what is waited for in vain: a tenth of the time will do. */
const hurried: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 10, signal) };

/** Until the server answers; what it is asked stays the same. */
async function registered(registry: Registry): Promise<number> {
  for (;;) {
    try {
      return await registry.register(facts, load, new Map());
    } catch (error) {
      if (!(error instanceof RegistryUnreachable)) throw error;
    }
  }
}

/** The error of a call that must fail. */
async function failure(call: Promise<unknown>): Promise<Error> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof Error)) throw new Error("The call did not fail.");
  return error;
}

test("an address that cannot be one is an error of the configuration, without its password", async () => {
  const error = await failure(open("redis://u:s3cr3t@a,b"));
  expect(error).toBeInstanceOf(StartError);
  expect(error.message).toContain("redis+cluster://");
  expect(error.message).not.toContain("s3cr3t");
});

test("a server that is not there is told as unreachable, with its address and without the password", async () => {
  await using registry = await open("redis://u:s3cr3t@127.0.0.1:1", hurried);
  const error = await failure(registry.nodes());
  expect(error).toBeInstanceOf(RegistryUnreachable);
  expect(error.message).toContain("redis://127.0.0.1:1 cannot be reached");
  expect(error.message).toContain("ECONNREFUSED");
  expect(error.message).not.toContain("s3cr3t");
});

describe.skipIf(!hasRedisServer("the way to the registry"))("the way to the registry", () => {
  test("is told as refused where the server has not got the database, and nothing is written to another one", async () => {
    await using server = await startRedisServer();
    await using registry = await open(`${server.url.replace(/\/$/, "")}/99`);
    const error = await failure(registry.register(facts, load, new Map()));
    expect(error).toBeInstanceOf(RegistryUnreachable);
    expect(error.message).toContain("refused the database 99: ERR DB index is out of range");
    expect(await server.command("DBSIZE")).toBe("0");
  });

  test("to a server that is no Redis Cluster is told with what the server said", async () => {
    await using server = await startRedisServer();
    await using registry = await open(`redis+cluster://127.0.0.1:${server.port}`, hurried);
    const error = await failure(registry.nodes());
    expect(error.message).toContain("cluster support disabled");
  });

  test("asks for a password with the one of the address, and tells a wrong one without telling it", async () => {
    await using server = await startRedisServer(["--requirepass", "p@ss"]);
    await using right = await open(server.url.replace("//", "//:p%40ss@"));
    expect(await right.nodes()).toEqual([]);
    await using wrong = await open(server.url.replace("//", "//:wr0ng@"), hurried);
    const error = await failure(wrong.nodes());
    expect(error).toBeInstanceOf(RegistryUnreachable);
    expect(error.message).toMatch(/WRONGPASS|NOAUTH/);
    expect(`${error.message}${error.stack}`).not.toContain("wr0ng");
  });

  test("is found again after the server was killed and came back, what it announces included", async () => {
    await using server = await startRedisServer();
    await using registry = await open(server.url);
    await using other = await open(server.url, hurried);
    const epoch = await registered(registry);
    await server.kill();
    expect(await failure(other.nodes())).toBeInstanceOf(RegistryUnreachable);
    await server.start();
    expect(await registered(registry)).toBeGreaterThan(epoch);
    const heard = Promise.withResolvers<void>();
    using _ = other.listen(() => heard.resolve());
    let isHeard = false;
    void heard.promise.then(() => {
      isHeard = true;
    });
    while (!isHeard) await registry.announce({ type: "mcp_session.ended", mcpSessionId: "m" });
  });

  test("is heard again after a subscription that was refused on a new connection", async () => {
    await using server = await startRedisServer();
    await using registry = await open(server.url);
    const epoch = await registered(registry);
    const heard = new Set<string>();
    using _ = registry.listen((announcement) => void heard.add(announcement.mcpSessionId));
    const publish = (mcpSessionId: string) => {
      const message = { from: "another node", announcement: { type: "mcp_session.ended", mcpSessionId } };
      return server.command("PUBLISH", "{msb-mcp:way}", JSON.stringify(message));
    };
    while (!heard.has("before")) await publish("before");
    await server.command("ACL", "SETUSER", "default", "resetchannels");
    await server.command("CLIENT", "KILL", "TYPE", "pubsub");
    while (!(await server.command("ACL", "LOG")).includes("subscribe"));
    await server.command("ACL", "SETUSER", "default", "allchannels");
    while (!heard.has("after")) {
      await registry.renew({ id: "aaaaa", epoch, load, isDraining: false });
      await publish("after");
    }
  });

  test("takes no place for a session that nobody waits for any more, after the server stood still", async () => {
    await using server = await startRedisServer();
    await using registry = await open(server.url);
    await using impatient = await open(server.url, hurried);
    await registered(registry);
    await impatient.nodes();
    const asked = { principal: "ann", template: "python", flavor: "small", memoryMib: 1024 } as const;
    server.pause();
    expect(await failure(impatient.place({ ...asked, maxPrincipalSessions: 3 }))).toBeInstanceOf(RegistryUnreachable);
    server.resume();
    // It is carried out nevertheless.
    while (!(await server.command("INFO", "commandstats")).includes("cmdstat_hincrby"));
    while ((await server.command("ZCARD", "{msb-mcp:way}:held")) !== "0");
    expect(await server.command("EXISTS", "{msb-mcp:way}:of:ann")).toBe("0");
  });

  test("is not waited for without end while the server stands still", async () => {
    await using server = await startRedisServer();
    await using registry = await open(server.url);
    await registered(registry);
    await using impatient = await open(server.url, hurried);
    await registered(impatient);
    server.pause();
    const error = await failure(impatient.nodes());
    server.resume();
    expect(error).toBeInstanceOf(RegistryUnreachable);
    expect(error.message).toContain("did not answer within 2000 ms");
    await registered(registry);
  });

  test("leads to a Redis Cluster", async () => {
    const own = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"];
    await using server = await startRedisServer([...own, "--cluster-port", String(await freePort())]);
    await server.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await using registry = await open(`redis+cluster://127.0.0.1:${server.port}`);
    const epoch = await registered(registry);
    expect(await registry.node("aaaaa")).toMatchObject({ epoch });
    const ask = { principal: "ann", template: "python", flavor: "small", memoryMib: 1024 } as const;
    expect(await registry.place({ ...ask, maxPrincipalSessions: 3 })).toMatchObject({ node: { id: "aaaaa" } });
    const heard = Promise.withResolvers<void>();
    await using other = await open(`redis+cluster://127.0.0.1:${server.port}`);
    using _ = other.listen(() => heard.resolve());
    let isHeard = false;
    void heard.promise.then(() => {
      isHeard = true;
    });
    while (!isHeard) await registry.announce({ type: "mcp_session.ended", mcpSessionId: "m" }).catch(() => undefined);
  });

  test("follows Sentinels to the replica that took the place of a server", async () => {
    await using first = await startRedisServer(["--repl-diskless-sync-delay", "0"]);
    await using second = await startRedisServer(["--replicaof", `127.0.0.1 ${first.port}`]);
    const folder = await mkdtemp(join(tmpdir(), "msb-mcp-sentinel-"));
    await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
    const file = join(folder, "sentinel.conf");
    const watched = ["down-after-milliseconds main 300", "failover-timeout main 2000"];
    await Bun.write(
      file,
      [`monitor main 127.0.0.1 ${first.port} 1`, ...watched].map((line) => `sentinel ${line}\n`).join(""),
    );
    await using sentinel = await startRedisServer(["--sentinel"], { file });
    while (!(await second.command("INFO", "replication")).includes("master_link_status:up"));
    while (!(await sentinel.command("SENTINEL", "replicas", "main")).includes(String(second.port)));
    await using registry = await open(`redis+sentinel://127.0.0.1:${sentinel.port}/main`);
    const epoch = await registered(registry);
    await first.kill();
    const again = await registered(registry);
    expect(again).toBeGreaterThan(epoch);
    expect(await second.command("ROLE")).toContain("master");
    expect((await registry.node("aaaaa"))?.epoch).toBe(again);
  });
});
