import { describe, expect, test } from "bun:test";
import { defaultFlavors, type Flavor } from "../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import type { Place } from "../../src/sessions/admission.ts";
import type { Pool } from "../../src/sessions/ahead.ts";
import { newSessionId } from "../../src/sessions/ids.ts";
import { failureOf } from "../fakes/failures.ts";
import { settle } from "../fakes/fake-clock.ts";
import { FakeSandbox } from "../fakes/fake-sandbox.ts";
import { type FakeLimits, installationId, sessionsOverFake } from "../fakes/sessions.ts";

type Over = ReturnType<typeof sessionsOverFake>;

async function open(s: Over, more: { readonly principal?: string; readonly flavor?: Flavor } = {}): Promise<string> {
  const { session } = await s.run("print", more);
  // So that no two were used last at the same time.
  await s.clock.advance(1000);
  return session.sessionId;
}

const ids = (s: Over, principal = "alice") => s.sessions.list(principal).map(({ sessionId }) => sessionId);

describe("a session too many", () => {
  test("takes the place of exactly the least recently used one, whose id says so, and when, and for what", async () => {
    await using s = sessionsOverFake({ maxSessions: 3 });
    const [a, b, c] = [await open(s), await open(s), await open(s)];
    await s.run("print", { sessionId: a });
    const d = await open(s, { flavor: "medium" });
    expect(ids(s)).toEqual([a, c, d]);
    await s.clock.advance(29_000);
    const failure = await failureOf(s.run("print", { sessionId: b }));
    expect(failure.message).toStartWith(
      `Session not found: ${b} was evicted 30 seconds ago (to make room for a new medium session).`,
    );
    expect(failure.context).toMatchObject({ reason: "evicted", at: new Date(s.clock.now() - 30_000).toISOString() });
  });

  test("boots only when what it takes the place of is gone", async () => {
    await using s = sessionsOverFake({ maxSessions: 1 });
    await open(s);
    s.host.holdDisposals();
    const next = s.run("print");
    await settle();
    expect([s.host.live.size, s.host.requested.length]).toEqual([1, 1]);
    s.host.releaseDisposals();
    expect((await next).created).toBe(true);
    expect(s.host.live.size).toBe(1);
    expect(s.events).toContainEqual(expect.objectContaining({ type: "admission.waited", admitted: true }));
  });

  test("is refused, if what it would take the place of does not go in time", async () => {
    await using s = sessionsOverFake({ maxSessions: 1, startTimeoutMs: 30_000 });
    await open(s);
    s.host.holdDisposals();
    const next = failureOf(s.run("print"));
    await s.clock.advance(30_000);
    expect((await next).kind).toBe("limit_reached");
    s.host.releaseDisposals();
    await settle();
    expect(s.admission.usage.places).toBe(0);
  });

  test("whose caller leaves while it waits for that gives the place to the next", async () => {
    await using s = sessionsOverFake({ maxSessions: 1 });
    await open(s);
    s.host.holdDisposals();
    const leaving = new AbortController();
    const left = s.run("print", { signal: leaving.signal });
    await settle();
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    const next = s.run("print next");
    await settle();
    s.host.releaseDisposals();
    expect((await next).outcome.stdout).toBe("next\n");
    expect(s.host.requested.length).toBe(2);
  });

  test("waits for a session that is being stopped rather than evict another", async () => {
    await using s = sessionsOverFake({ maxSessions: 2 });
    const [a, b] = [await open(s), await open(s)];
    s.host.holdDisposals();
    const stopping = s.sessions.stop("alice", b);
    const next = s.run("print");
    await settle();
    s.host.releaseDisposals();
    await stopping;
    const { session } = await next;
    expect(ids(s)).toEqual([a, session.sessionId]);
  });

  test("is refused where all are busy, with usage and limit, and nobody is evicted", async () => {
    await using s = sessionsOverFake({ maxSessions: 2 });
    const busy = [s.run("forever"), s.run("forever")];
    await settle();
    const failure = await failureOf(s.run("print"));
    expect(failure.message).toStartWith(
      "Resource limit exceeded: 2 of at most 2 sessions are in use, and none could be ended to make room.",
    );
    expect(failure.context).toMatchObject({ resource: "sessions", scope: "server", current: 2, limit: 2 });
    expect(s.host.live.size).toBe(2);
    await s.clock.advance(20_000);
    await Promise.all(busy);
  });

  test("is refused where eviction is off, with what to stop: the caller's own, the least recently used first", async () => {
    await using s = sessionsOverFake({ maxSessions: 3, enableLruEviction: false });
    const [a, b] = [await open(s), await open(s)];
    await open(s, { principal: "bob" });
    await s.run("print", { sessionId: a });
    const failure = await failureOf(s.run("print"));
    expect(failure.message).toStartWith("Resource limit exceeded: 3 of at most 3 sessions are in use. Stop one");
    expect(failure.message).toContain(`stop_session, such as ${b}, ${a}, or use it`);
    expect(failure.context).toMatchObject({ idle_sessions: [b, a] });
    expect(failure.advice.at(-1)).toContain("--max-sessions");
    expect(s.host.live.size).toBe(3);
    expect(s.events.at(-1)).toEqual({
      ...{ type: "admission.refused", principal: "alice", scope: "server", resource: "sessions", isImpossible: false },
    });
  });

  test("takes the place of an expired one even where eviction is off", async () => {
    await using s = sessionsOverFake({ maxSessions: 1, enableLruEviction: false, cleanupIntervalMs: 59_999 });
    const a = await open(s);
    await s.clock.advance(59_000);
    await s.run("print");
    expect((await failureOf(s.run("print", { sessionId: a }))).message).toContain("expired");
  });
});

