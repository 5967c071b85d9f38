// A node's lease, with a clock that moves when told and a registry that answers as told.

import { describe, expect, test } from "bun:test";
import type { AskPeer } from "../../src/cluster/known-peers.ts";
import { type Lease, openLease } from "../../src/cluster/lease.ts";
import {
  type NodeFacts,
  type NodeLoad,
  type PeerAddress,
  type Registration,
  RegistryUnreachable,
  type Renewal,
  type Renewing,
  type Standing,
  type Taken,
} from "../../src/cluster/port.ts";
import type { Event } from "../../src/events.ts";
import { StartError } from "../../src/failure.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";

const leaseMs = 15_000;
const facts: NodeFacts = { id: "aaaaa", address: "http://a.test", version: "1.0.0", hostname: "a", startedAt: 1 };
const load: NodeLoad = { sessions: 1, maxSessions: 9, memoryMib: 1, maxMemoryMib: undefined, waiting: 0, ahead: {} };
const renewed: Renewal = { outcome: "renewed", isToDrain: false };
const peer = { id: "bbbbb", address: "http://b.test", epoch: 7 };

/** What the registry does at the moment, for this node; a `StartError` is of `register` only. */
type Weather = Renewal | "cut off" | StartError;

type World = {
  readonly lease: Lease;
  readonly clock: FakeClock;
  weather: Weather;
  /** What the other node answers, if there is one; undefined: it cannot be reached. */
  atPeer: Renewal | "registry-unreachable" | undefined;
  readonly standings: Standing[];
  readonly renewals: Renewing[];
  readonly registrations: (readonly [string, number][])[];
  /** What the registrations told of the last one before. */
  readonly before: (Registration | undefined)[];
  readonly left: number[];
  readonly drains: boolean[];
  readonly events: Event[];
  /** The ids that are remembered for the next process, each time. */
  readonly kept: string[][];
  /** How often the sessions were ended. */
  ended: number;
  endSessions: () => Promise<void>;
  principals: ReadonlyMap<string, Taken>;
  isDraining: boolean;
  /** The registry loses each registration. */
  isForgetful: boolean;
};

type Start = {
  readonly weather?: Weather;
  readonly peers?: Renewal["peers"];
  /** Known to an earlier process. */
  readonly remembered?: readonly PeerAddress[];
  readonly atPeer?: World["atPeer"];
};

async function world({
  weather = renewed,
  peers = [peer],
  remembered = [],
  atPeer,
}: Start = {}): Promise<World & AsyncDisposable> {
  const clock = new FakeClock();
  let epochs = 0;
  const at: Omit<World, "lease" | "clock"> = {
    weather,
    atPeer,
    kept: [],
    ...{ standings: [], renewals: [], registrations: [], before: [], left: [], drains: [], events: [] },
    ended: 0,
    endSessions: () => Promise.resolve(),
    principals: new Map([["ann", { sessions: 2, memoryMib: 2048 }]]),
    isDraining: false,
    isForgetful: false,
  };
  const askPeer: AskPeer = async () => {
    if (at.atPeer === undefined) throw new Error("refused");
    return at.atPeer;
  };
  const lease = await openLease({
    registry: {
      async register(_facts, _load, principals, before) {
        if (at.weather === "cut off") throw new RegistryUnreachable("cut off");
        if (at.weather instanceof StartError) throw at.weather;
        at.registrations.push([...principals].map(([name, { sessions }]) => [name, sessions]));
        at.before.push(before);
        if (at.weather.outcome !== "renewed" && !at.isForgetful) {
          at.weather = { ...renewed, isToDrain: before?.isToDrain === true };
        }
        epochs += 1;
        return epochs;
      },
      async renew(renewing) {
        if (at.weather === "cut off" || at.weather instanceof StartError) throw new RegistryUnreachable("cut off");
        at.renewals.push(renewing);
        return { ...at.weather, peers };
      },
      leave: async (_id, epoch) => void at.left.push(epoch),
    },
    ...{ clock, facts, leaseMs, askPeer },
    remembered: { read: () => remembered, keep: (all) => at.kept.push(all.map(({ id }) => id)) },
    load: () => load,
    principals: () => at.principals,
    isDraining: () => at.isDraining,
    emit(event) {
      at.events.push(event);
      if (event.type === "cluster.standing") at.standings.push(event.standing);
    },
    async endSessions() {
      await at.endSessions();
      at.ended += 1;
    },
    onDrain: (isToDrain) => at.drains.push(isToDrain),
  });
  await settle();
  return Object.assign(at, { lease, clock, [Symbol.asyncDispose]: () => lease[Symbol.asyncDispose]() });
}

