// What went wrong with sessions in the server that this one replaces, each as a promise that it does not here.

import { expect, test } from "bun:test";
import { failureOf } from "../fakes/failures.ts";
import { settle } from "../fakes/fake-clock.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";

const active = (s: ReturnType<typeof sessionsOverFake>) => s.sessions.list("alice").map(({ sessionId }) => sessionId);

test("using a session again at the limit evicts nobody", async () => {
  await using s = sessionsOverFake({ maxSessions: 2 });
  const [a, b] = [await s.run("print"), await s.run("print")].map(({ session }) => session.sessionId);
  for (const sessionId of [a, b, a, b]) await s.run("print", { sessionId });
  expect(active(s)).toEqual([a ?? "", b ?? ""]);
  expect(s.host.booted.length).toBe(2);
});

test("two ids with the same first characters are two sandboxes", async () => {
  await using s = sessionsOverFake();
  const [a, b] = [await s.run("set x 1"), await s.run("set x 2")].map(({ session }) => session.sessionId);
  // 14 characters are the installation's: all sessions of it have them.
  expect(a?.slice(0, 14)).toBe(b?.slice(0, 14) ?? "");
  expect(new Set([...s.host.live].map(({ name }) => name)).size).toBe(2);
  expect((await s.run("get x", { sessionId: a })).outcome.stdout).toBe("1\n");
  expect((await s.run("get x", { sessionId: b })).outcome.stdout).toBe("2\n");
});

test("a stop that races a reuse leaves no sandbox without an owner", async () => {
  for (const first of ["stop", "run"] as const) {
    await using s = sessionsOverFake();
    const { session } = await s.run("print");
    const { sessionId } = session;
    const running = () => s.run("print", { sessionId }).catch((error: unknown) => error);
    const stopping = () => s.sessions.stop("alice", sessionId);
    await Promise.all(first === "stop" ? [stopping(), running()] : [running(), stopping()]);
    expect([s.host.live.size, s.sessions.counts.active, s.admission.usage.places]).toEqual([0, 0, 0]);
    expect((await failureOf(s.run("print", { sessionId }))).context).toMatchObject({ reason: "stopped" });
  }
});

test("two new sessions at the limit evict two different ones", async () => {
  await using s = sessionsOverFake({ maxSessions: 3 });
  const old: string[] = [];
  for (let i = 0; i < 3; i++) {
    old.push((await s.run("print")).session.sessionId);
    await s.clock.advance(1000);
  }
  const fresh = await Promise.all([s.run("print"), s.run("print")]);
  expect(active(s).sort()).toEqual([old[2] ?? "", ...fresh.map(({ session }) => session.sessionId)].sort());
  expect(s.host.live.size).toBe(3);
});

test("a session is not evicted between its boot and its first run", async () => {
  await using s = sessionsOverFake({ maxSessions: 1, admissionWaitMs: 60_000 });
  s.host.holdBoots();
  const first = s.run("print first");
  await settle();
  const second = s.run("print second");
  await settle();
  s.host.releaseBoots();
  expect((await Promise.all([first, second])).map(({ outcome }) => outcome.stdout)).toEqual(["first\n", "second\n"]);
});

test("a run that takes longer than the session timeout is not expired", async () => {
  await using s = sessionsOverFake({ sessionTimeoutMs: 60_000 });
  const { session } = await s.run("set x 7");
  const { sessionId } = session;
  const long = s.run("forever", { sessionId, timeoutMs: 600_000 });
  await s.clock.advance(600_000);
  expect((await long).outcome.ended).toBe("timed_out");
  expect((await s.run("get x", { sessionId })).outcome.stdout).toBe("7\n");
});

test("an impossible demand for memory evicts nobody", async () => {
  await using s = sessionsOverFake({ maxTotalMemoryMib: 2048 });
  const { session } = await s.run("print");
  expect((await failureOf(s.run("print", { flavor: "large" }))).kind).toBe("limit_reached");
  expect(active(s)).toEqual([session.sessionId]);
});

test("a start that fails takes no place", async () => {
  await using s = sessionsOverFake({ maxSessions: 1, enableLruEviction: false });
  for (let i = 0; i < 3; i++) {
    s.host.failNextBoot();
    expect((await failureOf(s.run("print"))).kind).toBe("sandbox_creation");
    await settle();
    expect(s.admission.usage.places).toBe(0);
  }
  expect((await s.run("print")).outcome.success).toBe(true);
});

test("two quick calls keep a session busy until both have ended", async () => {
  await using s = sessionsOverFake({ maxSessions: 1 });
  const { session } = await s.run("print");
  const { sessionId } = session;
  const both = [5000, 5000].map((timeoutMs) => s.run("forever", { sessionId, timeoutMs }));
  await s.clock.advance(5000);
  await both[0];
  expect(s.sessions.list("alice")[0]?.status).toBe("busy");
  expect((await failureOf(s.run("print"))).kind).toBe("limit_reached");
  await s.clock.advance(5000);
  await both[1];
  expect(s.sessions.list("alice")[0]?.status).toBe("ready");
});

test("a template or flavor that contradicts the session's is refused, and runs nothing", async () => {
  await using s = sessionsOverFake();
  const { session } = await s.run("print");
  const { sessionId } = session;
  expect((await failureOf(s.run("print", { sessionId, template: "node" }))).kind).toBe("invalid_arguments");
  expect((await failureOf(s.run("print", { sessionId, flavor: "large" }))).kind).toBe("invalid_arguments");
  expect(s.host.only().requests.length).toBe(1);
  expect(s.sessions.list("alice")[0]?.status).toBe("ready");
});

test("a session ends once, for its first reason, however many want it to", async () => {
  const s = sessionsOverFake();
  const { session } = await s.run("print");
  const { sessionId } = session;
  s.host.holdDisposals();
  const stopping = [s.sessions.stop("alice", sessionId), s.sessions.stop("alice", sessionId)];
  s.host.only().lose();
  await s.clock.advance(120_000);
  const closing = s.sessions[Symbol.asyncDispose]();
  await settle();
  s.host.releaseDisposals();
  await Promise.all([...stopping, closing]);
  const closed = s.events.filter(({ type }) => type === "session.closed");
  expect(closed).toEqual([expect.objectContaining({ sessionId, reason: "stopped", executions: 1 })]);
  expect(s.ledger.endings.find(sessionId, "alice", s.clock.now())).toMatchObject({ reason: "stopped" });
});

test("the end of the server leaves no sandbox, whatever they are at", async () => {
  const s = sessionsOverFake({ maxSessions: 5 });
  await s.run("print");
  const busy = s.run("forever").catch((error: unknown) => error);
  await settle();
  s.host.holdBoots();
  const booting = s.run("print").catch((error: unknown) => error);
  await settle();
  const closing = s.sessions[Symbol.asyncDispose]();
  await settle();
  s.host.releaseBoots();
  await closing;
  await Promise.all([busy, booting]);
  expect([s.host.live.size, s.admission.usage.places, s.clock.sleeping]).toEqual([0, 0, 0]);
});
