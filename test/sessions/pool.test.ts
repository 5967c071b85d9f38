import { expect, test } from "bun:test";
import type { Event } from "../../src/events.ts";
import { Failure } from "../../src/failure.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { originOf } from "../../src/sessions/ids.ts";
import { type PoolShare, WarmPool } from "../../src/sessions/pool.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";
import { FakeHost } from "../fakes/fake-host.ts";
import { Room } from "../fakes/room.ts";

const installationId = "0123456789abcdef";
const python: PoolShare = { template: "python", flavor: "small", count: 2 };
const node: PoolShare = { template: "node", flavor: "medium", count: 1 };

async function openPool(
  shares: readonly PoolShare[],
  room = new Room(10),
  prepare: (host: FakeHost) => void = () => {},
) {
  const host = new FakeHost();
  const clock = new FakeClock();
  const events: Event[] = [];
  const pool = new WarmPool({
    ...{ host, clock, installationId, shares },
    emit: (event) => events.push(event),
    admission: room,
    templates: defaultTemplates,
    flavors: defaultFlavors,
    startTimeoutMs: 30_000,
  });
  prepare(host);
  pool.start();
  await settle();
  const types = () => events.map(({ type }) => type);
  return { host, clock, events, types, room, pool, [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose]() };
}

test("the pool boots what it is to hold ready, sized and of the image as configured", async () => {
  await using open = await openPool([python, node]);
  expect(open.pool.counts).toEqual({ ready: 3, wanted: 3 });
  expect(open.host.requested.map(({ template, resources }) => [template.name, resources]).sort()).toEqual([
    ["node", defaultFlavors.medium],
    ["python", defaultFlavors.small],
    ["python", defaultFlavors.small],
  ]);
});

test("it boots one at a time", async () => {
  await using open = await openPool([python], new Room(10), (host) => host.holdBoots());
  expect(open.host.requested).toHaveLength(1);
  open.host.releaseBoots();
  await settle();
  expect(open.host.requested).toHaveLength(2);
});

test("one that is taken goes with its session id and its place, and is replaced", async () => {
  await using open = await openPool([python]);
  const taken = open.pool.take("python", "small");
  expect(taken?.sessionId).toBe(open.host.requested[0]?.sessionId ?? "");
  expect(originOf(taken?.sessionId ?? "", installationId)).toBe("ours");
  await settle();
  expect(open.pool.counts.ready).toBe(2);
  expect(open.room.taken.size).toBe(3);
  expect(open.pool.members()).not.toContain(taken?.sessionId ?? "");
  await taken?.sandbox[Symbol.asyncDispose]();
  taken?.place.free();
});

test("no two callers get the same one", async () => {
  await using open = await openPool([python]);
  const taken = [1, 2, 3].map(() => open.pool.take("python", "small"));
  expect(new Set(taken.map((ahead) => ahead?.sandbox.name)).size).toBe(3);
  expect(taken[2]).toBeUndefined();
});

test("a miss is told for a kind that is pooled, and for no other", async () => {
  await using open = await openPool([python], new Room(0));
  expect(open.pool.take("python", "small")).toBeUndefined();
  expect(open.pool.take("python", "large")).toBeUndefined();
  expect(open.types()).toEqual(["pool.missed"]);
});

test("it keeps within the room there is, by places and by memory, and fills up when there is more", async () => {
  const room = new Room(10, 1024 + 512);
  await using open = await openPool([python], room);
  expect(open.pool.counts.ready).toBe(1);
  open.pool.take("python", "small")?.place.free();
  await open.clock.advance(5000);
  expect(open.pool.counts.ready).toBe(1);
  expect(room.peakMemoryMib).toBe(1024);
});

