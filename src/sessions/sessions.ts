// Sessions as their callers know them: opened once, found for their principal only, stopped, and told how they ended.

import { type Clock, within } from "../clock.ts";
import type { Emit } from "../events.ts";
import { causeOf, Failure } from "../failure.ts";
import type { Flavor, Flavors } from "../sandbox/flavors.ts";
import type { Sandbox, SandboxHost, Stream, Survivor } from "../sandbox/port.ts";
import { defaultTemplate, type Template } from "../sandbox/templates.ts";
import type { Admission, Place } from "./admission.ts";
import type { Ahead, Pool } from "./ahead.ts";
import { bootFor } from "./boot.ts";
import { type Absence, sessionNotFound, tellAbsence } from "./endings.ts";
import type { Need } from "./eviction.ts";
import { type Outcome, type Phases, SandboxStuck } from "./execution.ts";
import { newSessionId, originOf } from "./ids.ts";
import type { Ledger } from "./ledger.ts";
import type { Entry } from "./ledger-rows.ts";
import { findTemplate, refuseOther } from "./matching.ts";
import { Orphans } from "./orphans.ts";
import { startReaper } from "./reaper.ts";
import { clockWarning, closedEvent, fateOf, type Returning, type Returns, takeOver } from "./restart.ts";
import type { Session, SessionLimits, SessionView } from "./session.ts";
import { SessionTable } from "./table.ts";

export type SessionsOptions = {
  readonly host: SandboxHost;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Whose session ids these are. */
  readonly installationId: string;
  readonly admission: Admission;
  /** Keeps who has a session, and how sessions ended, over a restart. */
  readonly ledger: Ledger;
  /** Whether what survives of this installation is this server's alone: then it takes it over, or ends it. */
  readonly ownsSurvivors: boolean;
  /** Sandboxes that were booted ahead; each becomes the session's whose id it was booted under. */
  readonly pool?: Pool | undefined;
  readonly templates: readonly Template[];
  readonly flavors: Flavors;
  readonly defaultFlavor: Flavor;
  readonly limits: SessionsLimits;
};

export type SessionsLimits = SessionLimits & {
  readonly startTimeoutMs: number;
  readonly cleanupIntervalMs: number;
  readonly orphanCleanupIntervalMs: number;
  /** For runs that name no time of their own. */
  readonly executionTimeoutMs: number;
};

export type RunInSession = {
  readonly principal: string;
  readonly kind: "code" | "command";
  readonly source: string;
  /** Undefined: a new session. */
  readonly sessionId: string | undefined;
  /** Undefined: the session's, or `defaultTemplate` and the default flavor for a new one. */
  readonly template: string | undefined;
  readonly flavor: Flavor | undefined;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
  /** What a long boot is doing, a short line each. */
  readonly onProgress?: ((message: string) => void) | undefined;
  readonly onOutput?: (stream: Stream, bytes: Uint8Array) => void;
};

export type Ran = {
  readonly session: SessionView;
  readonly created: boolean;
  readonly outcome: Outcome;
  readonly phases: Phases;
  /** Why the session has not long to live, in words; undefined if it has. */
  readonly endsSoon: string | undefined;
};

export type Stopped =
  | { readonly stopped: true }
  /** It ends, and its sandbox has not ended yet. */
  | { readonly stopped: false; readonly why: string; readonly absence: "stopping" }
  | { readonly stopped: false; readonly why: string; readonly absence: Absence };

/** A session to run in, and what the call waited for until it was one. */
type Ready = {
  readonly session: Session;
  /** To be called once something has been started in it. */
  readonly release: () => void;
  readonly waited: Omit<Phases, "runMs"> | undefined;
};

/** A session that lives no longer than this unless it is used says so. Milliseconds. */
const soonMs = 120_000;
/** How long a stop is waited for before its caller is told that it goes on: callers have time limits of their own. Milliseconds. */
const stopWaitMs = 30_000;

