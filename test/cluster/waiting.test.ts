import { describe, expect, test } from "bun:test";
import type { Placement, Waits } from "../../src/cluster/port.ts";
import { RoomElsewhere, Waiting } from "../../src/cluster/waiting.ts";
import type { Waiter } from "../../src/sessions/claims.ts";
import type { Bound } from "../../src/sessions/eviction.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";
import { callTool, openOn, run, until } from "./ask.ts";
import { startNodes } from "./nodes.ts";

const limits = { maxSessions: 1, admissionWaitMs: 600_000, enableLruEviction: false };

describe("a session that waits for room", () => {
  test("gets the place that comes free on another node, also where a third one had handed it on", async () => {
    await using cluster = await startNodes(3, { limits });
    const { a, b, nodes, registry } = cluster;
    const c = nodes[2];
    if (c === undefined) throw new Error("three nodes are needed");
    await openOn(a);
    const onB = await openOn(b);
    const onC = await openOn(c);
    registry.favourite = a.id;
    const waits = [run(a, "print", {}, { principal: "bob" }), run(c, "print", {}, { principal: "bob" })];
    await until(() => a.admission.usage.waiting === 2);
    await callTool(b, "stop_session", { session_id: onB });
    await callTool(c, "stop_session", { session_id: onC });
    const opened = await Promise.all(waits);
    const tags = opened.map(({ session_id }) => session_id.split("-")[1] ?? "");
    expect(tags.toSorted()).toEqual([b.id, c.id].toSorted());
    expect(a.admission.usage.waiting).toBe(0);
    await until(() => registry.reservations === 0);
  });

  test("because of what its principal has on another node begins once that has ended there", async () => {
    await using cluster = await startNodes(2, { limits: { ...limits, maxSessions: 3, maxSessionsPerPrincipal: 1 } });
    const { a, b, registry } = cluster;
    const onB = await openOn(b);
    await until(() => registry.countsOf(b.id).size === 1);
    registry.favourite = a.id;
    const waits = run(a, "print");
    await until(() => a.admission.usage.waiting === 1);
    await callTool(a, "stop_session", { session_id: onB });
    expect((await waits).session_id).toStartWith(`session-${a.id}-`);
    await until(() => registry.reservations === 0 && registry.countsOf(b.id).size === 0);
  });

  test("stays in its queue while the registry cannot be asked", async () => {
    await using cluster = await startNodes(2, { limits });
    const { a, b, registry } = cluster;
    const onA = await openOn(a);
    await openOn(b);
    registry.favourite = a.id;
    const waits = run(a, "print", {}, { principal: "bob" });
    await until(() => a.admission.usage.waiting === 1);
    registry.isCutOff = true;
    await until(() => registry.asked.includes("placeAgain"));
    await callTool(a, "stop_session", { session_id: onA });
    expect((await waits).session_id).toStartWith(`session-${a.id}-`);
  });
});

const server: Bound = { scope: "server", resource: "sessions", current: 1, limit: 1 };
const principal: Bound = { scope: "principal", resource: "sessions", current: 1, limit: 1 };

/** Waiters at the node "here"; `room` says where the registry has room for whose reservation. */
function setUp() {
  const clock = new FakeClock();
  const asked: string[] = [];
  const moved: string[] = [];
  const givenBack: string[] = [];
  const room = new Map<string, string>();
  const elsewhere = { sessions: 0, memoryMib: 0 };
  const registry = {
    async placeAgain(_session: unknown, { nodeId, reservation }: Waits): Promise<Placement> {
      asked.push(reservation);
      const load = { sessions: 0, maxSessions: 1, memoryMib: 0, maxMemoryMib: undefined, waiting: 0, ahead: {} };
      const facts = { address: "http://test", version: "0", hostname: "h", startedAt: 0, epoch: 1, leaseLeftMs: 1 };
      const id = room.get(reservation) ?? nodeId;
      return { node: { ...facts, id, load, isDraining: false, hasLeft: false }, reservation, elsewhere };
    },
    async giveBack(reservation: string) {
      givenBack.push(reservation);
    },
  };
  const principals = {
    reservationOf: (_principal: string, own: string) => own,
    moved: (_principal: string, reservation: string) => void moved.push(reservation),
    learn: () => undefined,
  };
  const waiting = new Waiting({ registry, self: "here", principals, clock });
  /** Names its reservation. */
  const wait = (name: string, whose: string, bound: Bound) => {
    const state = { bound: bound as Bound | undefined, left: undefined as unknown, isIn: false };
    const waiter: Waiter = {
      get bound() {
        return state.bound;
      },
      lookAgain: () => undefined,
      leave(why) {
        if (state.isIn) return false;
        state.left = why;
        state.bound = undefined;
        return true;
      },
    };
    const session = { principal: whose, template: "python", flavor: undefined, memoryMib: 1024 };
    const call = { session: { ...session, maxPrincipalSessions: 1 }, reservation: name };
    waiting.during(call, () => waiting.onWait(waiter));
    return state;
  };
  return { clock, asked, moved, givenBack, room, waiting, wait };
}

describe("those that wait at one node", () => {
  test("are asked for in the order of their arrival, and nobody is overtaken by one with more luck", async () => {
    const { clock, asked, room, waiting, wait } = setUp();
    using _ = waiting;
    const [first, second] = ["r1", "r2"].map((name) => wait(name, "ann", server));
    room.set("r2", "there");
    await clock.advance(1000);
    expect(asked).toEqual(["r1"]);
    expect(second?.left).toBeUndefined();
    room.set("r1", "there");
    await clock.advance(1000);
    expect(asked).toEqual(["r1", "r1", "r2"]);
    expect([first?.left, second?.left]).toEqual([expect.any(RoomElsewhere), expect.any(RoomElsewhere)]);
  });

  test("and are held up by their own limit hold up nobody else", async () => {
    const { clock, asked, room, waiting, wait } = setUp();
    using _ = waiting;
    wait("r1", "ann", principal);
    wait("r2", "ann", principal);
    const other = wait("r3", "bob", server);
    room.set("r3", "there");
    await clock.advance(1000);
    expect(asked).toEqual(["r1", "r3"]);
    expect(other.left).toBeInstanceOf(RoomElsewhere);
  });

  test("and are let in here meanwhile give back what was held for them elsewhere", async () => {
    const { clock, moved, givenBack, room, waiting, wait } = setUp();
    using _ = waiting;
    const lucky = wait("r1", "ann", server);
    lucky.isIn = true;
    room.set("r1", "there");
    await clock.advance(1000);
    await settle();
    expect(givenBack).toEqual(["r1"]);
    expect(moved).toEqual([]);
  });
});
