import { describe, expect, test } from "bun:test";
import { newSessionId } from "../../src/sessions/ids.ts";
import { failureOf } from "../fakes/failures.ts";
import { settle } from "../fakes/fake-clock.ts";
import { installationId, sessionsOverFake } from "../fakes/sessions.ts";

describe("using sessions", () => {
  test("a call without a session id opens one, and with its id it is used again", async () => {
    await using s = sessionsOverFake();
    const first = await s.run("set x 42");
    const second = await s.run("get x", { sessionId: first.session.sessionId });
    expect([first.created, second.created]).toEqual([true, false]);
    expect(second.outcome.stdout).toBe("42\n");
    expect(s.host.booted.length).toBe(1);
    expect(second.session.executions).toBe(2);
  });

  test("a template or flavor that contradicts the session's is refused, one that agrees is not", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("print a", { template: "node", flavor: "medium" });
    const { sessionId } = session;
    await s.run("print b", { sessionId, template: "node", flavor: "medium" });
    await s.run("print c", { sessionId });
    const failure = await failureOf(s.run("print d", { sessionId, template: "python" }));
    expect(failure.kind).toBe("invalid_arguments");
    expect(failure.message).toContain('template is "python"');
    expect(failure.message).toContain('"node"');
    expect((await failureOf(s.run("print e", { sessionId, flavor: "large" }))).message).toContain('flavor is "large"');
  });

  test("an unknown template is refused with the known ones", async () => {
    await using s = sessionsOverFake();
    const failure = await failureOf(s.run("print", { template: "cobol" }));
    expect(failure.message).toContain('"cobol"');
    expect(failure.message).toContain("python, node, bash");
    expect(s.sessions.counts.active).toBe(0);
  });

  test("a backend is told whose each sandbox is", async () => {
    await using s = sessionsOverFake();
    for (const principal of ["alice", "bob"]) await s.run("print", { principal });
    expect(s.host.requested.map(({ principal }) => principal)).toEqual(["alice", "bob"]);
  });

  test("executions of one session run one after the other in the order they arrived", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("print");
    const order: number[] = [];
    let most = 0;
    s.host.script = async (_request, sandbox, toy) => {
      most = Math.max(most, sandbox.running);
      await settle();
      return await toy();
    };
    const runs = [1, 2, 3, 4].map((n) =>
      s.run(`print ${n}`, { sessionId: session.sessionId }).then(() => order.push(n)),
    );
    await Promise.all(runs);
    expect(order).toEqual([1, 2, 3, 4]);
    expect(most).toBe(1);
  });

  test("executions of different sessions run in parallel", async () => {
    await using s = sessionsOverFake();
    const running = [s.run("forever"), s.run("forever")];
    await settle();
    expect(s.sessions.list("alice").map((view) => view.status)).toEqual(["busy", "busy"]);
    await s.clock.advance(20_000);
    expect((await Promise.all(running)).map((ran) => ran.outcome.ended)).toEqual(["timed_out", "timed_out"]);
  });

  test("more executions than may wait are refused, and those that wait still run", async () => {
    await using s = sessionsOverFake({ maxQueuedExecutions: 1 });
    const { session } = await s.run("set x 1");
    const { sessionId } = session;
    const running = s.run("forever", { sessionId, timeoutMs: 5000 });
    await settle();
    const waiting = s.run("get x", { sessionId });
    const failure = await failureOf(s.run("get x", { sessionId }));
    expect(failure.kind).toBe("limit_reached");
    await s.clock.advance(5000);
    expect((await running).outcome.ended).toBe("timed_out");
    expect((await waiting).outcome.stdout).toBe("1\n");
  });

  test("a caller that leaves the queue is skipped", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("set x 1");
    const { sessionId } = session;
    const running = s.run("forever", { sessionId, timeoutMs: 5000 });
    const leaving = new AbortController();
    const left = s.run("set x 2", { sessionId, signal: leaving.signal });
    const waiting = s.run("get x", { sessionId });
    await settle();
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    await s.clock.advance(5000);
    await running;
    expect((await waiting).outcome.stdout).toBe("1\n");
  });
});

