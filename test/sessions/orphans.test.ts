// Sandboxes that nobody claims are ended; all others are left alone.

import { expect, test } from "bun:test";
import type { Pool } from "../../src/sessions/ahead.ts";
import { newSessionId } from "../../src/sessions/ids.ts";
import { settle } from "../fakes/fake-clock.ts";
import { FakeDisk } from "../fakes/fake-disk.ts";
import type { FakeWorld } from "../fakes/fake-world.ts";
import { Restarts } from "../fakes/restarts.ts";

function stray(world: FakeWorld, installation = "fake", sessionId = newSessionId("0123456789abcdef")): string {
  const name = `fake-${sessionId}`;
  const machine = { variables: new Map(), disk: new FakeDisk(), processes: new Map(), lasting: new Map() };
  world.machines.set(name, { name, sessionId, installation, createdAtMs: 0, machine });
  return name;
}

test("an orphan is found at the start, and ended after its grace period", async () => {
  await using restarts = new Restarts();
  const name = stray(restarts.world);
  const { clock, events } = restarts.start();
  await clock.advance(29_000);
  expect(events).toContainEqual({ type: "orphan.found", name, ageMs: expect.any(Number) });
  expect(restarts.world.machines.size).toBe(1);
  await clock.advance(2000);
  expect(restarts.world.machines.size).toBe(0);
  expect(events).toContainEqual({ type: "orphan.removed", name });
});

test("one that comes about later is found at the next interval", async () => {
  await using restarts = new Restarts();
  const { clock } = restarts.start({ orphanCleanupIntervalMs: 600_000 });
  await clock.advance(10_000);
  stray(restarts.world);
  await clock.advance(600_000);
  expect(restarts.world.machines.size).toBe(1);
  await clock.advance(31_000);
  expect(restarts.world.machines.size).toBe(0);
});

test("another installation's sandboxes are never touched", async () => {
  await using restarts = new Restarts();
  stray(restarts.world, "another");
  const { clock, events } = restarts.start();
  await clock.advance(3_600_000);
  expect(restarts.world.machines.size).toBe(1);
  expect(events).toEqual([]);
});

test("the sandbox of a session is no orphan, whether it boots, runs, idles or is being stopped", async () => {
  await using restarts = new Restarts();
  const { clock, host, run, sessions } = restarts.start({
    sessionTimeoutMs: 3_600_000,
    orphanCleanupIntervalMs: 10_000,
    startTimeoutMs: 900_000,
  });
  const { session } = await run("print");
  const running = run("forever", { timeoutMs: 120_000 });
  await settle();
  host.holdBoots();
  const booting = run("print");
  await clock.advance(60_000);
  expect(restarts.world.machines.size).toBe(3);
  host.holdDisposals();
  const stopping = sessions.stop("alice", session.sessionId);
  await clock.advance(60_000);
  expect(restarts.world.machines.size).toBe(3);
  host.releaseDisposals();
  host.releaseBoots();
  await Promise.all([stopping, running, booting]);
  expect(restarts.world.machines.size).toBe(2);
  expect(restarts.current.events.filter(({ type }) => type.startsWith("orphan"))).toEqual([]);
});

test("a sandbox that was booted ahead is no orphan", async () => {
  await using restarts = new Restarts();
  const sessionId = newSessionId("0123456789abcdef");
  const pool: Pool = { take: () => undefined, members: () => [sessionId] };
  stray(restarts.world, "fake", sessionId);
  const { clock } = restarts.start({}, { pool });
  await clock.advance(3_600_000);
  expect(restarts.world.machines.size).toBe(1);
});

test("one that cannot be ended is told, and tried again", async () => {
  await using restarts = new Restarts();
  const name = stray(restarts.world);
  const { clock, events } = restarts.start();
  restarts.world.immortal.add(name);
  await clock.advance(65_000);
  expect(events.filter(({ type }) => type === "orphan.kept")).toHaveLength(2);
  restarts.world.immortal.delete(name);
  await clock.advance(60_000);
  expect(restarts.world.machines.size).toBe(0);
  expect(events.at(-1)).toEqual({ type: "orphan.removed", name });
});

test("a backend that does not answer is told once, and looked at again", async () => {
  await using restarts = new Restarts();
  stray(restarts.world);
  restarts.world.isSilent = true;
  const { clock, events, sessions } = restarts.start({ orphanCleanupIntervalMs: 60_000 });
  await clock.advance(300_000);
  expect(events.filter(({ type }) => type === "server.warning")).toHaveLength(1);
  // For GET /, as long as it lasts.
  expect(sessions.warnings).toEqual([expect.stringContaining("cannot be looked for")]);
  restarts.world.isSilent = false;
  await clock.advance(100_000);
  expect(sessions.warnings).toEqual([]);
  expect(restarts.world.machines.size).toBe(0);
});

test("where another server may be on the same state directory, nothing is taken over and nothing is swept", async () => {
  await using restarts = new Restarts();
  stray(restarts.world);
  const { clock } = restarts.start({}, { ownsSurvivors: false });
  await clock.advance(3_600_000);
  expect(restarts.world.machines.size).toBe(1);
});