const pass = async ({ clock }: World, ms: number) => {
  for (let passed = 0; passed < ms; passed += 500) await clock.advance(500);
};

describe("a lease", () => {
  test("is taken at the start, prolonged three times in its time, and left at the end", async () => {
    const node = await world();
    expect(node.lease.standing).toBe("held");
    const before = node.renewals.length;
    await pass(node, leaseMs);
    expect(node.renewals.length - before).toBe(3);
    expect(node.renewals.at(-1)).toEqual({ id: "aaaaa", epoch: 1, startedAt: 1, load, isDraining: false });
    expect(node.standings).toEqual(["held"]);
    await node.lease[Symbol.asyncDispose]();
    expect(node.left).toEqual([1]);
    await pass(node, leaseMs);
    expect(node.renewals.length - before).toBe(3);
  });

  test.each<[string, Start, Standing]>([
    ["knows nobody", {}, "unreachable"],
    ["knows nodes that do not reach it either", { remembered: [peer], atPeer: "registry-unreachable" }, "unreachable"],
    ["reaches none of the nodes that it knows", { remembered: [peer] }, "lost"],
    ["knows a node that reaches it", { remembered: [peer], atPeer: { ...renewed, outcome: "replaced" } }, "lost"],
  ])(
    "of a node that starts without the registry, and %s, is taken later; nothing is ended",
    async (_, start, standing) => {
      await using node = await world({ ...start, weather: "cut off" });
      expect(node.lease.standing).toBe(standing);
      await pass(node, 3 * leaseMs);
      expect(node.lease.standing).toBe(standing);
      node.weather = renewed;
      await pass(node, leaseMs);
      expect([node.lease.standing, node.ended]).toEqual(["held", 0]);
      expect(node.kept.at(-1)).toEqual(["bbbbb"]);
    },
  );

  test("of a node that is to be started again is not given back, but prolonged a last time", async () => {
    const node = await world();
    const before = node.renewals.length;
    node.lease.willBeBack();
    await node.lease[Symbol.asyncDispose]();
    expect(node.left).toEqual([]);
    const last = { id: "aaaaa", epoch: 1, startedAt: 1, load, isDraining: true };
    expect(node.renewals.slice(before)).toEqual([last]);
  });

  test("of an id that lives elsewhere is an error of the start", async () => {
    const taken = new StartError("Another node has the id.", { isConfiguration: true });
    expect(world({ weather: taken })).rejects.toBe(taken);
  });

  test("goes on as before if the wall clock is set forward or back by a minute", async () => {
    await using node = await world();
    await pass(node, 1000);
    node.clock.setForward(60_000);
    await pass(node, leaseMs);
    node.clock.setForward(-120_000);
    await pass(node, leaseMs);
    expect(node.standings).toEqual(["held"]);
    expect(node.registrations).toHaveLength(1);
  });

  test("tells the load and that it drains at once when it is asked to", async () => {
    await using node = await world();
    const before = node.renewals.length;
    node.isDraining = true;
    node.lease.beatNow();
    await settle();
    expect(node.renewals.slice(before)).toMatchObject([{ isDraining: true }]);
  });

  test("hears from the registry whether the operator wants the node to drain, each change once", async () => {
    await using node = await world();
    node.weather = { ...renewed, isToDrain: true };
    await pass(node, leaseMs);
    node.weather = renewed;
    await pass(node, leaseMs);
    expect(node.drains).toEqual([true, false]);
  });
});