describe("places", () => {
  test("one session too many is refused with the count and the limit, and a stopped one makes room", async () => {
    await using s = sessionsOverFake({ maxSessions: 2, enableLruEviction: false });
    const { session } = await s.run("print");
    await s.run("print");
    const failure = await failureOf(s.run("print"));
    expect(failure.kind).toBe("limit_reached");
    expect(failure.message).toStartWith("Resource limit exceeded: 2 of at most 2 sessions");
    await s.sessions.stop("alice", session.sessionId);
    expect((await s.run("print again")).outcome.stdout).toBe("again\n");
  });

  test("two calls at once cannot both take the last place", async () => {
    await using s = sessionsOverFake({ maxSessions: 1 });
    s.host.holdBoots();
    const first = s.run("print");
    const second = await failureOf(s.run("print"));
    expect(second.kind).toBe("limit_reached");
    s.host.releaseBoots();
    await first;
  });

  test("a boot that fails gives its place back and is told", async () => {
    await using s = sessionsOverFake({ maxSessions: 1 });
    s.host.failNextBoot();
    expect((await failureOf(s.run("print"))).kind).toBe("sandbox_creation");
    await settle();
    expect((await s.run("print")).outcome.success).toBe(true);
  });

  test("a sandbox that boots after its caller left is destroyed, and holds its place until then", async () => {
    await using s = sessionsOverFake({ maxSessions: 1 });
    s.host.holdBoots();
    const leaving = new AbortController();
    const left = s.run("print", { signal: leaving.signal });
    await settle();
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    const next = s.run("print");
    await settle();
    expect(s.host.requested.length).toBe(1);
    s.host.releaseBoots();
    expect((await next).outcome.success).toBe(true);
    expect([s.host.live.size, s.host.requested.length]).toEqual([1, 2]);
  });

  test("a sandbox that is not ready in time is given up", async () => {
    await using s = sessionsOverFake();
    s.host.holdBoots();
    const opening = failureOf(s.run("print"));
    await s.clock.advance(30_000);
    const failure = await opening;
    expect(failure.kind).toBe("sandbox_creation");
    expect(failure.message).toContain("30 s");
    s.host.releaseBoots();
    await settle();
    expect(s.host.live.size).toBe(0);
  });
});

