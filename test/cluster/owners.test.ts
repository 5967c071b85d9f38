import { expect, test } from "bun:test";
import { Owners } from "../../src/cluster/owners.ts";
import { type NodeRecord, RegistryUnreachable } from "../../src/cluster/port.ts";
import { newExecutionId, newSessionId, tagOf } from "../../src/sessions/ids.ts";
import { FakeClock } from "../fakes/fake-clock.ts";

const [self, other] = [tagOf("self"), tagOf("other")];
const load = { sessions: 0, maxSessions: 3, memoryMib: 0, maxMemoryMib: undefined, waiting: 0, ahead: {} };

function setUp() {
  const clock = new FakeClock();
  const state = { leaseLeftMs: 10_000, isKnown: true, isCutOff: false, asked: 0 };
  const node = async (id: string): Promise<NodeRecord | undefined> => {
    state.asked += 1;
    if (state.isCutOff) throw new RegistryUnreachable("cut off");
    if (id !== other || !state.isKnown) return undefined;
    const { leaseLeftMs } = state;
    const facts = { id, address: "http://other", version: "0", hostname: "other", startedAt: 0 };
    return { ...facts, epoch: 1, isDraining: false, hasLeft: false, load, leaseLeftMs };
  };
  return { clock, state, owners: new Owners({ registry: { node }, self, clock }) };
}

test("an id tells its node; own ones, mistyped ones and words tell none", () => {
  const { owners } = setUp();
  expect(owners.otherNodeOf(newSessionId("other"))).toBe(other);
  expect(owners.otherNodeOf(newExecutionId("other"))).toBe(other);
  const mistyped = `${newSessionId("other").slice(0, -4)}0000`;
  for (const id of [newSessionId("self"), newExecutionId("self"), mistyped, "session-x", ""]) {
    expect(owners.otherNodeOf(id)).toBeUndefined();
  }
});

test("a node is looked up once a second at most, however many ask at once", async () => {
  const { owners, clock, state } = setUp();
  const found = await Promise.all([owners.nodeOf(other), owners.nodeOf(other), owners.nodeOf(other)]);
  expect(found.map(({ kind }) => kind)).toEqual(["other", "other", "other"]);
  await owners.nodeOf(other);
  expect(state.asked).toBe(1);
  await clock.advance(1000);
  await owners.nodeOf(other);
  expect(state.asked).toBe(2);
});

test("a node is not called gone because what is remembered of it has run out: it may have renewed its lease", async () => {
  const { owners, clock, state } = setUp();
  state.leaseLeftMs = 300;
  expect(await owners.nodeOf(other)).toMatchObject({ kind: "other" });
  await clock.advance(400);
  state.leaseLeftMs = 10_000;
  expect(await owners.nodeOf(other)).toMatchObject({ kind: "other" });
});

test("a node whose lease is over is gone since then", async () => {
  const { owners, clock, state } = setUp();
  state.leaseLeftMs = -5_000;
  expect(await owners.nodeOf(other)).toMatchObject({ kind: "gone", overMs: 5_000 });
  await clock.advance(500);
  expect(await owners.nodeOf(other)).toMatchObject({ kind: "gone", overMs: 5_500 });
  state.isKnown = false;
  owners.forget(other);
  expect(await owners.nodeOf(other)).toEqual({ kind: "unknown" });
});

test("a node whose lease has just ended is asked itself yet: it may have heard of that later than others", async () => {
  const { owners, clock, state } = setUp();
  state.leaseLeftMs = -1_000;
  expect(await owners.nodeOf(other)).toMatchObject({ kind: "other" });
  state.leaseLeftMs = -4_000;
  await clock.advance(3_000);
  expect(await owners.nodeOf(other)).toMatchObject({ kind: "gone", overMs: 4_000 });
});

test("the registry away, what is remembered of a node holds, and nothing is made up of others", async () => {
  const { owners, clock, state } = setUp();
  await owners.nodeOf(other);
  state.isCutOff = true;
  await clock.advance(3_600_000);
  expect(await owners.nodeOf(other)).toMatchObject({ kind: "other" });
  await expect(Promise.resolve(owners.nodeOf("zzzzz"))).rejects.toBeInstanceOf(RegistryUnreachable);
});

test("no more than some thousand nodes are remembered, whatever ids are asked for", async () => {
  const { owners, state } = setUp();
  for (let each = 0; each < 5000; each++) await owners.nodeOf(`n${each}`);
  const before = state.asked;
  await owners.nodeOf("n4999");
  expect(state.asked).toBe(before);
  await owners.nodeOf("n0");
  expect(state.asked).toBe(before + 1);
});
