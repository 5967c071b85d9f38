// Random walks of a pool, seeded: sessions come, take and go, boots fail or hang, sandboxes die, time passes. What must hold, must hold after
// every step; and at the end nothing is left.

import { expect, test } from "bun:test";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import type { Ahead } from "../../src/sessions/ahead.ts";
import { type PoolShare, WarmPool } from "../../src/sessions/pool.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";
import { FakeHost } from "../fakes/fake-host.ts";
import { Room, type RoomPlace } from "../fakes/room.ts";
import { seededRandom } from "../fuzz/mutations.ts";

const shares: readonly PoolShare[] = [
  { template: "python", flavor: "small", count: 3 },
  { template: "node", flavor: "medium", count: 2 },
];
const steps = 400;

async function walk(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const pick = <T>(things: readonly T[]): T | undefined => things[random.below(Math.max(things.length, 1))];
  const host = new FakeHost();
  const clock = new FakeClock();
  const room = new Room(4, 6 * 1024);
  const pool = new WarmPool({
    ...{ host, clock, installationId: "0123456789abcdef", shares, emit: () => undefined, admission: room },
    ...{ templates: defaultTemplates, flavors: defaultFlavors, startTimeoutMs: 30_000 },
  });
  const taken = new Set<Ahead>();
  const cold = new Set<RoomPlace>();
  const seen = new Set<string>();
  const actions: readonly (() => void | Promise<void>)[] = [
    () => {
      const share = pick(shares);
      const ahead = share === undefined ? undefined : pool.take(share.template, share.flavor);
      if (ahead === undefined) return;
      expect(seen.has(ahead.sessionId)).toBe(false);
      seen.add(ahead.sessionId);
      taken.add(ahead);
    },
    async () => {
      const ahead = pick([...taken]);
      if (ahead === undefined) return;
      taken.delete(ahead);
      await ahead.sandbox[Symbol.asyncDispose]();
      ahead.place.free();
    },
    () => {
      const place = cold.size < 2 ? room.reserveForSession(pick([1024, 2048, 4096]) ?? 0) : undefined;
      if (place !== undefined) cold.add(place);
    },
    () => {
      for (const place of cold) place.free();
      cold.clear();
    },
    () => pick([...host.live])?.lose("it crashed"),
    () => {
      if (random.below(4) === 0) host.failNextBoot();
    },
    () => {
      if (random.below(3) === 0) host.holdBoots();
    },
    () => host.releaseBoots(),
    () => clock.advance(random.below(30_000)),
    () => clock.advance(random.below(3000)),
  ];
  pool.start();
  for (let step = 0; step < steps; step++) {
    await pick(actions)?.();
    await settle();
    const { ready, wanted } = pool.counts;
    expect(ready).toBeLessThanOrEqual(wanted);
    expect(pool.members().length).toBeLessThanOrEqual(ready + 1);
    expect(new Set(pool.members()).size).toBe(pool.members().length);
    // Whatever exists has a place.
    expect(host.live.size + cold.size).toBeLessThanOrEqual(room.taken.size);
  }
  host.releaseBoots();
  await Promise.all([pool[Symbol.asyncDispose](), clock.advance(1000)]);
  for (const ahead of taken) {
    await ahead.sandbox[Symbol.asyncDispose]();
    ahead.place.free();
  }
  for (const place of cold) place.free();
  expect([...host.live]).toEqual([]);
  expect(room.taken.size).toBe(0);
  expect(room.peakPlaces).toBeLessThanOrEqual(room.maxPlaces);
  expect(room.peakMemoryMib).toBeLessThanOrEqual(room.maxMemoryMib);
  expect(clock.sleeping).toBe(0);
  expect(seen.size).toBeGreaterThan(0);
}

test.each(Array.from({ length: 12 }, (_, index) => index + 1))(
  "the pool keeps its promises on walk %d",
  async (seed) => {
    await walk(seed);
  },
  60_000,
);
