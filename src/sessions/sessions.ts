// Sessions as their callers know them: opened once, found for their principal only, stopped, and told how they ended.

import { type Clock, within } from "../clock.ts";
import type { Emit } from "../events.ts";
import { Failure } from "../failure.ts";
import type { Flavor, Flavors } from "../sandbox/flavors.ts";
import type { SandboxHost, Stream, Survivor } from "../sandbox/port.ts";
import type { Template } from "../sandbox/templates.ts";
import type { Admission } from "./admission.ts";
import type { Pool } from "./ahead.ts";
import { type Absence, sessionNotFound, tellAbsence } from "./endings.ts";
import { type Outcome, type Phases, SandboxStuck } from "./execution.ts";
import { originOf } from "./ids.ts";
import type { Ledger } from "./ledger.ts";
import type { Entry } from "./ledger-rows.ts";
import { refuseOther } from "./matching.ts";
import { type Opened, Opening } from "./opening.ts";
import { Orphans } from "./orphans.ts";
import { startReaper } from "./reaper.ts";
import { closedEvent } from "./reports.ts";
import { clockWarning, fateOf, type Returning, type Returns, takeOver } from "./restart.ts";
import type { SessionLimits, SessionView } from "./session.ts";
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
  readonly #opening: Opening;
  /** Aborted, with a Failure, when the sessions are ended. */
  readonly #closing = new AbortController();
  /** Runs that have not ended, those that wait for a boot or a turn included. */
  #running = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#table = new SessionTable(options);
    this.#opening = new Opening(options, this.#table, this.#closing.signal);
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
      request.sessionId === undefined ? await this.#opening.open(request) : this.#findFor(request.sessionId, request);
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
    this.#closing.abort(shuttingDown());
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

  #findFor(sessionId: string, request: RunInSession): Opened {
    const session = this.#table.active(request.principal, sessionId);
    if (session === undefined) {
      throw sessionNotFound(sessionId, this.#absence(sessionId, request.principal), this.#options.clock.now());
    }
    refuseOther("template", request.template, session.template, sessionId);
    refuseOther("flavor", request.flavor, session.flavor, sessionId);
    return { session, release: session.hold(), waited: undefined };
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
}

function stillThere(sessionId: string): string {
  return `${sessionId} is stopping; its sandbox has not ended within ${stopWaitMs / 1000} s, and is asked to until it has`;
}

function shuttingDown(): Failure {
  return new Failure("sandbox_creation", "the server is shutting down.");
}
