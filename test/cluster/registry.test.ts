// The registry, on a redis-server of its own.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import type { NewSession, NodeFacts, NodeLoad, Registry, Taken } from "../../src/cluster/port.ts";
import { openRegistry } from "../../src/cluster/registry/open.ts";
import { StartError } from "../../src/failure.ts";
import { hasRedisServer, type RedisServer, startRedisServer } from "./redis-server.ts";

const empty: NodeLoad = {
  sessions: 0,
  maxSessions: 10,
  memoryMib: 0,
  maxMemoryMib: undefined,
  waiting: 0,
  ahead: {},
};
const full: NodeLoad = { ...empty, sessions: 10 };
const session: NewSession = {
  principal: "ann",
  template: "python",
  flavor: "small",
  memoryMib: 1024,
  maxPrincipalSessions: undefined,
};
const nobody = new Map<string, Taken>();

/** So many sessions of 1024 MiB. */
function of(sessions: number): Taken {
  return { sessions, memoryMib: 1024 * sessions };
}

function facts(id: string, address = `http://${id}.test:8000`): NodeFacts {
  return { id, address, version: "1.0.0", hostname: `host-of-${id}`, startedAt: 1_700_000_000_000 };
}

describe.skipIf(!hasRedisServer("the registry of a cluster"))("the registry", () => {
  let server: RedisServer;
  let clusters = 0;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** Of a cluster that no other test uses, unless it is named. */
  const open = (leaseMs = 600_000, name = `cluster-${++clusters}`) =>
    openRegistry({ url: server.url, name, leaseMs, clock: systemClock });

  /** Milliseconds, by the server's clock. */
  const nowThere = async () => {
    const [seconds, micros] = (await server.command("TIME")).split("\n");
    return Number(seconds) * 1000 + Number(micros) / 1000;
  };

  /** Of so many nodes, each with a load of its own. */
  const withNodes = async (loads: Readonly<Record<string, Partial<NodeLoad>>>) => {
    const registry = await open();
    const epochs = new Map<string, number>();
    for (const [id, load] of Object.entries(loads)) {
      epochs.set(id, await registry.register(facts(id), { ...empty, ...load }, nobody));
    }
    return { registry, epochs, [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose]() };
  };

  /** Places so many sessions one after the other, and tells where. */
  const placed = async (registry: Registry, sessions: number, session_: NewSession = session) => {
    const ids: (string | undefined)[] = [];
    for (let i = 0; i < sessions; i++) ids.push((await registry.place(session_))?.node.id);
    return ids;
  };

  test("a node that has registered is seen by all, as it told of itself", async () => {
    await using one = await open(600_000, "seen");
    await using other = await open(600_000, "seen");
    const load = {
      ...empty,
      sessions: 2,
      memoryMib: 2048,
      maxMemoryMib: 8192,
      waiting: 1,
      ahead: { "python/small": 1 },
    };
    const epoch = await one.register(facts("aaaaa"), load, nobody);
    const [node, ...rest] = await other.nodes();
    expect(rest).toEqual([]);
    expect(node).toMatchObject({ ...facts("aaaaa"), epoch, load, isDraining: false, hasLeft: false });
    expect(node?.leaseLeftMs).toBeGreaterThan(0);
    expect(await other.node("aaaaa")).toMatchObject(facts("aaaaa"));
    expect(await other.node("zzzzz")).toBeUndefined();
  });

  test("two clusters on one server do not see each other", async () => {
    await using one = await withNodes({ aaaaa: {} });
    await using other = await open();
    expect(await other.nodes()).toEqual([]);
    expect(await other.place(session)).toBeUndefined();
    expect((await one.registry.place(session))?.node.id).toBe("aaaaa");
  });

  test("epochs grow with each registration, also after the registry was flushed", async () => {
    await using registry = await open();
    const first = await registry.register(facts("aaaaa"), empty, nobody);
    const second = await registry.register(facts("bbbbb"), empty, nobody);
    expect(second).toBeGreaterThan(first);
    await server.command("FLUSHALL");
    expect(await registry.register(facts("aaaaa"), empty, nobody)).toBeGreaterThan(second);
  });

  test("it tells for how long it has known nodes, and begins anew after it was flushed", async () => {
    await using registry = await open();
    const knows = async () => (await registry.sessionsOf("ann")).knowsSinceMs;
    expect(await knows()).toBe(0);
    const epoch = await registry.register(facts("aaaaa"), empty, nobody);
    while ((await knows()) < 20) await registry.renew({ id: "aaaaa", epoch, load: empty, isDraining: false });
    await server.command("FLUSHALL");
    expect(await knows()).toBe(0);
  });

  test("an id that lives at another address is refused, and may be taken again at its own", async () => {
    await using registry = await open();
    await registry.register(facts("aaaaa"), empty, nobody);
    const elsewhere = registry.register(facts("aaaaa", "http://other.test:8000"), empty, nobody);
    expect(elsewhere).rejects.toBeInstanceOf(StartError);
    expect(elsewhere).rejects.toThrow("http://aaaaa.test:8000");
    await registry.register(facts("aaaaa"), empty, nobody);
  });

  test("a node with another secret is refused while others live, which go on, and is let in once they are gone", async () => {
    const name = "secrets";
    const withMark = (mark: string) =>
      openRegistry({ url: server.url, name, leaseMs: 600_000, mark, clock: systemClock });
    await using ours = await withMark("ours");
    await using theirs = await withMark("theirs");
    const first = await ours.register(facts("aaaaa"), empty, nobody);
    expect(theirs.register(facts("bbbbb"), empty, nobody)).rejects.toThrow("MCP_CLUSTER_SECRET");
    const second = await ours.register(facts("ccccc"), empty, nobody);
    expect((await ours.nodes()).map(({ id }) => id).sort()).toEqual(["aaaaa", "ccccc"]);
    await ours.leave("aaaaa", first);
    expect(theirs.register(facts("bbbbb"), empty, nobody)).rejects.toBeInstanceOf(StartError);
    await ours.leave("ccccc", second);
    await theirs.register(facts("bbbbb"), empty, nobody);
    expect(ours.register(facts("aaaaa"), empty, nobody)).rejects.toBeInstanceOf(StartError);
    // Started again with the other secret before its own lease was over.
    await ours.register(facts("bbbbb"), empty, nobody);
  });

  test("a heartbeat prolongs the lease, tells the load, and brings what the operator wants", async () => {
    await using nodes = await withNodes({ aaaaa: {} });
    const { registry } = nodes;
    const epoch = nodes.epochs.get("aaaaa") ?? 0;
    const load = { ...empty, sessions: 3 };
    expect(await registry.renew({ id: "aaaaa", epoch, load, isDraining: false })).toEqual({
      outcome: "renewed",
      isToDrain: false,
      peers: [],
    });
    expect((await registry.node("aaaaa"))?.load.sessions).toBe(3);
    expect(await registry.requestDrain("aaaaa", true)).toBe(true);
    expect(await registry.requestDrain("zzzzz", true)).toBe(false);
    expect((await registry.renew({ id: "aaaaa", epoch, load, isDraining: false })).isToDrain).toBe(true);
    expect((await registry.node("aaaaa"))?.isDraining).toBe(true);
    expect(await registry.place(session)).toBeUndefined();
    await registry.requestDrain("aaaaa", false);
    expect((await registry.place(session))?.node.id).toBe("aaaaa");
  });

  test("a heartbeat tells that the record is lost, was replaced, or that the lease is over", async () => {
    await using registry = await open();
    const renew = (epoch: number) => registry.renew({ id: "aaaaa", epoch, load: empty, isDraining: false });
    expect((await renew(1)).outcome).toBe("unknown");
    const first = await registry.register(facts("aaaaa"), empty, nobody);
    const second = await registry.register(facts("aaaaa"), empty, nobody);
    expect((await renew(first)).outcome).toBe("replaced");
    const { startedAt } = facts("aaaaa");
    const own = { id: "aaaaa", epoch: first, load: empty, isDraining: false };
    expect((await registry.renew({ ...own, startedAt })).outcome).toBe("unknown");
    expect((await registry.renew({ ...own, startedAt: startedAt + 1 })).outcome).toBe("replaced");
    expect((await renew(second)).outcome).toBe("renewed");
    expect((await renew(second + 1)).outcome).toBe("unknown");
    await registry.leave("aaaaa", second);
    expect((await renew(second)).outcome).toBe("over");
    expect(await registry.node("aaaaa")).toMatchObject({ hasLeft: true });
  });

  test("a lease ends by itself, and nothing is placed on its node or counted of it from then on", async () => {
    await using short = await open(100, "short");
    await using long = await open(600_000, "short");
    const epoch = await short.register(facts("aaaaa"), empty, new Map([["ann", of(4)]]));
    const other = await long.register(facts("bbbbb"), { ...empty, sessions: 9 }, nobody);
    const isOver = async () => ((await long.node("aaaaa"))?.leaseLeftMs ?? 0) <= 0;
    while (!(await isOver())) await long.renew({ id: "bbbbb", epoch: other, load: empty, isDraining: false });
    expect((await long.renew({ id: "aaaaa", epoch, load: empty, isDraining: false })).outcome).toBe("over");
    expect(await placed(long, 3)).toEqual(["bbbbb", "bbbbb", "bbbbb"]);
    expect((await long.sessionsOf("ann")).byNode).toEqual(new Map());
    expect(await long.place(session)).toMatchObject({ node: { id: "bbbbb" }, elsewhere: of(0) });
    expect((await long.nodes()).map(({ id }) => id).sort()).toEqual(["aaaaa", "bbbbb"]);
    await long.register(facts("aaaaa", "http://moved.test:8000"), empty, nobody);
  });

  test.each(["renewed", "asked for"])(
    "time in which no node was heard of ends no lease, whether it is %s then: the registry was away",
    async (what) => {
      const name = `away-${what.length}`;
      await using registry = await open(10, name);
      const epoch = await registry.register(facts("aaaaa"), empty, nobody);
      await server.command("SET", `{msb-mcp:${name}}:heard`, "1");
      const isOver = async () =>
        Number(await server.command("ZSCORE", `{msb-mcp:${name}}:leased`, "aaaaa")) < (await nowThere());
      while (!(await isOver()));
      if (what === "renewed") {
        expect((await registry.renew({ id: "aaaaa", epoch, load: empty, isDraining: false })).outcome).toBe("renewed");
      } else expect((await registry.node("aaaaa"))?.leaseLeftMs).toBeGreaterThan(0);
    },
  );

  test("a lease that was told to be over stays over, though no node was heard of for long", async () => {
    await using registry = await open(600_000, "told");
    const epoch = await registry.register(facts("aaaaa"), empty, nobody);
    const overSince = String(Math.floor(await nowThere()));
    await server.command("HSET", "{msb-mcp:told}:node:aaaaa", "lease", overSince);
    await server.command("ZADD", "{msb-mcp:told}:leased", overSince, "aaaaa");
    expect((await registry.node("aaaaa"))?.leaseLeftMs).toBeLessThanOrEqual(0);
    await server.command("SET", "{msb-mcp:told}:heard", "1");
    expect((await registry.renew({ id: "aaaaa", epoch, load: empty, isDraining: false })).outcome).toBe("over");
  });

  test("a clock that is set back brings no lease back that was told to be over, and ends none that lasts", async () => {
    await using registry = await open(600_000, "set-back");
    const gone = await registry.register(facts("aaaaa"), empty, nobody);
    const epoch = await registry.register(facts("bbbbb"), empty, nobody);
    const key = (name: string) => `{msb-mcp:set-back}:${name}`;
    // As it was an hour later.
    const later = (await nowThere()) + 3_600_000;
    for (const [id, over] of [
      ["aaaaa", later - 1000],
      ["bbbbb", later + 1000],
    ] as const) {
      await server.command("HSET", key(`node:${id}`), "lease", String(Math.floor(over)));
      for (const set of ["known", "leased"]) await server.command("ZADD", key(set), String(Math.floor(over)), id);
    }
    for (const name of ["heard", "asked"]) await server.command("SET", key(name), String(Math.floor(later)));
    const renew = async (id: string, at: number) =>
      (await registry.renew({ id, epoch: at, load: empty, isDraining: false })).outcome;
    expect([await renew("aaaaa", gone), await renew("bbbbb", epoch)]).toEqual(["over", "renewed"]);
  });

  test("a process that did not hear of its last registration is told that its lease is over, if it is", async () => {
    await using registry = await open();
    const { startedAt } = facts("aaaaa");
    const first = await registry.register(facts("aaaaa"), empty, nobody);
    const second = await registry.register(facts("aaaaa"), empty, nobody);
    const renewing = { id: "aaaaa", epoch: first, load: empty, isDraining: false };
    await registry.leave("aaaaa", second);
    expect((await registry.renew({ ...renewing, startedAt })).outcome).toBe("over");
    expect((await registry.renew({ ...renewing, startedAt: startedAt + 1 })).outcome).toBe("replaced");
  });

  test("what the operator wants of a node outlasts the registry's losses, and ends with its process", async () => {
    await using registry = await open();
    const first = await registry.register(facts("aaaaa"), empty, nobody);
    await registry.requestDrain("aaaaa", true);
    await server.command("FLUSHALL");
    const wanted = { epoch: first, isToDrain: true };
    const second = await registry.register(facts("aaaaa"), empty, nobody, wanted);
    expect((await registry.node("aaaaa"))?.isDraining).toBe(true);
    // What has changed meanwhile is known here.
    await registry.requestDrain("aaaaa", false);
    await registry.register(facts("aaaaa"), empty, nobody, { epoch: second, isToDrain: true });
    expect((await registry.node("aaaaa"))?.isDraining).toBe(false);
    await registry.requestDrain("aaaaa", true);
    await registry.register({ ...facts("aaaaa"), startedAt: 1 }, empty, nobody);
    expect((await registry.node("aaaaa"))?.isDraining).toBe(false);
  });

  test("a heartbeat brings other nodes that have a lease", async () => {
    await using nodes = await withNodes({ aaaaa: {}, bbbbb: {}, ccccc: {} });
    const { registry, epochs } = nodes;
    await registry.leave("ccccc", epochs.get("ccccc") ?? 0);
    const renewing = { id: "aaaaa", epoch: epochs.get("aaaaa") ?? 0, load: empty, isDraining: false };
    expect((await registry.renew(renewing)).peers).toEqual([
      { id: "bbbbb", address: facts("bbbbb").address, epoch: epochs.get("bbbbb") ?? 0 },
    ]);
  });

  test("a heartbeat may tell all principals of its node anew", async () => {
    await using nodes = await withNodes({ aaaaa: {}, bbbbb: {} });
    const { registry, epochs } = nodes;
    const epoch = epochs.get("aaaaa") ?? 0;
    await registry.tellPrincipal("aaaaa", epoch, "ann", of(2));
    await registry.tellPrincipal("bbbbb", epochs.get("bbbbb") ?? 0, "ann", of(1));
    await registry.tellPrincipal("aaaaa", epoch, "bob", of(3));
    await registry.renew({ id: "aaaaa", epoch, load: empty, isDraining: false, principals: { bob: 1, eve: 2 } });
    expect((await registry.sessionsOf("ann")).byNode).toEqual(new Map([["bbbbb", 1]]));
    expect((await registry.sessionsOf("bob")).byNode).toEqual(new Map([["aaaaa", 1]]));
    expect((await registry.sessionsOf("eve")).byNode).toEqual(new Map([["aaaaa", 2]]));
  });

  test("a new session goes where a sandbox of its kind is ready, each of them once", async () => {
    await using nodes = await withNodes({ aaaaa: {}, bbbbb: { sessions: 8, ahead: { "python/small": 2 } }, ccccc: {} });
    const { registry } = nodes;
    expect(await placed(registry, 2)).toEqual(["bbbbb", "bbbbb"]);
    expect(await placed(registry, 3)).not.toContain("bbbbb");
    expect(await placed(registry, 3, { ...session, template: "node" })).not.toContain("bbbbb");
  });

  test("without one it goes to nodes with room, and reserved places are no room", async () => {
    await using nodes = await withNodes({
      aaaaa: { maxSessions: 4 },
      bbbbb: { sessions: 10 },
      ccccc: { memoryMib: 7680, maxMemoryMib: 8192 },
    });
    expect(await placed(nodes.registry, 4)).toEqual(["aaaaa", "aaaaa", "aaaaa", "aaaaa"]);
    // Nobody has room now: still one is named, whose own admission evicts, waits or refuses.
    expect(await nodes.registry.place(session)).toBeDefined();
  });

  test("memory is room as well: a large session passes over nodes that would take a small one", async () => {
    await using nodes = await withNodes({
      aaaaa: { memoryMib: 6144, maxMemoryMib: 8192 },
      bbbbb: { maxMemoryMib: 8192, sessions: 9 },
    });
    expect((await nodes.registry.place({ ...session, memoryMib: 4096 }))?.node.id).toBe("bbbbb");
  });

  test("where nobody has room, the node where the fewest wait is named", async () => {
    await using nodes = await withNodes({
      aaaaa: { sessions: 10, waiting: 40 },
      bbbbb: { sessions: 10, waiting: 50 },
    });
    expect(new Set(await placed(nodes.registry, 6))).toEqual(new Set(["aaaaa"]));
  });

  test("a heartbeat that is handed on late takes back no count that was told since", async () => {
    await using nodes = await withNodes({ aaaaa: {} });
    const { registry, epochs } = nodes;
    const beat = { id: "aaaaa", epoch: epochs.get("aaaaa") ?? 0, load: empty, isDraining: false };
    await registry.renew({ ...beat, principals: { ann: 1 }, principalsAtMs: 2000.5 });
    await registry.renew({ ...beat, principals: { ann: 3 }, principalsAtMs: 1000.5 });
    expect((await registry.sessionsOf("ann")).byNode).toEqual(new Map([["aaaaa", 1]]));
    await registry.renew({ ...beat, principals: {}, principalsAtMs: 3000 });
    expect((await registry.sessionsOf("ann")).byNode).toEqual(new Map());
  });

  test("a place on one node alone is counted as any other, and is none where that takes no new sessions", async () => {
    await using nodes = await withNodes({ aaaaa: { maxSessions: 2 }, bbbbb: { maxSessions: 2 } });
    const { registry } = nodes;
    const limited = { ...session, maxPrincipalSessions: 1 };
    const here = await registry.place({ ...limited, node: "aaaaa" });
    expect(here).toMatchObject({ node: { id: "aaaaa" }, elsewhere: of(0) });
    expect(await registry.place({ ...limited, node: "bbbbb" })).toMatchObject({
      node: { id: "bbbbb" },
      elsewhere: of(1),
    });
    await registry.requestDrain("bbbbb", true);
    expect(await registry.place({ ...session, node: "bbbbb" })).toBeUndefined();
  });

  test("a place that is given back is free again, and one that is told of is a session", async () => {
    await using nodes = await withNodes({ aaaaa: { maxSessions: 2 } });
    const { registry, epochs } = nodes;
    const epoch = epochs.get("aaaaa") ?? 0;
    const first = await registry.place(session);
    const second = await registry.place(session);
    expect([first?.elsewhere, second?.elsewhere]).toEqual([of(0), of(0)]);
    await registry.giveBack(second?.reservation ?? "");
    await registry.giveBack(second?.reservation ?? "");
    await registry.tellPrincipal("aaaaa", epoch, "ann", of(1), first?.reservation);
    expect((await registry.sessionsOf("ann")).byNode).toEqual(new Map([["aaaaa", 1]]));
    expect((await registry.node("aaaaa"))?.load).toMatchObject({ sessions: 1, memoryMib: 1024 });
    await registry.tellPrincipal("aaaaa", epoch, "ann", of(0));
    expect((await registry.sessionsOf("ann")).byNode).toEqual(new Map());
    expect((await registry.node("aaaaa"))?.load.sessions).toBe(0);
  });

  test("what a principal has on other nodes is told with the place, those on their way included", async () => {
    await using nodes = await withNodes({ aaaaa: { maxSessions: 1 }, bbbbb: { sessions: 10 } });
    const { registry, epochs } = nodes;
    await registry.tellPrincipal("bbbbb", epochs.get("bbbbb") ?? 0, "ann", of(5));
    expect(await registry.place(session)).toMatchObject({ node: { id: "aaaaa" }, elsewhere: of(5) });
    await registry.renew({ id: "bbbbb", epoch: epochs.get("bbbbb") ?? 0, load: empty, isDraining: false });
    expect(await registry.place(session)).toMatchObject({ node: { id: "bbbbb" }, elsewhere: of(1) });
    expect(await registry.place({ ...session, principal: "bob" })).toMatchObject({ elsewhere: of(0) });
  });

  test("a principal at its limit is sent to a node that has sessions of it", async () => {
    await using nodes = await withNodes({ aaaaa: {}, bbbbb: { sessions: 9, ahead: {} }, ccccc: {} });
    const { registry, epochs } = nodes;
    await registry.tellPrincipal("bbbbb", epochs.get("bbbbb") ?? 0, "ann", of(2));
    const limited = { ...session, maxPrincipalSessions: 2 };
    expect(await registry.place(limited)).toMatchObject({ node: { id: "bbbbb" }, elsewhere: of(0) });
    expect(await placed(registry, 4, { ...limited, principal: "bob", maxPrincipalSessions: 9 })).not.toContain("bbbbb");
  });

  test("a principal's memory counts over all nodes, what is reserved and what was told at a heartbeat included", async () => {
    await using there = await withNodes({ aaaaa: {}, bbbbb: { sessions: 9 } });
    const { registry, epochs } = there;
    const epoch = epochs.get("bbbbb") ?? 0;
    await registry.tellPrincipal("bbbbb", epoch, "ann", { sessions: 1, memoryMib: 4096 });
    const first = await registry.place(session);
    expect(first).toMatchObject({ node: { id: "aaaaa" }, elsewhere: { sessions: 1, memoryMib: 4096 } });
    await registry.renew({
      ...{ id: "bbbbb", epoch, load: empty, isDraining: false },
      ...{ principals: { ann: 2 }, principalsMemoryMib: { ann: 6144 } },
    });
    await registry.renew({ id: "aaaaa", epoch: epochs.get("aaaaa") ?? 0, load: full, isDraining: false });
    const second = await registry.place(session);
    // The first one is on its way yet.
    expect(second).toMatchObject({ node: { id: "bbbbb" }, elsewhere: { sessions: 1, memoryMib: 1024 } });
    await registry.giveBack(first?.reservation ?? "");
    await registry.giveBack(second?.reservation ?? "");
    await registry.tellPrincipal("bbbbb", epoch, "ann", { sessions: 0, memoryMib: 0 });
    expect(await registry.place(session)).toMatchObject({ elsewhere: { sessions: 0, memoryMib: 0 } });
  });

  test("at its principal's limit of memory, a session goes where enough of it can end", async () => {
    await using there = await withNodes({ aaaaa: {}, bbbbb: { sessions: 9 }, ccccc: { sessions: 5 } });
    const { registry, epochs } = there;
    await registry.tellPrincipal("bbbbb", epochs.get("bbbbb") ?? 0, "ann", { sessions: 1, memoryMib: 4096 });
    await registry.tellPrincipal("ccccc", epochs.get("ccccc") ?? 0, "ann", of(1));
    const large = { ...session, flavor: "large", memoryMib: 4096 } as const;
    const at = async (asked: NewSession, maxPrincipalMemoryMib: number) => {
      const placement = await registry.place({ ...asked, maxPrincipalMemoryMib });
      await registry.giveBack(placement?.reservation ?? "");
      return placement?.node.id;
    };
    expect(await at(session, 6144)).toBe("aaaaa");
    expect(await at(large, 6144)).toBe("bbbbb");
    // Where no node has enough of it, where some of it is.
    expect(["bbbbb", "ccccc"]).toContain((await at(large, 4096)) ?? "");
  });

  test("the memory of a node that is gone counts no more", async () => {
    await using there = await withNodes({ aaaaa: {}, bbbbb: {} });
    const { registry, epochs } = there;
    await registry.tellPrincipal("bbbbb", epochs.get("bbbbb") ?? 0, "ann", of(3));
    await registry.leave("bbbbb", epochs.get("bbbbb") ?? 0);
    await registry.place({ ...session, principal: "bob" });
    expect(await registry.place(session)).toMatchObject({ node: { id: "aaaaa" }, elsewhere: of(0) });
  });

  describe("placed again", () => {
    const room = { ...empty, maxSessions: 1 };
    const taken = { ...room, sessions: 1 };

    test("a session that waits stays where it is while no other node has room, and goes to one that has", async () => {
      await using there = await withNodes({ aaaaa: taken, bbbbb: taken });
      const { registry, epochs } = there;
      const first = await registry.place(session);
      const nodeId = first?.node.id ?? "";
      const reservation = first?.reservation ?? "";
      expect(await registry.placeAgain(session, { nodeId, reservation })).toMatchObject({ node: { id: nodeId } });
      const other = nodeId === "aaaaa" ? "bbbbb" : "aaaaa";
      await registry.renew({ id: other, epoch: epochs.get(other) ?? 0, load: room, isDraining: false });
      const moved = await registry.placeAgain(session, { nodeId, reservation });
      expect(moved).toMatchObject({ node: { id: other }, reservation, elsewhere: of(0) });
      // What there is of the principal is there now, and nowhere else.
      expect(await registry.place({ ...session, maxPrincipalSessions: 1 })).toMatchObject({
        node: { id: other },
        elsewhere: of(0),
      });
    });

    test("of a principal at its limit it stays, and learns what there is elsewhere", async () => {
      await using there = await withNodes({ aaaaa: { sessions: 1 }, bbbbb: { sessions: 1 } });
      const { registry, epochs } = there;
      const told = (id: string, sessions: number) =>
        registry.tellPrincipal(id, epochs.get(id) ?? 0, "ann", of(sessions));
      await told("aaaaa", 1);
      await told("bbbbb", 1);
      const limited = { ...session, maxPrincipalSessions: 2 };
      const first = await registry.place(limited);
      const [nodeId, reservation] = [first?.node.id ?? "", first?.reservation ?? ""];
      expect(first?.elsewhere).toEqual(of(1));
      const stays = { node: { id: nodeId }, reservation };
      expect(await registry.placeAgain(limited, { nodeId, reservation })).toMatchObject({ ...stays, elsewhere: of(1) });
      await told(nodeId === "aaaaa" ? "bbbbb" : "aaaaa", 0);
      await registry.renew({ id: "aaaaa", epoch: epochs.get("aaaaa") ?? 0, load: full, isDraining: false });
      await registry.renew({ id: "bbbbb", epoch: epochs.get("bbbbb") ?? 0, load: full, isDraining: false });
      expect(await registry.placeAgain(limited, { nodeId, reservation })).toMatchObject({ ...stays, elsewhere: of(0) });
    });

    test("leaves a node that takes no new sessions any more", async () => {
      await using there = await withNodes({ aaaaa: taken, bbbbb: taken });
      const { registry, epochs } = there;
      const first = await registry.place(session);
      const nodeId = first?.node.id ?? "";
      await registry.renew({ id: nodeId, epoch: epochs.get(nodeId) ?? 0, load: taken, isDraining: true });
      const other = nodeId === "aaaaa" ? "bbbbb" : "aaaaa";
      const again = registry.placeAgain(session, { nodeId, reservation: first?.reservation ?? "" });
      expect(await again).toMatchObject({ node: { id: other } });
    });
  });

  test("a place on a node whose lease is over is taken out of the sums once", async () => {
    await using registry = await open(600_000, "once");
    const places = () => server.command("HGET", "{msb-mcp:once}:of:ann", "*");
    const epoch = await registry.register(facts("aaaaa"), empty, nobody);
    await registry.register(facts("bbbbb"), { ...empty, sessions: 10 }, new Map([["ann", of(3)]]));
    const held = await registry.place(session);
    expect([held?.node.id, await places()]).toEqual(["aaaaa", "4"]);
    await registry.leave("aaaaa", epoch);
    expect(await places()).toBe("3");
    await registry.giveBack(held?.reservation ?? "");
    expect(await places()).toBe("3");
  });

  test("what a principal has is remembered for as long as it is told, also if it stays the same", async () => {
    await using registry = await open(600_000, "same");
    const epoch = await registry.register(facts("aaaaa"), empty, new Map([["ann", of(3)]]));
    await server.command("PEXPIRE", "{msb-mcp:same}:of:ann", "60000");
    await registry.renew({ id: "aaaaa", epoch, load: empty, isDraining: false, principals: { ann: 3 } });
    expect(Number(await server.command("PTTL", "{msb-mcp:same}:of:ann"))).toBeGreaterThan(3_600_000);
  });

  test("a node that registers again tells everything anew", async () => {
    await using nodes = await withNodes({ aaaaa: { maxSessions: 3 } });
    const { registry, epochs } = nodes;
    const held = await registry.place(session);
    await registry.tellPrincipal("aaaaa", epochs.get("aaaaa") ?? 0, "bob", of(2));
    const epoch = await registry.register(facts("aaaaa"), { ...empty, maxSessions: 3 }, new Map([["ann", of(1)]]));
    await registry.giveBack(held?.reservation ?? "");
    await registry.tellPrincipal("aaaaa", epochs.get("aaaaa") ?? 0, "bob", of(7));
    expect((await registry.sessionsOf("ann")).byNode).toEqual(new Map([["aaaaa", 1]]));
    expect((await registry.sessionsOf("bob")).byNode).toEqual(new Map());
    expect(await registry.node("aaaaa")).toMatchObject({ epoch, load: { sessions: 0 } });
  });

  test("what one node announces is heard by the others, and ended MCP sessions are remembered", async () => {
    await using one = await open(600_000, "heard");
    await using other = await open(600_000, "heard");
    const heard = Promise.withResolvers<unknown>();
    using _ = other.listen((announcement) => heard.resolve(announcement));
    using __ = one.listen(() => heard.reject(new Error("a node heard itself")));
    const cancelled = { type: "request.cancelled", mcpSessionId: "m-1", requestId: 7, reason: "why" } as const;
    let isOver = false;
    void heard.promise
      .catch(() => undefined)
      .then(() => {
        isOver = true;
      });
    while (!isOver) await one.announce(cancelled); // until the other is connected
    expect(await heard.promise).toEqual(cancelled);
    await one.announce({ type: "mcp_session.ended", mcpSessionId: "m-1" });
    await one.announce({ type: "mcp_session.ended", mcpSessionId: "m-2" });
    expect(await other.endedMcpSessions()).toContain("m-2");
  });

  test("of ended MCP sessions the last 10,000 are remembered", async () => {
    await using registry = await open(600_000, "ended");
    const fill = "for i = 1, 10000 do redis.call('ZADD', KEYS[1], i / 1000 + ARGV[1], 'old-' .. i) end";
    const anHourAgo = Math.floor((await nowThere()) - 3_600_000);
    await server.command("EVAL", fill, "1", "{msb-mcp:ended}:ended", String(anHourAgo));
    await registry.announce({ type: "mcp_session.ended", mcpSessionId: "new" });
    const ended = await registry.endedMcpSessions();
    expect([ended.length, ended.at(0), ended.at(-1)]).toEqual([10_000, "old-2", "new"]);
  });

  test("a place that nobody tells of any more is free again by itself", async () => {
    await using registry = await open(600_000, "freed");
    await registry.register(facts("aaaaa"), { ...empty, maxSessions: 1 }, nobody);
    await registry.register(facts("bbbbb"), { ...empty, maxSessions: 1, sessions: 1 }, nobody);
    const held = await registry.place(session);
    expect(held?.node.id).toBe("aaaaa");
    expect(await server.command("ZRANGE", "{msb-mcp:freed}:held", "0", "-1")).toBe(held?.reservation ?? "");
    await server.command("ZADD", "{msb-mcp:freed}:held", "1", held?.reservation ?? "");
    expect(await registry.place(session)).toMatchObject({ node: { id: "aaaaa" }, elsewhere: of(0) });
  });

  test("a place is held for as long as a session may take to be opened", async () => {
    const options = { url: server.url, name: "long", leaseMs: 600_000, clock: systemClock };
    await using registry = await openRegistry({ ...options, reservationMs: 3_600_000 });
    await registry.register(facts("aaaaa"), empty, nobody);
    const held = await registry.place(session);
    const untilMs = Number(await server.command("ZSCORE", "{msb-mcp:long}:held", held?.reservation ?? ""));
    expect(untilMs - (await nowThere())).toBeGreaterThan(3_000_000);
  });

  test("all that is kept ends by itself, and of a cluster nobody uses any more nothing is left", async () => {
    await using registry = await open(600_000, "kept");
    const epoch = await registry.register(facts("aaaaa"), { ...empty, ahead: { "python/small": 1 } }, nobody);
    const ahead = await registry.place(session);
    await registry.tellPrincipal("aaaaa", epoch, "ann", of(1), ahead?.reservation);
    await registry.place({ ...session, template: "node" });
    await registry.announce({ type: "mcp_session.ended", mcpSessionId: "m" });
    await registry.renew({ id: "aaaaa", epoch, load: empty, isDraining: false });
    const keys = (await server.command("KEYS", "{msb-mcp:kept}:*")).split("\n");
    expect(keys.length).toBeGreaterThan(10);
    const lasting: string[] = [];
    for (const key of keys) {
      if (Number(await server.command("PTTL", key)) < 0) lasting.push(key);
    }
    expect(lasting).toEqual([]);
  });

  test("what a node of another version wrote beside its record is kept, and fields that are missing are none", async () => {
    await using registry = await open(600_000, "versions");
    const epoch = await registry.register(facts("aaaaa"), empty, nobody);
    await server.command("HSET", "{msb-mcp:versions}:node:aaaaa", "zone", "b");
    await server.command("HDEL", "{msb-mcp:versions}:node:aaaaa", "waiting", "hostname");
    expect(await registry.node("aaaaa")).toMatchObject({ hostname: "", load: { waiting: 0 } });
    await registry.renew({ id: "aaaaa", epoch, load: empty, isDraining: false });
    expect((await registry.place(session))?.node.id).toBe("aaaaa");
    expect(await server.command("HGET", "{msb-mcp:versions}:node:aaaaa", "zone")).toBe("b");
    await server.command("SET", "{msb-mcp:versions}:layout", "2");
    expect(registry.register(facts("bbbbb"), empty, nobody)).rejects.toThrow("newer version");
  });
});