describe("a node that does not reach the registry", () => {
  test("has its heartbeat handed on by another node, and keeps its lease", async () => {
    await using node = await world();
    node.weather = "cut off";
    node.atPeer = renewed;
    await pass(node, 3 * leaseMs);
    expect(node.standings).toEqual(["held"]);
  });

  test("goes on for as long as other nodes do not reach it either", async () => {
    await using node = await world();
    node.weather = "cut off";
    node.atPeer = "registry-unreachable";
    await pass(node, 10 * leaseMs);
    node.weather = renewed;
    await pass(node, leaseMs);
    expect(node.standings).toEqual(["held", "unreachable", "held"]);
    const told = node.events.flatMap((event) => (event.type === "cluster.standing" ? [event.reason] : []));
    expect(told).toEqual([undefined, "cut off", undefined]);
    expect([node.registrations.length, node.ended]).toEqual([1, 0]);
  });

  test("goes on if it knows of no other node", async () => {
    await using node = await world({ peers: [] });
    node.weather = "cut off";
    await pass(node, 10 * leaseMs);
    expect(node.standings).toEqual(["held", "unreachable"]);
    expect(node.ended).toBe(0);
  });

  test("nor any other one stops before its lease is over, and ends nothing until it knows", async () => {
    await using node = await world();
    await pass(node, 1000);
    const lastMs = node.clock.monotonicMs();
    node.weather = "cut off";
    while (node.lease.standing === "held") await node.clock.advance(100);
    // The registry counts from the last heartbeat that it heard, at the earliest from when that was sent.
    expect(node.clock.monotonicMs() - lastMs).toBeLessThan(leaseMs);
    expect(node.standings).toEqual(["held", "lost"]);
    await pass(node, 3 * leaseMs);
    expect(node.ended).toBe(0);
    // Another node can be reached again, but may have been told in between.
    node.atPeer = "registry-unreachable";
    await pass(node, 3 * leaseMs);
    expect(node.standings).toEqual(["held", "lost"]);
    node.weather = renewed;
    await pass(node, leaseMs);
    expect(node.standings).toEqual(["held", "lost", "held"]);
    expect(node.ended).toBe(0);
  });

  test("goes on while the other nodes restart, if they have not reached it for long either", async () => {
    await using node = await world();
    node.weather = "cut off";
    node.atPeer = "registry-unreachable";
    await pass(node, 2 * leaseMs);
    node.atPeer = undefined;
    await pass(node, leaseMs / 2);
    expect(node.lease.standing).toBe("unreachable");
    node.atPeer = "registry-unreachable";
    await pass(node, 2 * leaseMs);
    expect(node.standings).toEqual(["held", "unreachable"]);
    node.atPeer = undefined;
    await pass(node, leaseMs);
    expect(node.standings).toEqual(["held", "unreachable", "lost"]);
  });

  test("and then no other node stops in time, if those had not reached it for a moment only: it need not have noticed", async () => {
    await using node = await world();
    await pass(node, 1000);
    const lastMs = node.clock.monotonicMs();
    node.weather = "cut off";
    node.atPeer = "registry-unreachable";
    while (node.lease.standing === "held") await node.clock.advance(100);
    node.atPeer = undefined;
    while (node.lease.standing !== "lost") await node.clock.advance(100);
    expect(node.clock.monotonicMs() - lastMs).toBeLessThan(leaseMs);
  });

  test("tells all its principals anew once it is back", async () => {
    await using node = await world();
    node.weather = "cut off";
    node.atPeer = "registry-unreachable";
    await pass(node, leaseMs);
    node.principals = new Map([["bob", { sessions: 1, memoryMib: 4096 }]]);
    node.weather = renewed;
    node.renewals.length = 0;
    await pass(node, leaseMs);
    expect(node.renewals[0]?.principals).toEqual({ bob: 1 });
    expect(node.renewals[0]?.principalsMemoryMib).toEqual({ bob: 4096 });
    expect(node.renewals[1]?.principals).toBeUndefined();
  });

  test("at its start goes on without a lease, and takes it as soon as it can", async () => {
    await using node = await world({ weather: "cut off" });
    expect([node.lease.standing, node.lease.epoch]).toEqual(["unreachable", undefined]);
    await pass(node, 5 * leaseMs);
    node.weather = renewed;
    await pass(node, leaseMs);
    expect(node.standings).toEqual(["unreachable", "held"]);
    expect(node.lease.epoch).toBe(1);
  });
});