describe("memory", () => {
  test("with 2 × medium under 4096 MB, touching the first and starting a third evicts the second only", async () => {
    await using s = sessionsOverFake({ maxSessions: 10, maxTotalMemoryMib: 4096 });
    const [a, b] = [await open(s, { flavor: "medium" }), await open(s, { flavor: "medium" })];
    await s.run("print", { sessionId: a });
    const c = await open(s, { flavor: "medium" });
    expect(ids(s)).toEqual([a, c]);
    expect((await failureOf(s.run("print", { sessionId: b }))).context).toMatchObject({ reason: "evicted" });
  });

  test("is counted while a sandbox boots and until it is gone", async () => {
    await using s = sessionsOverFake({ maxSessions: 10, maxTotalMemoryMib: 4096 });
    s.host.holdBoots();
    const [a, b] = [s.run("print", { flavor: "medium" }), s.run("print", { flavor: "medium" })];
    await settle();
    const failure = await failureOf(s.run("print", { flavor: "small" }));
    expect(failure.message).toContain("4096 of at most 4096 MB are in use, and a new small session needs 1024 MB");
    s.host.releaseBoots();
    await Promise.all([a, b]);
  });

  test("that can never be had is refused at once, whether or not others could be evicted or waited for", async () => {
    await using s = sessionsOverFake({ maxSessions: 10, maxTotalMemoryMib: 2048, admissionWaitMs: 60_000 });
    const a = await open(s);
    const failure = await failureOf(s.run("print", { flavor: "large" }));
    expect(failure.message).toStartWith(
      "Resource limit exceeded: a new large session needs 4096 MB, and all sessions together may have at most 2048 MB. Ask for a smaller flavor.",
    );
    expect(ids(s)).toEqual([a]);
  });
});