describe("how sessions end", () => {
  test("a stopped session is gone when stop returns, and its id says so afterwards", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("print");
    const { sessionId } = session;
    expect(await s.sessions.stop("alice", sessionId)).toEqual({ stopped: true });
    expect(s.host.live.size).toBe(0);
    await s.clock.advance(240_000);
    const failure = await failureOf(s.run("print", { sessionId }));
    expect(failure.kind).toBe("session_not_found");
    expect(failure.message).toStartWith(`Session not found: ${sessionId} was stopped 4 minutes ago.`);
    expect(failure.context).toMatchObject({ session_id: sessionId, reason: "stopped" });
    expect(s.sessions.list("alice", sessionId)).toEqual([]);
    const again = await s.sessions.stop("alice", sessionId);
    expect(again.stopped ? "" : again.why).toContain("was stopped");
  });

  test("stopping a session cancels what runs and refuses what waits", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("print");
    const { sessionId } = session;
    const running = s.run("forever", { sessionId });
    const waiting = failureOf(s.run("print", { sessionId }));
    await settle();
    expect(await s.sessions.stop("alice", sessionId)).toEqual({ stopped: true });
    expect((await waiting).message).toContain("was stopped");
    expect((await running).outcome.ended).toBe("canceled");
  });

  test("stopping a session that still boots ends the boot", async () => {
    await using s = sessionsOverFake();
    s.host.holdBoots();
    const opening = failureOf(s.run("print"));
    await settle();
    const id = s.sessions.list("alice")[0]?.sessionId ?? "";
    const stopping = s.sessions.stop("alice", id);
    expect((await opening).message).toContain("was stopped");
    s.host.releaseBoots();
    expect(await stopping).toEqual({ stopped: true });
    expect(s.host.live.size).toBe(0);
  });

  test("an idle session expires, and its id says so", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("print");
    await s.clock.advance(59_000);
    expect(s.sessions.list("alice").length).toBe(1);
    await s.clock.advance(12_000);
    expect(s.host.live.size).toBe(0);
    const failure = await failureOf(s.run("print", { sessionId: session.sessionId }));
    expect(failure.message).toContain("expired");
  });

  test("a session is not usable after expires_at even where the timer has not come by yet", async () => {
    await using s = sessionsOverFake({ cleanupIntervalMs: 59_999 });
    const { session } = await s.run("print");
    expect(session.expiresAt).toBe(s.clock.now() + 60_000);
    await s.clock.advance(60_000);
    expect((await failureOf(s.run("print", { sessionId: session.sessionId }))).message).toContain("expired");
  });

  test("a busy session does not expire, and its idle time runs from the end of the execution", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("print");
    const { sessionId } = session;
    const long = s.run("forever", { sessionId, timeoutMs: 300_000 });
    await s.clock.advance(300_000);
    expect((await long).outcome.ended).toBe("timed_out");
    await s.clock.advance(59_000);
    expect((await s.run("print still here", { sessionId })).outcome.stdout).toBe("still here\n");
  });

  test("a lost sandbox makes its session lost, with the cause", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("print");
    s.host.only().lose("the machine was switched off");
    await settle();
    const failure = await failureOf(s.run("print", { sessionId: session.sessionId }));
    expect(failure.message).toContain("was lost");
    expect(failure.message).toContain("the machine was switched off");
    expect(s.sessions.counts.active).toBe(0);
  });

  test("all are lost at once with one reason, and what runs in them is told", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("print a");
    await s.run("print b", { principal: "bob" });
    const running = failureOf(s.run("forever"));
    await settle();
    await s.sessions.loseAll("its node was given up by the others");
    expect((await running).message).toContain("The sandbox was lost");
    const failure = await failureOf(s.run("print c", { sessionId: session.sessionId }));
    expect([failure.kind, failure.context.reason]).toEqual(["session_not_found", "lost"]);
    expect(s.sessions.counts.active).toBe(0);
    expect((await s.run("print d")).created).toBe(true);
  });

  test("a run whose sandbox is lost underneath is an error that says so, not a canceled run", async () => {
    await using s = sessionsOverFake();
    const running = failureOf(s.run("forever"));
    await settle();
    s.host.only().lose("the machine was switched off");
    const failure = await running;
    expect(failure.kind).toBe("code_execution");
    expect(failure.message).toContain("the machine was switched off");
  });

  test("another principal can neither see nor use nor stop a session, and cannot tell that it exists", async () => {
    await using s = sessionsOverFake();
    const { session } = await s.run("print");
    const { sessionId } = session;
    const unknown = newSessionId(installationId);
    const ask = async (id: string) => ({
      list: s.sessions.list("mallory", id),
      stop: JSON.stringify(await s.sessions.stop("mallory", id)).replaceAll(id, "ID"),
      run: (await failureOf(s.run("print", { sessionId: id, principal: "mallory" }))).message.replaceAll(id, "ID"),
    });
    expect(await ask(sessionId)).toEqual(await ask(unknown));
    expect(s.sessions.list("mallory")).toEqual([]);
    await s.sessions.stop("alice", sessionId);
    expect(await ask(sessionId)).toEqual(await ask(unknown));
  });

  test("closing ends every session and opens no more", async () => {
    const s = sessionsOverFake();
    await s.run("print");
    await s.run("print");
    await s.sessions[Symbol.asyncDispose]();
    expect(s.host.live.size).toBe(0);
    expect(s.clock.sleeping).toBe(0);
    expect((await failureOf(s.run("print"))).kind).toBe("sandbox_creation");
  });
});

describe("what remains of a boot that failed", () => {
  test("keeps its place until nothing of it is left, and its caller is told at once", async () => {
    await using s = sessionsOverFake({ maxSessions: 1 });
    const remains = Promise.withResolvers<void>();
    s.host.onBoot = (spec) => spec.onRemains?.(remains.promise);
    s.host.failNextBoot();
    expect((await failureOf(s.run("print"))).kind).toBe("sandbox_creation");
    await settle();
    s.host.onBoot = () => undefined;
    expect(s.admission.usage.places).toBe(1);
    const next = s.run("print");
    await settle();
    expect(s.host.booted).toHaveLength(0);
    remains.resolve();
    await next;
    expect([s.host.booted.length, s.admission.usage.places]).toEqual([1, 1]);
  });

  test("a stop that does not end the sandbox in time is told as stopping, and its place stays taken", async () => {
    await using s = sessionsOverFake({ maxSessions: 1 });
    const { sessionId } = (await s.run("print")).session;
    s.host.holdDisposals();
    const stopping = s.sessions.stop("alice", sessionId);
    await s.clock.advance(30_000);
    expect(await stopping).toMatchObject({ stopped: false, absence: "stopping" });
    expect(s.sessions.list("alice")).toMatchObject([{ sessionId, status: "stopping" }]);
    expect(s.admission.usage.places).toBe(1);
    const again = s.sessions.stop("alice", sessionId);
    s.host.releaseDisposals();
    expect(await again).toMatchObject({ stopped: false, absence: { reason: "stopped" } });
    expect([s.admission.usage.places, s.clock.sleeping]).toEqual([0, 1]);
  });
});
