// A registry that has lost what it knew: no session is called unknown while its node tells the registry anew that it is there.

import { expect, test } from "bun:test";
import { Owners } from "../../src/cluster/owners.ts";
import { leaseMs, type NodeRecord, RegistryUnreachable } from "../../src/cluster/port.ts";
import { FakeClock } from "../fakes/fake-clock.ts";

const record: NodeRecord = {
  ...{ id: "other", address: "http://other", version: "0", hostname: "other", startedAt: 0, epoch: 1 },
  ...{ isDraining: false, hasLeft: false, leaseLeftMs: leaseMs },
  load: { sessions: 0, maxSessions: 3, memoryMib: 0, maxMemoryMib: undefined, waiting: 0, ahead: {} },
};

/** For as long as it may take to come back, and not longer. */
async function expectOwnerForAWhile(owners: Owners, clock: FakeClock): Promise<void> {
  for (const passedMs of [1000, leaseMs / 2]) {
    await clock.advance(passedMs);
    expect(await owners.nodeOf("other")).toMatchObject({ kind: "other" });
  }
  await clock.advance(leaseMs);
  expect(await owners.nodeOf("other")).toEqual({ kind: "unknown" });
}

test("a node that the registry has just lost is still the owner of its sessions, until it would have come back", async () => {
  const clock = new FakeClock();
  const known = new Map([[record.id, record]]);
  const owners = new Owners({ registry: { node: async (id) => known.get(id) }, self: "self0", clock });
  expect(await owners.nodeOf("other")).toMatchObject({ kind: "other" });
  known.clear();
  await expectOwnerForAWhile(owners, clock);
});

test("a node that a registry has lost which was away before is the owner of its sessions for as long, however long that was", async () => {
  const clock = new FakeClock();
  const known = new Map([[record.id, record]]);
  let isAway = false;
  const node = async (id: string) => {
    if (isAway) throw new RegistryUnreachable("away");
    return known.get(id);
  };
  const owners = new Owners({ registry: { node }, self: "self0", clock });
  await owners.nodeOf("other");
  isAway = true;
  await clock.advance(4 * leaseMs);
  await owners.nodeOf("other");
  known.clear();
  isAway = false;
  await expectOwnerForAWhile(owners, clock);
});

test("a node that a registry loses, learns of and loses again while it is restarted is the owner of its sessions for as long as the first time", async () => {
  const clock = new FakeClock();
  const known = new Map([[record.id, record]]);
  const owners = new Owners({ registry: { node: async (id) => known.get(id) }, self: "self0", clock });
  await owners.nodeOf("other");
  known.clear();
  await clock.advance(1000);
  await owners.nodeOf("other");
  // Nobody asks while it is known again.
  await clock.advance(leaseMs);
  owners.registryIsBack();
  await expectOwnerForAWhile(owners, clock);
});

test("once the registry has not answered, no call waits for it that concerns a node which is remembered", async () => {
  const clock = new FakeClock();
  const answers: PromiseWithResolvers<NodeRecord | undefined>[] = [];
  const node = () => {
    const answer = Promise.withResolvers<NodeRecord | undefined>();
    answers.push(answer);
    return answer.promise;
  };
  const owners = new Owners({ registry: { node }, self: "self0", clock });
  const first = owners.nodeOf("other");
  answers[0]?.resolve(record);
  await first;
  await clock.advance(2000);
  const second = owners.nodeOf("other");
  answers[1]?.reject(new RegistryUnreachable("away"));
  expect(await second).toMatchObject({ kind: "other" });
  // Nobody answers this one yet.
  expect(owners.nodeOf("other")).toEqual({ kind: "other", node: record });
  answers[2]?.resolve({ ...record, leaseLeftMs: -leaseMs });
  await clock.advance(0);
  expect(await owners.nodeOf("other")).toMatchObject({ kind: "gone" });
});

test("a node that the registry has just lost is believed again as soon as it is back, with what it tells then", async () => {
  const clock = new FakeClock();
  const known = new Map([[record.id, record]]);
  const owners = new Owners({ registry: { node: async (id) => known.get(id) }, self: "self0", clock });
  await owners.nodeOf("other");
  known.clear();
  await clock.advance(1000);
  await owners.nodeOf("other");
  known.set("other", { ...record, epoch: 2, address: "http://elsewhere" });
  await clock.advance(1000);
  expect(await owners.nodeOf("other")).toMatchObject({
    kind: "other",
    node: { epoch: 2, address: "http://elsewhere" },
  });
});

test("a node that was looked at ahead is known when the registry is away, though no call has asked for it", async () => {
  const clock = new FakeClock();
  let isAway = false;
  const node = async (id: string) => {
    if (isAway) throw new RegistryUnreachable("away");
    return id === record.id ? record : undefined;
  };
  const owners = new Owners({ registry: { node }, self: "self0", clock });
  await owners.lookAhead(record);
  isAway = true;
  await clock.advance(60_000);
  expect(await owners.nodeOf("other")).toMatchObject({ kind: "other" });
});

test("a node of which only a heartbeat tells, as the registry cannot be asked from here, is known, and where it is now", async () => {
  const clock = new FakeClock();
  const node = () => Promise.reject(new RegistryUnreachable("away"));
  const owners = new Owners({ registry: { node }, self: "self0", clock });
  await expect(owners.nodeOf("other")).rejects.toBeInstanceOf(RegistryUnreachable);
  await owners.lookAhead({ id: "other", address: "http://other", epoch: 1 });
  expect(await owners.nodeOf("other")).toMatchObject({ kind: "other", node: { address: "http://other" } });
  await owners.lookAhead({ id: "other", address: "http://moved", epoch: 2 });
  await owners.lookAhead({ id: "other", address: "http://other", epoch: 1 });
  await clock.advance(60_000);
  expect(await owners.nodeOf("other")).toMatchObject({ kind: "other", node: { address: "http://moved" } });
});