describe("principals", () => {
  test("at their own limit lose their own least recently used session, not another's", async () => {
    await using s = sessionsOverFake({ maxSessions: 10, maxSessionsPerPrincipal: 2 });
    const bobs = await open(s, { principal: "bob" });
    const [a, b] = [await open(s), await open(s)];
    await s.run("print", { sessionId: a });
    const c = await open(s);
    expect(ids(s)).toEqual([a, c]);
    expect(ids(s, "bob")).toEqual([bobs]);
    expect((await failureOf(s.run("print", { sessionId: b }))).context).toMatchObject({ reason: "evicted" });
  });

  test("at their own memory limit are told so", async () => {
    await using s = sessionsOverFake({ maxMemoryMibPerPrincipal: 2048, enableLruEviction: false });
    await open(s, { flavor: "medium" });
    const failure = await failureOf(s.run("print"));
    expect(failure.message).toContain("2048 of at most 2048 MB of yours are in use");
    expect(failure.context).toMatchObject({ scope: "principal", resource: "memory", needed: 1024 });
    await s.run("print", { principal: "bob" });
  });

  test("that hold up only themselves do not keep others waiting", async () => {
    const limits = { maxSessions: 10, maxSessionsPerPrincipal: 1, admissionWaitMs: 60_000 };
    await using s = sessionsOverFake(limits);
    const busy = s.run("forever");
    await settle();
    const waiting = s.run("print");
    await settle();
    expect((await s.run("print", { principal: "bob" })).created).toBe(true);
    await s.clock.advance(20_000);
    await busy;
    expect((await waiting).created).toBe(true);
  });
});

describe("waiting for room", () => {
  const limits: FakeLimits = { maxSessions: 1, admissionWaitMs: 60_000 };

  test("ends when a session becomes idle, in the order of arrival", async () => {
    await using s = sessionsOverFake(limits);
    const busy = s.run("forever", { timeoutMs: 5000 });
    await settle();
    const order: number[] = [];
    const waiting = [1, 2, 3].map((n) => s.run("forever", { timeoutMs: 5000 }).then(() => order.push(n)));
    await settle();
    expect(s.admission.usage.waiting).toBe(3);
    await s.clock.advance(20_000);
    await busy;
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
    const waited = s.events.flatMap((event) => (event.type === "admission.waited" ? [event.waitedMs] : []));
    expect(waited).toEqual([5000, 10_000, 15_000]);
  });

  test("ends with a refusal when the time for it is over", async () => {
    await using s = sessionsOverFake({ ...limits, admissionWaitMs: 3000 });
    const busy = s.run("forever", { timeoutMs: 10_000 });
    await settle();
    const waiting = failureOf(s.run("print"));
    await s.clock.advance(3000);
    expect((await waiting).message).toContain("and no room came free within 3 s");
    expect(s.admission.usage).toMatchObject({ places: 1, waiting: 0 });
    await s.clock.advance(7000);
    await busy;
  });

  test("ends when the caller leaves, and those behind it are served", async () => {
    await using s = sessionsOverFake({ maxSessions: 4, maxTotalMemoryMib: 4096, admissionWaitMs: 60_000 });
    const busy = s.run("forever", { flavor: "medium", timeoutMs: 10_000 });
    await settle();
    const leaving = new AbortController();
    const large = s.run("print", { flavor: "large", signal: leaving.signal });
    const small = s.run("print");
    await settle();
    // The small one would fit; but it came later, and small ones for ever would keep the large one out.
    expect(s.host.requested.length).toBe(1);
    leaving.abort(new Error("left"));
    await expect(large).rejects.toThrow("left");
    expect((await small).created).toBe(true);
    await s.clock.advance(10_000);
    await busy;
  });

  test("leaves no place behind if the caller leaves in the very moment that room comes free", async () => {
    await using s = sessionsOverFake(limits);
    const asking = { principal: "alice", memoryMib: 1024, what: "a new small session" };
    const place = await s.admission.reserve(asking, new AbortController().signal);
    const leaving = new AbortController();
    const left = s.admission.reserve(asking, leaving.signal);
    await settle();
    leaving.abort(new Error("left"));
    place.free();
    await expect(left).rejects.toThrow("left");
    expect(s.admission.usage).toMatchObject({ places: 0, waiting: 0 });
  });

  test("is for a bounded number only", async () => {
    await using s = sessionsOverFake(limits);
    const busy = s.run("forever", { timeoutMs: 5000 });
    await settle();
    const waiting = Array.from({ length: 64 }, () => s.run("print"));
    await settle();
    const failure = await failureOf(s.run("print"));
    expect(failure.message).toContain("as many as may wait for room do so already");
    expect(s.admission.usage.waiting).toBe(64);
    await s.clock.advance(5000);
    await busy;
    await Promise.all(waiting);
  });

  test("ends with the server", async () => {
    const s = sessionsOverFake(limits);
    const busy = s.run("forever");
    await settle();
    const waiting = failureOf(s.run("print"));
    await settle();
    await s.sessions[Symbol.asyncDispose]();
    expect((await waiting).message).toContain("shutting down");
    await busy;
    expect(s.admission.usage).toMatchObject({ places: 0, waiting: 0 });
    expect(s.clock.sleeping).toBe(0);
  });
});

