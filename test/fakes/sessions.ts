// Sessions over the fake host and the fake clock, and short ways to use them.

import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "../../src/events.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { Admission, type AdmissionLimits } from "../../src/sessions/admission.ts";
import type { Beyond } from "../../src/sessions/claims.ts";
import { Draining } from "../../src/sessions/draining.ts";
import { Executions } from "../../src/sessions/executions/executions.ts";
import { Spools } from "../../src/sessions/executions/spools.ts";
import { Ledger } from "../../src/sessions/ledger.ts";
import type { SessionsOptions } from "../../src/sessions/options.ts";
import type { Left, Ran, RunInSession } from "../../src/sessions/runs.ts";
import { Sessions } from "../../src/sessions/sessions.ts";
import { createConditions } from "../../src/watch/conditions.ts";
import { createMetrics } from "../../src/watch/metrics.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeHost } from "./fake-host.ts";

export const installationId = "0123456789abcdef";

export type FakeLimits = Partial<SessionsOptions["limits"] & AdmissionLimits>;

export type FakeProcess = Partial<SessionsOptions> & {
  readonly clock?: FakeClock;
  readonly host?: FakeHost;
  /** In memory only, if left out. */
  readonly ledgerPath?: string | undefined;
  readonly isLedgerExpected?: boolean;
  /** Where output is kept; one of its own, which is removed at the end, if left out. */
  readonly spoolFolder?: string | undefined;
  readonly drainTimeoutMs?: number | undefined;
  /** Where there are other nodes. */
  readonly beyond?: Beyond;
};

export function sessionsOverFake(
  given: FakeLimits = {},
  { ledgerPath, isLedgerExpected = false, spoolFolder, drainTimeoutMs, beyond, ...more }: FakeProcess = {},
) {
  const ownId = more.installationId ?? installationId;
  const clock = more.clock ?? new FakeClock();
  const host = more.host ?? new FakeHost();
  const events: Event[] = [];
  const templates = defaultTemplates.map(({ name }) => name);
  const conditions = createConditions();
  const metrics = createMetrics({ version: "0", commit: "test", templates, startedAt: clock.now() });
  const emit = (event: Event) => {
    events.push(event);
    metrics.emit(event);
    conditions.emit(event);
  };
  const limits = {
    maxSessions: 3,
    sessionTimeoutMs: 60_000,
    startTimeoutMs: 30_000,
    cleanupIntervalMs: 10_000,
    orphanCleanupIntervalMs: 600_000,
    executionTimeoutMs: 20_000,
    maxQueuedExecutions: 4,
    maxOutputBytes: 1000,
    maxKeptOutputBytes: 64_000,
    maxLeftRunning: 4,
    maxLeftRunningInAll: 6,
    maxLeftRunningPerPrincipal: 100,
    admissionWaitMs: 0,
    enableLruEviction: true,
    ...given,
  };
  const admission = new Admission({ limits, clock, emit, beyond });
  const ledger = new Ledger({ path: ledgerPath, isExpected: isLedgerExpected, clock, emit });
  const folder = spoolFolder ?? join(tmpdir(), `msb-mcp-spools-${crypto.randomUUID()}`);
  const spools = new Spools({ folder, maxTotalBytes: 1_000_000, emit });
  const isToSurvive = host.survivors !== undefined && (more.ownsSurvivors ?? true);
  const executions = new Executions({
    spools,
    installationId: ownId,
    endings: ledger.endings,
    clock,
    limits,
    isToSurvive,
  });
  const draining = new Draining({ timeoutMs: drainTimeoutMs, clock, emit });
  const sessions = new Sessions({
    draining,
    ledger,
    executions,
    ownsSurvivors: true,
    installationId: ownId,
    admission,
    host,
    clock,
    emit,
    templates: defaultTemplates,
    flavors: defaultFlavors,
    defaultFlavor: "small",
    limits,
    ...more,
  });
  const requestOf = (source: string, more: Partial<RunInSession>) => ({
    ...{ principal: "alice", kind: "code" as const, source, sessionId: undefined, template: undefined },
    ...{ flavor: undefined, timeoutMs: undefined, signal: new AbortController().signal, ...more },
  });
  const run = (source: string, more: Partial<RunInSession> = {}) => toEnd(sessions.run(requestOf(source, more)));
  const runFor = (waitMs: number, source: string, more: Partial<RunInSession> = {}) =>
    sessions.runFor(waitMs, requestOf(source, more));
  return {
    host,
    clock,
    events,
    metrics,
    conditions,
    sessions,
    admission,
    installationId: ownId,
    run,
    runFor,
    ledger,
    executions,
    [Symbol.asyncDispose]: async () => {
      await sessions[Symbol.asyncDispose]();
      ledger[Symbol.dispose]();
      if (spoolFolder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Of a server that is not about to end. */
export async function toEnd(running: Promise<Ran | Left>): Promise<Ran> {
  const ran = await running;
  if (ran.status === "running") throw new Error("it was left running");
  return ran;
}
