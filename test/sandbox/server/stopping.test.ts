// Ending sandboxes on a server that is slow: slow is not absent, nothing is given up, and no room is given away early.

import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { Event } from "../../../src/events.ts";
import { defaultFlavors } from "../../../src/sandbox/flavors.ts";
import type { SandboxHost } from "../../../src/sandbox/port.ts";
import { defaultTemplates } from "../../../src/sandbox/templates.ts";
import { Admission } from "../../../src/sessions/admission.ts";
import { Draining } from "../../../src/sessions/draining.ts";
import { Executions } from "../../../src/sessions/executions/executions.ts";
import { Spools } from "../../../src/sessions/executions/spools.ts";
import { Ledger } from "../../../src/sessions/ledger.ts";
import { Sessions } from "../../../src/sessions/sessions.ts";
import { installationId } from "../../fakes/sessions.ts";
import { SlowProxy } from "../../stub-microsandbox/slow-proxy.ts";
import { Stub } from "../../stub-microsandbox/stub.ts";
import { arena, makeHost, never } from "./servers.ts";

const flavors = { ...defaultFlavors, small: { cpus: 1, memoryMib: 128 } };

/** Sessions over a host on a stub behind a proxy that delays what is named. */
async function slowly(delaysMs: Readonly<Record<string, number>>, maxSessions: number) {
  await using stack = new AsyncDisposableStack();
  const stub = stack.use(await Stub.start({ dev: true, stopLagMs: 0 }));
  const proxy = stack.use(new SlowProxy({ url: stub.url, delaysMs }));
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const clock = systemClock;
  const host = stack.use(makeHost({ url: proxy.url, emit, installationId, startTimeoutMs: 120_000 }));
  const sessions = stack.use(sessionsOver(host, emit, maxSessions));
  const run = async () => {
    const request = { principal: "alice", kind: "code", source: "1", template: undefined, flavor: undefined } as const;
    return await sessions.run({ ...request, sessionId: undefined, timeoutMs: undefined, signal: never });
  };
  const parts = stack.move();
  return { stub, proxy, events, sessions, clock, run, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

function sessionsOver(host: SandboxHost, emit: (event: Event) => void, maxSessions: number): Sessions {
  const clock = systemClock;
  const limits = {
    ...{ maxSessions, sessionTimeoutMs: 600_000, startTimeoutMs: 120_000, cleanupIntervalMs: 60_000 },
    ...{
      orphanCleanupIntervalMs: 600_000,
      executionTimeoutMs: 60_000,
      maxQueuedExecutions: 4,
      maxOutputBytes: 1000,
      maxKeptOutputBytes: 64_000,
      maxLeftRunning: 4,
      maxLeftRunningInAll: 4,
      maxLeftRunningPerPrincipal: 100,
    },
    ...{ admissionWaitMs: 0, enableLruEviction: false },
  };
  const admission = new Admission({ limits, clock, emit });
  const ledger = new Ledger({ path: undefined, isExpected: false, clock, emit });
  const spools = new Spools({ folder: join(tmpdir(), `msb-mcp-${crypto.randomUUID()}`), maxTotalBytes: 1e6, emit });
  const { endings } = ledger;
  const executions = new Executions({ spools, installationId, endings, clock, limits, isToSurvive: false });
  const draining = new Draining({ timeoutMs: undefined, clock, emit });
  const common = { host, clock, emit, admission, draining, ledger, limits, installationId, flavors, executions };
  return new Sessions({ ...common, ownsSurvivors: true, templates: defaultTemplates, defaultFlavor: "small" });
}

// They wait for most of their time, each for a server of its own.
describe("on a server whose stops take long", () => {
  test.concurrent("40 sessions stopped at once, with 5 s for each stop: no machine is left, and no room is given away early", async () => {
    await using at = await slowly({ "sandbox.stop": 5000 }, 40);
    const ids = (await Promise.all(Array.from({ length: 40 }, () => at.run()))).map(({ session }) => session.sessionId);
    expect(at.stub.machines).toHaveLength(40);
    let givenAway = 0;
    const watching = setInterval(() => {
      if (at.sessions.counts.active < at.stub.unstopped.length) givenAway += 1;
    }, 10);
    const stops = await Promise.all(ids.map((id) => at.sessions.stop("alice", id)));
    clearInterval(watching);
    const told = stops.map((stopped) => (stopped.stopped ? "stopped" : stopped.absence));
    // Who is told that it has stopped has stopped; the rest goes on.
    expect(told.filter((one) => one !== "stopped" && one !== "stopping")).toEqual([]);
    expect(at.stub.unstopped.length).toBeLessThanOrEqual(told.filter((one) => one === "stopping").length);
    await until(() => at.sessions.counts.active === 0);
    expect(at.stub.unstopped).toEqual([]);
    await until(() => at.stub.machines.length === 0);
    expect([givenAway, at.proxy.hungUp.get("sandbox.stop") ?? 0]).toEqual([0, 0]);
    expect(at.proxy.most.get("sandbox.stop")).toBeLessThanOrEqual(8);
  }, 240_000);

  test.concurrent("a stop that takes 3.5 s is a stop: when it is told, the machine is gone", async () => {
    await using at = await slowly({ "sandbox.stop": 3500 }, 2);
    const { session } = await at.run();
    expect(await at.sessions.stop("alice", session.sessionId)).toEqual({ stopped: true });
    expect([at.stub.unstopped, at.events.filter(({ type }) => type === "server.warning")]).toEqual([[], []]);
  }, 60_000);

  test.concurrent("a stop that takes longer than its caller waits is told as stopping, with its place still taken", async () => {
    await using at = await slowly({ "sandbox.stop": 32_000 }, 1);
    const { session } = await at.run();
    const { sessionId } = session;
    expect(await at.sessions.stop("alice", sessionId)).toMatchObject({ stopped: false, absence: "stopping" });
    expect(at.sessions.list("alice")).toMatchObject([{ sessionId, status: "stopping" }]);
    const order: string[] = [];
    const next = at.run().then(() => order.push("the next has begun"));
    expect(at.stub.unstopped).toHaveLength(1);
    // Asked for again, it is waited for again.
    const again = await at.sessions.stop("alice", sessionId);
    order.push("stopped");
    expect(again).toMatchObject({ stopped: false, absence: { reason: "stopped" } });
    at.proxy.release();
    await next;
    expect(order).toEqual(["stopped", "the next has begun"]);
  }, 120_000);

  test.concurrent("inquiries that take longer than 3 s are waited for too", async () => {
    await using at = await slowly({ "sandbox.metrics.get": 4000 }, 1);
    const { session } = await at.run();
    expect(await at.sessions.stop("alice", session.sessionId)).toEqual({ stopped: true });
    expect([at.stub.unstopped, at.proxy.hungUp.get("sandbox.metrics.get") ?? 0]).toEqual([[], 0]);
  }, 60_000);
});

test.concurrent("a server that cannot be reached keeps a sandbox's place until it is back and has ended it", async () => {
  await using at = await arena();
  await using sessions = sessionsOver(at.host, () => {}, 1);
  const request = { principal: "alice", kind: "code", source: "1", template: undefined, flavor: undefined } as const;
  const run = () => sessions.run({ ...request, sessionId: undefined, timeoutMs: undefined, signal: never });
  const { session } = await run();
  await at.stub.refuse();
  const stopping = sessions.stop("alice", session.sessionId);
  // Longer than the 5 s after which it once was given up.
  await Bun.sleep(6000);
  expect(sessions.counts.active).toBe(1);
  at.stub.accept();
  expect(await stopping).toEqual({ stopped: true });
  expect(at.stub.unstopped).toEqual([]);
  await until(() => at.stub.machines.length === 0);
}, 60_000);

async function until(holds: () => boolean): Promise<void> {
  for (let look = 0; look < 6000; look += 1) {
    if (holds()) return;
    await Bun.sleep(10);
  }
  throw new Error("waited for a minute in vain");
}