describe("sandboxes that were booted ahead", () => {
  function poolOver(s: () => Over) {
    const members = new Map<string, { readonly sandbox: FakeSandbox; readonly place: Place }>();
    const pool: Pool = {
      take: (template, flavor) => {
        if (template !== "python" || flavor !== "small") return undefined;
        for (const [sessionId, { sandbox, place }] of members) {
          members.delete(sessionId);
          return { sessionId, sandbox, place };
        }
        return undefined;
      },
      members: () => [...members.keys()],
    };
    const fill = async (): Promise<string | undefined> => {
      const { host, admission } = s();
      const sessionId = newSessionId(installationId);
      const place: Place | undefined = admission.reserveAhead(1024, async () => {
        const sandbox = members.get(sessionId)?.sandbox;
        members.delete(sessionId);
        await sandbox?.[Symbol.asyncDispose]();
        place?.free();
      });
      if (place === undefined) return undefined;
      const [template] = defaultTemplates;
      if (template === undefined) throw new Error("the first default template is python");
      const spec = { sessionId, template, resources: defaultFlavors.small };
      const sandbox = await host.create(spec, new AbortController().signal);
      if (!(sandbox instanceof FakeSandbox)) throw new Error("the fake host makes fake sandboxes");
      members.set(sessionId, { sandbox, place });
      return sessionId;
    };
    return { pool, fill };
  }

  function sessionsWithPool(limits: FakeLimits = {}) {
    const { pool, fill } = poolOver((): Over => s);
    const s: Over = sessionsOverFake(limits, { pool });
    return { ...s, fill, [Symbol.asyncDispose]: () => s[Symbol.asyncDispose]() };
  }

  test("become the session's under the id they were booted with, without another boot", async () => {
    await using s = sessionsWithPool();
    const ahead = await s.fill();
    const { session, created } = await s.run("print");
    expect([session.sessionId, created]).toEqual([ahead ?? "", true]);
    expect([s.host.booted.length, s.admission.usage.places]).toEqual([1, 1]);
    await s.sessions.stop("alice", session.sessionId);
    expect([s.host.live.size, s.admission.usage.places]).toEqual([0, 0]);
  });

  test("hold places, and give them up before any session has to go", async () => {
    await using s = sessionsWithPool({ maxSessions: 2 });
    const first = await s.run("print");
    await s.fill();
    expect(await s.fill()).toBeUndefined();
    const second = await s.run("print", { template: "node" });
    expect(ids(s)).toEqual([first.session.sessionId, second.session.sessionId]);
    expect([s.host.live.size, s.admission.usage.places]).toEqual([2, 2]);
  });

  test("are not taken by a principal that is at its own limit", async () => {
    await using s = sessionsWithPool({ maxSessionsPerPrincipal: 1, enableLruEviction: false });
    await s.run("print");
    await s.fill();
    expect((await failureOf(s.run("print"))).context).toMatchObject({ scope: "principal" });
    expect(s.host.live.size).toBe(2);
    expect((await s.run("print", { principal: "bob" })).created).toBe(true);
    expect(s.host.booted.length).toBe(2);
  });
});
