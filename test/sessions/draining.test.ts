// A server that is to be taken out of service: no new sessions, and those that there are go on to their end or a deadline.

import { expect, test } from "bun:test";
import { failureOf } from "../fakes/failures.ts";
import { settle } from "../fakes/fake-clock.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";

test("no new session is opened, also for files, and sessions that there are go on", async () => {
  await using s = sessionsOverFake();
  const { session } = await s.run("set x 1");
  s.sessions.draining.set("operator", true);
  const refused = await failureOf(s.run("print"));
  expect([refused.kind, refused.message]).toEqual(["sandbox_creation", expect.stringContaining("no new sessions")]);
  expect(refused.advice[0]).toContain("another one opens it");
  const signal = new AbortController().signal;
  const forFiles = { principal: "alice", sessionId: undefined, template: undefined, flavor: undefined, signal };
  expect((await failureOf(s.sessions.withFiles(forFiles, async () => "used"))).kind).toBe("sandbox_creation");
  expect((await s.run("get x", { sessionId: session.sessionId })).outcome.stdout).toBe("1\n");
  expect(s.host.booted.length).toBe(1);
});

test("who waits for room is refused when it begins, and leaves the queue", async () => {
  await using s = sessionsOverFake({ maxSessions: 1, enableLruEviction: false, admissionWaitMs: 60_000 });
  await s.run("print");
  const waiting = failureOf(s.run("print"));
  await settle();
  expect(s.sessions.counts.waiting).toBe(1);
  s.sessions.draining.set("operator", true);
  expect((await waiting).kind).toBe("sandbox_creation");
  expect(s.sessions.counts.waiting).toBe(0);
});

test("what boots already is let go on", async () => {
  await using s = sessionsOverFake();
  s.host.holdBoots();
  const booting = s.run("print hello");
  await settle();
  s.sessions.draining.set("operator", true);
  s.host.releaseBoots();
  expect((await booting).outcome.stdout).toBe("hello\n");
});

test("it is on as long as anybody wants it", async () => {
  await using s = sessionsOverFake();
  const { draining } = s.sessions;
  draining.set("operator", true);
  draining.set("registry", true);
  draining.set("operator", false);
  expect([draining.isOn, draining.by]).toEqual([true, ["registry"]]);
  expect((await failureOf(s.run("print"))).kind).toBe("sandbox_creation");
  draining.set("registry", false);
  expect((await s.run("print hello")).outcome.stdout).toBe("hello\n");
  const told = s.events.filter(({ type }) => type.startsWith("drain."));
  expect(told).toEqual([{ type: "drain.begun", by: "operator", timeoutMs: null }, { type: "drain.taken_back" }]);
});

test("at the deadline, sessions that are left are ended, are told so before and after, and what runs is canceled", async () => {
  await using s = sessionsOverFake({ sessionTimeoutMs: 3_600_000 }, { drainTimeoutMs: 300_000 });
  const idle = (await s.run("print")).session.sessionId;
  const busy = (await s.run("print")).session.sessionId;
  s.sessions.draining.set("operator", true);
  expect((await s.run("print", { sessionId: idle })).endsSoon).toContain("in 300 s at the latest");
  const emptied = s.sessions.untilEmpty();
  await s.clock.advance(290_000);
  const running = s.run("forever", { sessionId: busy });
  await s.clock.advance(9000);
  expect(s.sessions.counts.active).toBeGreaterThan(0);
  await s.clock.advance(1000);
  await emptied;
  expect((await running).outcome).toMatchObject({ ended: "canceled" });
  expect(s.host.live.size).toBe(0);
  expect((await failureOf(s.run("print", { sessionId: idle }))).context).toMatchObject({ reason: "shutdown" });
});

test("taken back before the deadline, it ends nothing", async () => {
  await using s = sessionsOverFake({ sessionTimeoutMs: 3_600_000 }, { drainTimeoutMs: 300_000 });
  const { sessionId } = (await s.run("set x 1")).session;
  s.sessions.draining.set("operator", true);
  await s.clock.advance(200_000);
  s.sessions.draining.set("operator", false);
  await s.clock.advance(200_000);
  expect(s.sessions.draining.deadlineAt).toBeUndefined();
  expect((await s.run("get x", { sessionId })).outcome.stdout).toBe("1\n");
});