describe("a lease that is over", () => {
  test.each(["over", "replaced"] as const)(
    "(%s) is taken again only when no session of before is left",
    async (outcome) => {
      await using node = await world();
      const ending = Promise.withResolvers<void>();
      node.endSessions = () => ending.promise;
      node.weather = { outcome, isToDrain: false };
      await pass(node, leaseMs);
      expect(node.standings).toEqual(["held", "lost"]);
      expect([node.lease.standing, node.lease.epoch, node.registrations.length]).toEqual(["lost", undefined, 1]);
      ending.resolve();
      await pass(node, leaseMs);
      expect(node.standings).toEqual(["held", "lost", "held"]);
      expect([node.ended, node.registrations.length, node.lease.epoch]).toEqual([1, 2, 2]);
    },
  );

  test("is not served under by a process that stood still for longer, from the first moment on", async () => {
    await using node = await world();
    // Nothing of ours runs in between.
    node.clock.standStill(leaseMs);
    expect(node.lease.standing).toBe("lost");
    node.weather = "cut off";
    node.atPeer = "registry-unreachable";
    await pass(node, leaseMs);
    expect(node.standings).toEqual(["held", "lost"]);
  });

  test("stays lost while the registry cannot be reached after its sessions have ended", async () => {
    await using node = await world();
    node.weather = { outcome: "over", isToDrain: false };
    const ending = Promise.withResolvers<void>();
    node.endSessions = () => ending.promise;
    await pass(node, leaseMs);
    node.weather = "cut off";
    ending.resolve();
    await pass(node, 3 * leaseMs);
    expect(node.standings).toEqual(["held", "lost"]);
    node.weather = renewed;
    await pass(node, leaseMs);
    expect(node.lease.standing).toBe("held");
  });

  test("is told as refused once while another node lives by its id", async () => {
    await using node = await world();
    node.weather = { outcome: "replaced", isToDrain: false };
    node.endSessions = async () => {
      node.weather = new StartError("Another node has the id.", { isConfiguration: true });
    };
    await pass(node, 3 * leaseMs);
    expect(node.events.filter(({ type }) => type === "cluster.refused")).toHaveLength(1);
    expect(node.lease.standing).toBe("lost");
    node.weather = renewed;
    await pass(node, leaseMs);
    expect(node.lease.standing).toBe("held");
  });
});

describe("a registry that was flushed", () => {
  test("is told again what there is, and no session ends", async () => {
    await using node = await world();
    node.weather = { outcome: "unknown", isToDrain: false };
    await pass(node, leaseMs);
    expect(node.standings).toEqual(["held"]);
    expect(node.registrations).toEqual([[["ann", 2]], [["ann", 2]]]);
    expect([node.ended, node.lease.epoch]).toEqual([0, 2]);
  });

  test("is told again that the operator wants the node to drain, and the node drains on", async () => {
    await using node = await world();
    node.weather = { ...renewed, isToDrain: true };
    await pass(node, leaseMs);
    node.weather = { outcome: "unknown", isToDrain: false };
    while (node.registrations.length < 2) await pass(node, 500);
    expect(node.before).toEqual([undefined, { epoch: 1, isToDrain: true }]);
    expect(node.drains).toEqual([true]);
  });

  test("again and again is told with a pause each time", async () => {
    await using node = await world();
    node.isForgetful = true;
    node.weather = { outcome: "unknown", isToDrain: false };
    await pass(node, 10 * leaseMs);
    // With each heartbeat, and at once after it.
    expect(node.registrations.length).toBeLessThanOrEqual(1 + 2 * 30);
    expect(node.registrations.length).toBeGreaterThan(10);
    expect(node.standings).toEqual(["held"]);
  });

  test("after the lease was over for others: what they were told lost has to end first", async () => {
    await using node = await world();
    node.weather = "cut off";
    await pass(node, 2 * leaseMs);
    expect(node.lease.standing).toBe("lost");
    node.weather = { outcome: "unknown", isToDrain: false };
    await pass(node, leaseMs);
    expect([node.ended, node.lease.standing]).toEqual([1, "held"]);
  });
});
