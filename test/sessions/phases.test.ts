import { expect, test } from "bun:test";
import type { Event, ExecutionEnded } from "../../src/events.ts";
import { settle } from "../fakes/fake-clock.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";

test("a run in a new session tells what the boot took, and one in a session that is there that nothing had to boot", async () => {
  await using s = sessionsOverFake();
  s.host.holdBoots();
  const first = s.run("print hello");
  await s.clock.advance(700);
  s.host.releaseBoots();
  const { session, phases } = await first;
  expect(phases).toEqual({ queueMs: 0, bootMs: 700, runMs: 0 });
  const again = await s.run("print hello", { sessionId: session.sessionId });
  expect(again.phases).toEqual({ queueMs: 0, bootMs: null, runMs: 0 });
});

test("a run tells how long it waited for its turn, apart from how long it ran", async () => {
  await using s = sessionsOverFake();
  const { session } = await s.run("print hello");
  const { sessionId } = session;
  const long = s.run("forever", { sessionId, timeoutMs: 3000 });
  await settle();
  const short = s.run("print hello", { sessionId });
  await s.clock.advance(3000);
  expect((await long).phases).toEqual({ queueMs: 0, bootMs: null, runMs: 3000 });
  expect((await short).phases).toEqual({ queueMs: 3000, bootMs: null, runMs: 0 });
});

test("every run that began is told once, with who ran what where, how it ended and how much it wrote", async () => {
  await using s = sessionsOverFake();
  const { session } = await s.run("print hello\nwarn ouch\nexit 3", { kind: "command", template: "node" });
  expect(executions(s.events)).toEqual([
    {
      type: "execution.ended",
      executionId: expect.stringMatching(/^execution-[a-z0-9-]{30}$/),
      sessionId: session.sessionId,
      principal: "alice",
      template: "node",
      flavor: "small",
      kind: "command",
      ended: "exited",
      success: false,
      exitCode: 3,
      queueMs: 0,
      bootMs: 0,
      runMs: 0,
      stdoutBytes: 6,
      stderrBytes: 5,
      truncatedBytes: 0,
      source: expect.any(Function),
    },
  ]);
  expect(executions(s.events)[0]?.source()).toBe("print hello\nwarn ouch\nexit 3");
});

test("the bytes of a run's output include those that were left out of its result", async () => {
  await using s = sessionsOverFake({ maxOutputBytes: 1000 });
  await s.run("flood 5000");
  expect(executions(s.events)).toMatchObject([{ stdoutBytes: 5000, truncatedBytes: 4000 }]);
});

test("a run whose sandbox is lost under it is told as failed", async () => {
  await using s = sessionsOverFake();
  await expect(s.run("vanish")).rejects.toThrow("Code execution failed");
  expect(executions(s.events)).toMatchObject([{ ended: "failed", success: false }]);
});

test("a run that never began is not told", async () => {
  await using s = sessionsOverFake();
  s.host.failNextBoot();
  await expect(s.run("print hello")).rejects.toThrow();
  expect(executions(s.events)).toEqual([]);
});

test("an eviction is told before its session is closed, with the limit that it was for; what had expired is not evicted", async () => {
  // Nothing looks for what has expired in between.
  await using s = sessionsOverFake({ maxSessions: 1, cleanupIntervalMs: 3_600_000 });
  const { session } = await s.run("print");
  await s.run("print");
  const told = s.events.filter(({ type }) => type === "session.evicted" || type === "session.closed");
  const { sessionId } = session;
  expect(told).toMatchObject([
    { type: "session.evicted", sessionId, principal: "alice", scope: "server", resource: "sessions" },
    { type: "session.closed", sessionId, reason: "evicted" },
  ]);
  await s.clock.advance(60_000);
  await s.run("print");
  expect(s.events.filter(({ type }) => type === "session.evicted")).toHaveLength(1);
});

test("a new session that waited for a place tells so as time in the queue", async () => {
  await using s = sessionsOverFake({ maxSessions: 1, admissionWaitMs: 60_000 });
  const busy = s.run("forever", { timeoutMs: 3000 });
  await settle();
  const waiting = s.run("print hello");
  await s.clock.advance(3000);
  await busy;
  expect((await waiting).phases).toMatchObject({ queueMs: 3000, bootMs: 0 });
});

function executions(events: readonly Event[]): readonly ExecutionEnded[] {
  return events.filter((event) => event.type === "execution.ended");
}
