// Random walks of a pool and of sessions that share its room, seeded: sessions come and go, boots fail or hang, sandboxes die, time passes. What
// must hold, must hold after every step; and at the end nothing is left.

import { expect, test } from "bun:test";
import type { PoolShare } from "../../src/sessions/pool.ts";
import { settle } from "../fakes/fake-clock.ts";
import { poolOverFake } from "../fakes/pool.ts";
import { seededRandom } from "../fuzz/mutations.ts";

const shares: readonly PoolShare[] = [
  { template: "python", flavor: "small", count: 3 },
  { template: "node", flavor: "medium", count: 2 },
];
const limits = { maxSessions: 5, maxTotalMemoryMib: 7 * 1024, maxSessionsPerPrincipal: 3, sessionTimeoutMs: 60_000 };
const principals = ["alice", "bob", "carol"];
const steps = 300;

async function walk(seed: number): Promise<number> {
  const random = seededRandom(seed);
  const { host, clock, events, admission, pool, sessions, run } = poolOverFake(shares, limits);
  const running = new Set<Promise<unknown>>();
  const failures: unknown[] = [];
  const actions: readonly (() => unknown)[] = [
    () => {
      const [template, flavor] = random.pick([
        ["python", "small"],
        ["node", "medium"],
        ["python", "medium"],
      ] as const);
      const leaves = new AbortController();
      const ran = run("1", { principal: random.pick(principals), template, flavor, signal: leaves.signal }).then(
        () => undefined,
        (error: unknown) => failures.push(error),
      );
      running.add(ran);
      void ran.then(() => running.delete(ran));
      if (random.below(6) === 0) leaves.abort(new Error("the caller left"));
    },
    async () => {
      const principal = random.pick(principals);
      const [own] = sessions.list(principal);
      if (own?.status === "ready") await sessions.stop(principal, own.sessionId);
    },
    () => [...host.live].at(random.below(5))?.lose("it crashed"),
    () => (random.below(4) === 0 ? host.failNextBoot() : undefined),
    () => (random.below(3) === 0 ? host.holdBoots() : undefined),
    () => host.releaseBoots(),
    () => clock.advance(random.below(30_000)),
    () => clock.advance(random.below(3000)),
  ];
  pool.start();
  for (let step = 0; step < steps; step++) {
    await random.pick(actions)();
    await settle();
    const { ready, wanted } = pool.counts;
    const liveMemoryMib = [...host.live].reduce((sum, { spec }) => sum + spec.resources.memoryMib, 0);
    expect(ready).toBeLessThanOrEqual(wanted);
    expect(pool.members().length).toBeLessThanOrEqual(limits.maxSessions);
    const claimed = [...pool.members(), ...principals.flatMap((one) => sessions.list(one)).map((it) => it.sessionId)];
    expect(new Set(claimed).size).toBe(claimed.length);
    // Whatever exists, on its way in and out included, has a place and is within the limits.
    expect(host.live.size).toBeLessThanOrEqual(Math.min(admission.usage.places, limits.maxSessions));
    expect(liveMemoryMib).toBeLessThanOrEqual(limits.maxTotalMemoryMib);
  }
  host.releaseBoots();
  const ending = Promise.all([sessions[Symbol.asyncDispose](), pool[Symbol.asyncDispose]()]);
  await clock.advance(60_000);
  await ending;
  await Promise.all(running);
  await settle();
  expect([...host.live]).toEqual([]);
  expect(admission.usage.places).toBe(0);
  expect(pool.members()).toEqual([]);
  expect(clock.sleeping).toBe(0);
  return events.filter((event) => event.type === "session.opened" && event.isAhead).length;
}

test.each(Array.from({ length: 12 }, (_, index) => index + 1))(
  "pool and sessions keep their promises on walk %d",
  async (seed) => {
    expect(await walk(seed)).toBeGreaterThan(0);
  },
  60_000,
);
