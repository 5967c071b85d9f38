import { expect, test } from "bun:test";
import { RegistryUnreachable, type Taken } from "../../src/cluster/port.ts";
import { Principals } from "../../src/cluster/principals.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";

function setUp() {
  const clock = new FakeClock();
  const told: unknown[] = [];
  const givenBack: string[] = [];
  const state = { isCutOff: false, isCounted: true, epoch: 1 as number | undefined };
  const registry = {
    async tellPrincipal(_id: string, _epoch: number, principal: string, taken: Taken, reservation?: string) {
      if (state.isCutOff) throw new RegistryUnreachable("cut off");
      told.push([principal, taken.sessions, taken.memoryMib, reservation]);
      return state.isCounted;
    },
    async giveBack(reservation: string) {
      givenBack.push(reservation);
    },
  };
  const principals = new Principals({ registry, self: "aaaaa", epoch: () => state.epoch, clock });
  const count = (principal: string, sessions: number) =>
    principals.beyond.onCount(principal, { sessions, memoryMib: 1024 * sessions });
  return { clock, told, givenBack, state, principals, count };
}

test("a count is told when it changes, with the reservation of the call that made it grow", async () => {
  const { told, givenBack, principals, count } = setUp();
  using _ = principals.expect("alice", { reservation: "r1", elsewhere: 3, elsewhereMemoryMib: 3072 });
  expect(principals.beyond.elsewhere("alice")).toEqual({ sessions: 3, memoryMib: 3072 });
  count("alice", 1);
  await settle();
  count("alice", 0);
  await settle();
  expect(told).toEqual([
    ["alice", 1, 1024, "r1"],
    ["alice", 0, 0, undefined],
  ]);
  expect(principals.counts.size).toBe(0);
  expect(givenBack).toEqual([]);
});

test("what a principal has elsewhere counts while a session of it is expected, and no longer", () => {
  const { principals, count } = setUp();
  const { elsewhere } = principals.beyond;
  const [first, second] = [3, 4].map((elsewhere) =>
    principals.expect("alice", { reservation: `r${elsewhere}`, elsewhere }),
  );
  expect(elsewhere("alice").sessions).toBe(4);
  count("alice", 1);
  expect(elsewhere("alice").sessions).toBe(4);
  second?.[Symbol.dispose]();
  expect(elsewhere("alice").sessions).toBe(0);
  first?.[Symbol.dispose]();
  const third = principals.expect("alice", { reservation: "r5", elsewhere: 5 });
  count("alice", 2);
  expect(elsewhere("alice").sessions).toBe(0);
  third[Symbol.dispose]();
});

test("a reservation that no session took is given back at the end of its call, and only that", async () => {
  const { givenBack, principals, count } = setUp();
  const [first, second] = ["r1", "r2"].map((reservation) => principals.expect("alice", { reservation, elsewhere: 0 }));
  count("alice", 1);
  first?.[Symbol.dispose]();
  second?.[Symbol.dispose]();
  await settle();
  expect(givenBack).toEqual(["r2"]);
});

test("what cannot be told is told when it can be, as it is by then", async () => {
  const { clock, told, state, count } = setUp();
  state.isCutOff = true;
  count("alice", 1);
  await settle();
  count("alice", 2);
  count("bob", 1);
  state.isCutOff = false;
  await clock.advance(1000);
  expect(told).toEqual([
    ["alice", 2, 2048, undefined],
    ["bob", 1, 1024, undefined],
  ]);
});

test("nothing is told before the node is registered, which tells all counts", async () => {
  const { clock, told, state, principals, count } = setUp();
  state.epoch = undefined;
  count("alice", 1);
  await settle();
  expect(told).toEqual([]);
  expect([...principals.counts]).toEqual([["alice", { sessions: 1, memoryMib: 1024 }]]);
  state.epoch = 2;
  await clock.advance(1000);
  expect(told).toEqual([["alice", 1, 1024, undefined]]);
});

test("what was told with a registration that does not count any more is told again with the next one", async () => {
  const { clock, told, state, count } = setUp();
  state.isCounted = false;
  count("alice", 1);
  await settle();
  state.isCounted = true;
  state.epoch = 2;
  await clock.advance(1000);
  expect(told).toEqual([
    ["alice", 1, 1024, undefined],
    ["alice", 1, 1024, undefined],
  ]);
});
