// A warm pool and sessions that take from it, in one room, over the fake host and the fake clock.

import type { Event } from "../../src/events.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { Admission } from "../../src/sessions/admission.ts";
import { type PoolShare, WarmPool } from "../../src/sessions/pool.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeHost } from "./fake-host.ts";
import { type FakeLimits, installationId, sessionsOverFake } from "./sessions.ts";

/** The pool has not started yet. */
export function poolOverFake(shares: readonly PoolShare[], given: FakeLimits = {}, principal?: string) {
  const host = new FakeHost();
  const clock = new FakeClock();
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const startTimeoutMs = 30_000;
  const limits = { maxSessions: 10, admissionWaitMs: 0, enableLruEviction: true, startTimeoutMs, ...given };
  const admission = new Admission({ limits, clock, emit });
  const common = { host, clock, emit, installationId, admission };
  const pool = new WarmPool({
    ...common,
    shares,
    principal,
    startTimeoutMs,
    templates: defaultTemplates,
    flavors: defaultFlavors,
    executions: deaf,
  });
  const { sessions, run } = sessionsOverFake(limits, { ...common, pool });
  const close = async () => {
    await sessions[Symbol.asyncDispose]();
    await pool[Symbol.asyncDispose]();
  };
  /** Of the pool's events only. */
  const types = () => events.map(({ type }) => type).filter((type) => type.startsWith("pool."));
  return { host, clock, events, types, admission, pool, sessions, run, [Symbol.asyncDispose]: close };
}

/** For sandboxes that print nothing in the background. */
export const deaf = { hearing: () => ({ onBackground: () => undefined }) };