test("a session that needs the room gets it, once nothing of the member is left", async () => {
  await using open = await openPool([python], new Room(2));
  open.host.holdDisposals();
  expect(open.room.reserveForSession(1024)).toBeUndefined();
  await settle();
  expect(open.room.reserveAhead(1024, () => undefined)).toBeUndefined();
  open.host.releaseDisposals();
  await settle();
  expect(open.room.reserveForSession(1024)).toBeDefined();
  await open.clock.advance(60_000);
  expect(open.pool.counts.ready).toBe(1);
});

test("a member that still boots is given up for a session too", async () => {
  await using open = await openPool([python], new Room(1), (host) => host.holdBoots());
  expect(open.pool.members()).toHaveLength(1);
  open.room.reserveForSession(1024);
  open.host.releaseBoots();
  await settle();
  expect(open.host.live.size).toBe(0);
  expect(open.room.reserveForSession(1024)).toBeDefined();
  expect(open.types()).toEqual([]);
});

test("boots that fail are tried again ever more rarely, up to once a minute", async () => {
  await using open = await openPool([node], new Room(10), (host) => {
    for (let count = 0; count < 9; count++) host.failNextBoot(new Failure("sandbox_creation", "no."));
  });
  for (let minute = 0; minute < 10; minute++) await open.clock.advance(60_000);
  const waits = open.events.flatMap((event) => (event.type === "pool.failed" ? [event.retryMs] : []));
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(open.pool.counts.ready).toBe(1);
  expect(open.room.taken.size).toBe(1);
});

test("a boot that takes too long is given up, and counts as one that failed", async () => {
  await using open = await openPool([node], new Room(10), (host) => host.holdBoots());
  await open.clock.advance(30_000);
  open.host.releaseBoots();
  await settle();
  expect(open.types()).toEqual(["pool.failed"]);
  expect(open.host.live.size).toBe(0);
});

test("a member that is lost is replaced, and never given to anybody", async () => {
  await using open = await openPool([node]);
  await open.clock.advance(120_000);
  open.host.only().lose("it crashed");
  await settle();
  expect(open.types()).toEqual(["pool.filled", "pool.lost", "pool.filled"]);
  expect(open.pool.take("node", "medium")?.sandbox.name).toBe(open.host.booted[1]?.name ?? "");
  expect(open.host.booted[0]?.disposed).toBe(true);
});

test("members that are lost as soon as they are there are not booted again and again", async () => {
  await using open = await openPool([node], new Room(10));
  for (let minute = 0; minute < 30; minute++) {
    for (const sandbox of open.host.live) sandbox.lose("it crashed");
    await open.clock.advance(60_000);
  }
  expect(open.host.requested.length).toBeLessThanOrEqual(31);
});

test("what a session has taken is not the pool's concern any more", async () => {
  await using open = await openPool([node]);
  const taken = open.pool.take("node", "medium");
  open.host.booted[0]?.lose("it crashed");
  await settle();
  expect(open.types()).not.toContain("pool.lost");
  taken?.place.free();
});

test("shutting down leaves nothing: not those that are ready, not the one that boots, no place", async () => {
  const open = await openPool([python, node]);
  open.host.holdBoots();
  const taken = open.pool.take("python", "small");
  await settle();
  const closing = open.pool[Symbol.asyncDispose]();
  expect(open.pool.take("python", "small")).toBeUndefined();
  open.host.releaseBoots();
  await closing;
  expect([...open.host.live].map(({ name }) => name)).toEqual([taken?.sandbox.name ?? ""]);
  expect(open.room.taken.size).toBe(1);
  expect(open.pool.members()).toEqual([]);
  expect(open.clock.sleeping).toBe(0);
});

test("a pool that never started ends all the same", async () => {
  const clock = new FakeClock();
  await using pool = new WarmPool({
    ...{ host: new FakeHost(), clock, installationId, shares: [python], startTimeoutMs: 1000 },
    emit: () => undefined,
    admission: new Room(1),
    templates: defaultTemplates,
    flavors: defaultFlavors,
  });
  expect(pool.counts).toEqual({ ready: 0, wanted: 2 });
});
