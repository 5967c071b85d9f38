import { expect, test } from "bun:test";
import { Failure } from "../../src/failure.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import type { SandboxSpec } from "../../src/sandbox/port.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { originOf } from "../../src/sessions/ids.ts";
import { type PoolShare, WarmPool } from "../../src/sessions/pool.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";
import { FakeHost } from "../fakes/fake-host.ts";
import { deaf, poolOverFake } from "../fakes/pool.ts";
import { type FakeLimits, installationId } from "../fakes/sessions.ts";

const python: PoolShare = { template: "python", flavor: "small", count: 2 };
const node: PoolShare = { template: "node", flavor: "medium", count: 1 };

async function openPool(shares: readonly PoolShare[], limits: FakeLimits = {}, prepare = (_: FakeHost) => {}) {
  const open = poolOverFake(shares, limits);
  prepare(open.host);
  open.pool.start();
  await settle();
  return open;
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
  await using open = await openPool([python], {}, (host) => host.holdBoots());
  expect(open.host.requested).toHaveLength(1);
  open.host.releaseBoots();
  await settle();
  expect(open.host.requested).toHaveLength(2);
});

test("a new session takes a sandbox that is ready, has the id it was booted under, and it is replaced", async () => {
  await using open = await openPool([python]);
  const { session, outcome } = await open.run("set x 42");
  expect(outcome.ended).toBe("exited");
  expect(session.sessionId).toBe(open.host.requested[0]?.sessionId ?? "");
  expect(originOf(session.sessionId, installationId)).toBe("ours");
  expect(open.events.find(({ type }) => type === "session.opened")).toMatchObject({ isAhead: true, bootMs: 0 });
  await open.clock.advance(500);
  expect(open.pool.counts.ready).toBe(2);
  expect(open.pool.members()).not.toContain(session.sessionId);
  expect(open.admission.usage.places).toBe(3);
});

test("where there is one caller, what is ready is that one's from the start, and nobody else's", async () => {
  await using open = poolOverFake([python], {}, "alice");
  open.pool.start();
  await settle();
  expect(open.host.requested.map(({ principal }) => principal)).toEqual(["alice", "alice"]);
  expect(open.pool.take("python", "small", "bob")).toBeUndefined();
  const { session } = await open.run("print", { principal: "alice" });
  expect(session.sessionId).toBe(open.host.requested[0]?.sessionId ?? "");
});

test("where there may be several, what is ready is nobody's", async () => {
  await using open = await openPool([python]);
  expect(open.host.requested.map(({ principal }) => principal)).toEqual([undefined, undefined]);
});

test("what is ready has run before, so that a session's first run is not the sandbox's", async () => {
  await using open = await openPool([node]);
  expect(open.host.booted[0]?.requests).toMatchObject([{ kind: "code", source: "undefined" }]);
});

test("one that cannot even run nothing is a boot that failed, and nothing of it is left", async () => {
  await using open = await openPool([node], {}, (host) => {
    host.script = async () => {
      throw new Failure("code_execution", "no.");
    };
  });
  expect(open.events.filter(({ type }) => type === "pool.failed")).toHaveLength(1);
  expect(open.host.booted[0]?.disposed).toBe(true);
  expect(open.admission.usage.places).toBe(0);
  open.host.script = (_request, _sandbox, toy) => toy();
  await open.clock.advance(60_000);
  expect(open.pool.counts.ready).toBe(1);
});

test("a session that was served from the pool frees its place when it ends", async () => {
  await using open = await openPool([node], { maxSessions: 2 });
  const { session } = await open.run("1", { template: "node", flavor: "medium" });
  await open.sessions.stop("alice", session.sessionId);
  await open.clock.advance(500);
  expect(open.host.booted[0]?.disposed).toBe(true);
  expect(open.admission.usage.places).toBe(1);
});

test("the next boot leaves the machine to the call that has taken one, and many takes do not put it off further", async () => {
  await using open = await openPool([{ ...python, count: 3 }]);
  await open.run("1");
  await open.clock.advance(400);
  await open.run("1");
  expect(open.host.requested).toHaveLength(3);
  await open.clock.advance(100);
  expect(open.pool.counts.ready).toBe(3);
});

test("no two sessions get the same one", async () => {
  await using open = await openPool([python]);
  const ran = await Promise.all([1, 2, 3].map(() => open.run("1")));
  expect(new Set(ran.map(({ session }) => session.sessionId)).size).toBe(3);
});

test("a session that finds none ready starts as without a pool, and only a kind that is pooled counts as missed", async () => {
  await using open = await openPool([python], {}, (host) => host.holdBoots());
  const missed = open.run("1");
  await settle();
  open.host.releaseBoots();
  await missed;
  await open.run("1", { flavor: "large" });
  expect(open.events.filter(({ type }) => type === "pool.missed")).toEqual([
    { type: "pool.missed", template: "python", flavor: "small" },
  ]);
});

test("it keeps within the room there is by memory", async () => {
  await using open = await openPool([python], { maxTotalMemoryMib: 1024 + 512 });
  await open.clock.advance(60_000);
  expect(open.pool.counts).toEqual({ ready: 1, wanted: 2 });
});

test("it fills up when there is room again", async () => {
  await using open = await openPool([node], { maxSessions: 1 }, (host) => host.holdBoots());
  const session = open.run("1");
  await settle();
  open.host.releaseBoots();
  const { session: view } = await session;
  await open.clock.advance(10_000);
  expect(open.pool.counts.ready).toBe(0);
  await open.sessions.stop("alice", view.sessionId);
  await open.clock.advance(10_000);
  expect(open.pool.counts.ready).toBe(1);
});