export class Sessions implements AsyncDisposable {
  readonly #options: SessionsOptions;
  readonly #table: SessionTable;
  readonly #reaper: AsyncDisposable;
  readonly #orphans: Orphans | undefined;
  #restarting: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  /** Runs that have not ended, those that wait for a boot or a turn included. */
  #running = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#table = new SessionTable(options);
    this.#reaper = startReaper(options.clock, options.limits.cleanupIntervalMs, () => this.#table.endExpired());
    const { survivors } = options.host;
    if (survivors === undefined || !options.ownsSurvivors) return;
    const { clock, emit, limits, ledger } = options;
    this.#orphans = new Orphans({
      ...{ survivors, clock, emit, intervalMs: limits.orphanCleanupIntervalMs },
      isClaimed: (survivor) => this.#isClaimed(survivor),
      isOver: ({ sessionId }) => sessionId !== null && ledger.endings.has(sessionId),
    });
  }

  /**
   * Takes up what an earlier process has left: once, before anything is run. Sessions whose sandboxes may live are `starting` from now on, all
   * others are told lost. Orphans are looked for when that is done.
   */
  restart(): void {
    const { host, ownsSurvivors, ledger, clock, emit, limits, templates } = this.#options;
    const survivors = ownsSurvivors ? host.survivors : undefined;
    const nowMs = clock.now();
    const { sessionTimeoutMs, startTimeoutMs } = limits;
    const before = ledger.open;
    const warning = clockWarning(before, nowMs);
    if (warning !== undefined) emit({ type: "server.warning", message: warning });
    const returning = before.flatMap((entry) => {
      const fate = fateOf(entry, { nowMs, sessionTimeoutMs, templates, canSurvive: survivors !== undefined });
      if (fate.kind === "returns") return [this.#expect(entry, fate)];
      ledger.ended(entry.sessionId, fate.ending);
      emit(closedEvent(entry, fate.ending));
      return [];
    });
    if (survivors === undefined) return;
    this.#restarting = takeOver(returning, {
      ...{ survivors, clock, emit, startTimeoutMs, signal: this.#closing.signal },
      onAdopted: (session, sandbox, adoptMs) => {
        const { id: sessionId, template, flavor } = session;
        this.#table.adopt(session, sandbox, false);
        emit({ type: "sandbox.adopted", sessionId, template, flavor, adoptMs });
      },
      onLost: (session, why) => this.#table.lose(session, why),
    }).then(() => this.#orphans?.start());
  }

  /** What there is now, whoever's it is: for the operator. */
  get population(): readonly Pick<SessionView, "status" | "template">[] {
    return this.#table.all().map(({ status, template }) => ({ status, template }));
  }

  /** What the operator should know now, a sentence each; safe to show to anybody. */
  get warnings(): readonly string[] {
    const hindrance = this.#orphans?.hindrance;
    return hindrance === undefined ? [] : [hindrance];
  }

  /** What is taken of what there is, for the operator too. */
  get counts() {
    const { waiting, memoryMib, limits } = this.#options.admission.usage;
    const { maxSessions: limit, maxTotalMemoryMib: memoryLimitMib } = limits;
    return { active: this.#table.size, limit, waiting, memoryMib, memoryLimitMib };
  }

  /**
   * Runs code or a command line in the named session, or in a new one.
   *
   * Throws Failure `session_not_found`, `invalid_arguments` (a template or flavor that contradicts the session's, or is unknown), `limit_reached`,
   * `sandbox_creation`, `connection`, `configuration`, `code_execution`, `command_execution`; the signal's reason if that
   * aborts before the run begins.
   */
  async run(request: RunInSession): Promise<Ran> {
    if (this.#drained !== undefined) throw shuttingDown();
    this.#running++;
    try {
      return await this.#run(request);
    } finally {
      this.#running--;
      this.#tellIfDrained();
    }
  }

  #tellIfDrained(): void {
    if (this.#running === 0) this.#drained?.resolve();
  }

  async #run(request: RunInSession): Promise<Ran> {
    const { session, release, waited } =
      request.sessionId === undefined ? await this.#open(request) : this.#findFor(request.sessionId, request);
    const timeoutMs = request.timeoutMs ?? this.#options.limits.executionTimeoutMs;
    const executing = session.execute({ ...request, timeoutMs, waited });
    // From here on the execution itself keeps the session busy.
    release();
    const executed = await executing.catch((error: unknown) => {
      if (error instanceof SandboxStuck) this.#table.lose(session, "it did not end a run that it was asked to end");
      throw error;
    });
    const endsSoon = this.#endsSoon();
    return { session: session.view, created: request.sessionId === undefined, ...executed, endsSoon };
  }

  /** The principal's sessions, oldest first; only the named one if an id is given, none if that is not active. */
  list(principal: string, sessionId?: string): readonly SessionView[] {
    const own = this.#table.all().filter((session) => session.principal === principal && !session.isExpired);
    return own.filter(({ id }) => sessionId === undefined || id === sessionId).map((session) => session.view);
  }

  /** Resolves once the sandbox is gone, or with that it is not yet. */
  async stop(principal: string, sessionId: string): Promise<Stopped> {
    const { clock } = this.#options;
    const active = this.#table.active(principal, sessionId);
    const session = active ?? this.#table.ending(principal, sessionId);
    if (session !== undefined) {
      await within(this.#table.end(session, "stopped"), stopWaitMs, clock);
      if (this.#table.has(sessionId)) return { stopped: false, why: stillThere(sessionId), absence: "stopping" };
      if (active !== undefined) return { stopped: true };
    }
    const absence = this.#absence(sessionId, principal);
    return { stopped: false, why: tellAbsence(sessionId, absence, clock.now()), absence };
  }

  /** From now on nothing new is run; resolves when what runs has ended. */
  drain(): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    this.#tellIfDrained();
    return this.#drained.promise;
  }

  /** Ends every session, and opens no more. What runs is canceled. */
  async [Symbol.asyncDispose](): Promise<void> {
    void this.drain();
    this.#options.admission.close(shuttingDown());
    this.#closing.abort();
    this.#options.host.windDown?.();
    await this.#reaper[Symbol.asyncDispose]();
    await this.#orphans?.[Symbol.asyncDispose]();
    await Promise.all(this.#table.all().map((session) => this.#table.end(session, "shutdown")));
    await this.#restarting;
  }

  #absence(sessionId: string, principal: string): Absence {
    const { clock, installationId, ledger } = this.#options;
    const { endings } = ledger;
    const ending = endings.find(sessionId, principal, clock.now());
    if (ending !== undefined) return ending;
    const origin = originOf(sessionId, installationId);
    const { forgottenSince } = endings;
    return origin === "ours" && forgottenSince !== undefined ? { forgottenSince } : origin;
  }

  #endsSoon(): string | undefined {
    const { sessionTimeoutMs } = this.#options.limits;
    if (this.#drained !== undefined) return "the server is shutting down, and this session ends with it";
    return sessionTimeoutMs <= soonMs ? `ends ${Math.round(sessionTimeoutMs / 1000)} s after its last use` : undefined;
  }

  #isClaimed({ name, sessionId, isStray = false }: Survivor): boolean {
    if (isStray) return false;
    const pooled = this.#options.pool?.members() ?? [];
    // Where a backend does not tell whose a sandbox is, one that was booted ahead cannot be told from an orphan.
    if (sessionId === null)
      return pooled.length > 0 || this.#table.all().some((session) => session.sandboxName === name);
    return this.#table.has(sessionId) || pooled.includes(sessionId);
  }

  #findFor(sessionId: string, request: RunInSession): Ready {
    const session = this.#table.active(request.principal, sessionId);
    if (session === undefined) {
      throw sessionNotFound(sessionId, this.#absence(sessionId, request.principal), this.#options.clock.now());
    }
    refuseOther("template", request.template, session.template, sessionId);
    refuseOther("flavor", request.flavor, session.flavor, sessionId);
    return { session, release: session.hold(), waited: undefined };
  }

  async #open(request: RunInSession): Promise<Ready> {
    const { clock, emit, templates, flavors, defaultFlavor } = this.#options;
    const template = findTemplate(templates, request.template ?? defaultTemplate(templates));
    const flavor = request.flavor ?? defaultFlavor;
    if (request.signal.aborted) throw request.signal.reason;
    const cameMs = clock.monotonicMs();
    const need = { principal: request.principal, memoryMib: flavors[flavor].memoryMib };
    const ahead = this.#takeAhead(template, flavor, need);
    const asking = { ...need, what: `a new ${flavor} session` };
    const place = ahead?.place ?? (await this.#options.admission.reserve(asking, request.signal));
    const queueMs = clock.monotonicMs() - cameMs;
    if (this.#closing.signal.aborted) {
      place.free();
      throw shuttingDown();
    }
    const session = this.#begin(request.principal, template, flavor, place, ahead?.sessionId);
    const release = session.hold();
    if (ahead !== undefined) {
      this.#opened(session, ahead.sandbox, { bootMs: 0, isAhead: true });
      return { session, release, waited: undefined };
    }
    try {
      const { onProgress, signal } = request;
      const spec = { sessionId: session.id, template, resources: flavors[flavor], onProgress };
      const { sandbox, bootMs } = await bootFor(session, spec, signal, this.#options);
      this.#opened(session, sandbox, { bootMs, isAhead: false });
      return { session, release, waited: { queueMs, bootMs } };
    } catch (error) {
      release();
      emit({ type: "session.failed", sessionId: session.id, ...whyFailed(error, request.signal) });
      void this.#table.end(session, "lost", "its sandbox never started");
      throw error;
    }
  }

  #takeAhead(template: Template, flavor: Flavor, need: Need): Ahead | undefined {
    const { pool, admission } = this.#options;
    return pool !== undefined && admission.mayTakeOver(need) ? pool.take(template.name, flavor) : undefined;
  }

  #begin(principal: string, { name: template }: Template, flavor: Flavor, place: Place, ahead?: string): Session {
    const { clock, installationId, ledger } = this.#options;
    const sessionId = ahead ?? newSessionId(installationId);
    const createdAt = clock.now();
    const entry = { sessionId, principal, template, flavor, createdAt, lastUsed: createdAt };
    // Before anybody can see the id.
    ledger.opened({ ...entry, executions: 0, sandboxName: null });
    return this.#table.add({ id: sessionId, principal, template, flavor, createdAt }, place);
  }

  /** One of an earlier process, whose sandbox may live. */
  #expect(entry: Entry, { template, sandboxName }: Returns): Returning {
    const { flavors, admission } = this.#options;
    const { sessionId: id, principal, flavor, createdAt } = entry;
    const resources = flavors[flavor];
    const place = admission.restore({ principal, memoryMib: resources.memoryMib });
    const session = this.#table.add({ id, principal, template: template.name, flavor, createdAt, past: entry }, place);
    return { session, sandboxName, spec: { sessionId: id, template, resources } };
  }

  #opened(session: Session, sandbox: Sandbox, how: { readonly bootMs: number; readonly isAhead: boolean }): void {
    this.#table.adopt(session, sandbox, true);
    const { id: sessionId, principal, template, flavor } = session;
    this.#options.emit({ type: "session.opened", sessionId, principal, template, flavor, ...how });
  }
}

/** For the log: a caller who left is no failure of the sandbox. */
function whyFailed(error: unknown, callerLeaves: AbortSignal) {
  if (callerLeaves.aborted && !(error instanceof Failure)) return { reason: "canceled" };
  return { reason: error instanceof Error ? error.message : String(error), cause: causeOf(error) };
}

function stillThere(sessionId: string): string {
  return `${sessionId} is stopping; its sandbox has not ended within ${stopWaitMs / 1000} s, and is asked to until it has`;
}

function shuttingDown(): Failure {
  return new Failure("sandbox_creation", "the server is shutting down.");
}