test("a session that needs the room gets it, once nothing of the member is left", async () => {
  await using open = await openPool([python], { maxSessions: 2 });
  open.host.holdDisposals();
  const cold = open.run("1", { template: "node" });
  await settle();
  expect(open.host.requested).toHaveLength(2);
  open.host.releaseDisposals();
  expect((await cold).outcome.ended).toBe("exited");
  await open.clock.advance(30_000);
  expect(open.pool.counts.ready).toBe(1);
  expect(open.admission.usage.places).toBe(2);
});

test("a member that still boots is given up for a session too", async () => {
  await using open = await openPool([python], { maxSessions: 1 }, (host) => host.holdBoots());
  expect(open.pool.members()).toHaveLength(1);
  const cold = open.run("1", { template: "node" });
  await settle();
  open.host.releaseBoots();
  expect((await cold).outcome.ended).toBe("exited");
  expect(open.host.live.size).toBe(1);
  expect(open.types()).toEqual([]);
});

test("boots that fail are tried again ever more rarely, up to once a minute", async () => {
  await using open = await openPool([node], {}, (host) => {
    for (let count = 0; count < 9; count++) host.failNextBoot(new Failure("sandbox_creation", "no."));
  });
  for (let minute = 0; minute < 10; minute++) await open.clock.advance(60_000);
  const waits = open.events.flatMap((event) => (event.type === "pool.failed" ? [event.retryMs] : []));
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(open.pool.counts.ready).toBe(1);
  expect(open.admission.usage.places).toBe(1);
});

test("a boot that takes too long is given up, and counts as one that failed", async () => {
  await using open = await openPool([node], {}, (host) => host.holdBoots());
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
  const { session } = await open.run("1", { template: "node", flavor: "medium" });
  expect(session.sessionId).toBe(open.host.requested[1]?.sessionId ?? "");
  expect(open.host.booted[0]?.disposed).toBe(true);
});

test("members that are lost as soon as they are there are not booted again and again", async () => {
  await using open = await openPool([node]);
  for (let minute = 0; minute < 30; minute++) {
    for (const sandbox of open.host.live) sandbox.lose("it crashed");
    await open.clock.advance(60_000);
  }
  expect(open.host.requested.length).toBeLessThanOrEqual(31);
});

test("what a session has taken is not the pool's concern any more", async () => {
  await using open = await openPool([node]);
  await open.run("1", { template: "node", flavor: "medium" });
  open.host.booted[0]?.lose("it crashed");
  await settle();
  expect(open.types()).not.toContain("pool.lost");
  expect(open.events.map(({ type }) => type)).toContain("sandbox.lost");
});

test("shutting down leaves nothing: not those that are ready, not the one that boots, no place", async () => {
  const open = await openPool([python, node]);
  open.host.holdBoots();
  const taken = open.pool.take("python", "small", "alice");
  await settle();
  const closing = open.pool[Symbol.asyncDispose]();
  expect(open.pool.take("python", "small", "alice")).toBeUndefined();
  open.host.releaseBoots();
  await closing;
  expect([...open.host.live].map(({ name }) => name)).toEqual([taken?.sandbox.name ?? ""]);
  expect(open.admission.usage.places).toBe(1);
  expect(open.pool.members()).toEqual([]);
});

test("shutting down waits until those that were ready are gone", async () => {
  const open = await openPool([python]);
  open.host.holdDisposals();
  let isClosed = false;
  const closing = open.pool[Symbol.asyncDispose]().then(() => {
    isClosed = true;
  });
  await settle();
  expect(isClosed).toBe(false);
  expect(open.pool.members()).toHaveLength(2);
  open.host.releaseDisposals();
  await closing;
  expect(open.host.live.size).toBe(0);
});

test("a boot that succeeds although it was given up leaves nothing", async () => {
  const host = new FakeHost();
  host.holdBoots();
  const pool = new WarmPool({
    principal: undefined,
    ...{ clock: new FakeClock(), installationId, shares: [python], startTimeoutMs: 1000, emit: () => undefined },
    host: Object.assign(Object.create(host), {
      create: (spec: SandboxSpec) => host.create(spec, new AbortController().signal),
    }),
    admission: { reserveAhead: () => ({ occupy: () => undefined, leave: () => undefined, free: () => undefined }) },
    templates: defaultTemplates,
    flavors: defaultFlavors,
    executions: deaf,
  });
  pool.start();
  const closing = pool[Symbol.asyncDispose]();
  host.releaseBoots();
  await closing;
  expect(host.booted).toHaveLength(1);
  expect(host.live.size).toBe(0);
});

test("a pool that never started ends all the same, and leaves no timer", async () => {
  const clock = new FakeClock();
  const pool = new WarmPool({
    principal: undefined,
    ...{ host: new FakeHost(), clock, installationId, shares: [python], startTimeoutMs: 1000 },
    emit: () => undefined,
    admission: { reserveAhead: () => undefined },
    templates: defaultTemplates,
    flavors: defaultFlavors,
    executions: deaf,
  });
  expect(pool.counts).toEqual({ ready: 0, wanted: 2 });
  await pool[Symbol.asyncDispose]();
  pool.start();
  await settle();
  expect(clock.sleeping).toBe(0);
});
