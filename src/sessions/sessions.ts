// Sessions as their callers know them: opened once, found for their principal only, stopped, and told how they ended.

import { within } from "../clock.ts";
import type { Survivor } from "../sandbox/port.ts";
import type { Draining } from "./draining.ts";
import { type Absence, sessionNotFound, tellAbsence } from "./endings.ts";
import type { Execution, ExecutionView } from "./executions/execution.ts";
import type { Executions } from "./executions/executions.ts";
import type { RunSize } from "./executions/limits.ts";
import { type FilesRequest, FileUses, type SessionFiles } from "./files.ts";
import { originOf } from "./ids.ts";
import type { Entry } from "./ledger-rows.ts";
import { refuseOther } from "./matching.ts";
import { Openings, type OpenRequest } from "./opening.ts";
import type { SessionsOptions } from "./options.ts";
import { Orphans } from "./orphans.ts";
import { startReaper } from "./reaper.ts";
import { shuttingDown } from "./refusal.ts";
import { closedEvent } from "./reports.ts";
import { clockWarning, fateOf, type Returning, type Returns, takeOver } from "./restart.ts";
import { type Left, type Ran, type RunInSession, Runs } from "./runs.ts";
import type { Session, SessionView } from "./session.ts";
import { Stillness } from "./stillness.ts";
import { SessionTable } from "./table.ts";

export type Stopped =
  | { readonly stopped: true }
  /** It ends, and its sandbox has not ended yet. */
  | { readonly stopped: false; readonly why: string; readonly absence: "stopping" }
  | { readonly stopped: false; readonly why: string; readonly absence: Absence };

/** A session that lives no longer than this unless it is used says so. Milliseconds. */
const soonMs = 120_000;
/** How long a stop is waited for before its caller is told that it goes on: callers have time limits of their own. Milliseconds. */
const stopWaitMs = 30_000;

/** How much of an execution's last output a killed server may have had in memory only. Milliseconds. */
const flushIntervalMs = 1000;

/** How old what is written of a busy session's last use may be, as a part of the time that an idle one has. */
const noteShare = 1 / 10;

export class Sessions implements AsyncDisposable {
  readonly #options: SessionsOptions;
  readonly #table: SessionTable;
  readonly #reaper: AsyncDisposable;
  readonly #flusher: AsyncDisposable | undefined;
  readonly #noter: AsyncDisposable | undefined;
  readonly #orphans: Orphans | undefined;
  #restarting: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  /** Aborts when what outlasts this server is not to be waited for any more. */
  readonly #parting = new AbortController();
  readonly #executions: Executions;
  readonly #openings: Openings;
  readonly #runs: Runs;
  readonly #fileUses: FileUses;

  constructor(options: SessionsOptions) {
    this.#options = options;
    const { clock, emit, limits, executions } = options;
    this.#executions = executions;
    this.#table = new SessionTable({ ...options, onGone: ({ id }) => executions.forgetSession(id) });
    this.#openings = new Openings({ ...options, table: this.#table, closing: this.#closing.signal });
    this.#runs = new Runs({
      ...{ executions, clock, executionTimeoutMs: limits.executionTimeoutMs },
      sizeOf: (session) => this.#sizeOf(session),
      limits,
      open: (request) => this.#openings.open(request),
      find: (request) => this.#findFor(request),
      endsSoon: () => this.#endsSoon(),
      onStuck: (session) => this.#table.lose(session, "it did not end a run that it was asked to end"),
    });
    this.#fileUses = new FileUses({
      open: (request) => this.#openings.open(request),
      find: (request) => this.#findFor(request),
    });
    options.draining.atDeadline(() => {
      if (!this.#runs.isParting) void this.#endAll();
    });
    const stillness = new Stillness(limits.sessionTimeoutMs, clock);
    this.#reaper = startReaper(clock, limits.cleanupIntervalMs, () => {
      this.#table.endExpired();
      void stillness.endStill(this.#table);
    });
    const { survivors } = options.host;
    if (survivors === undefined || !options.ownsSurvivors) return;
    this.#flusher = startReaper(options.clock, flushIntervalMs, () => this.#executions.flush());
    this.#noter = startReaper(clock, limits.sessionTimeoutMs * noteShare, () => this.#table.noteBusy());
    const { ledger } = options;
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
    void this.#executions.sweep(new Set(returning.map(({ session }) => session.id)));
    if (survivors === undefined) return;
    this.#restarting = takeOver(returning, {
      ...{ survivors, clock, emit, startTimeoutMs, signal: this.#closing.signal },
      onAdopted: (session, sandbox, adoptMs) => {
        if (session.isLetGo) return void sandbox.letGo?.();
        const { id: sessionId, template, flavor } = session;
        this.#table.adopt(session, sandbox, false);
        emit({ type: "sandbox.adopted", sessionId, template, flavor, adoptMs });
      },
      onLost: (session, why) => this.#table.lose(session, why),
    }).then(() => this.#orphans?.start());
  }

  #expect(entry: Entry, fate: Returns): Returning {
    const { session, sandboxName, spec } = this.#openings.expect(entry, fate);
    const on = this.#executions.restore(session.id, this.#sizeOf(session));
    for (const execution of on) this.#runs.goOn(execution, session);
    return { session, sandboxName, spec: { ...spec, resumes: on.map(({ id }) => id) } };
  }

  /** What there is now, and whose it is: for the operator. */
  get census(): readonly (SessionView & { readonly principal: string })[] {
    return this.#table.all().map(({ view, principal }) => ({ ...view, principal }));
  }

  /** Every session there is now is lost, and `why` is told of each. Resolves when nothing of their sandboxes is left. */
  async loseAll(why: string): Promise<void> {
    await Promise.all(
      this.#table.all().map((session) => {
        this.#table.lose(session, why);
        return this.#table.end(session, "lost", why);
      }),
    );
  }

  /** What the operator should know now, a sentence each; safe to show to anybody. */
  get warnings(): readonly string[] {
    const hindrance = this.#orphans?.hindrance;
    return hindrance === undefined ? [] : [hindrance];
  }

  /** What is taken of what there is, for the operator too. */
  get counts() {
    const { waiting, memoryMib, aheadMemoryMib, limits } = this.#options.admission.usage;
    const { maxSessions: limit, maxTotalMemoryMib: memoryLimitMib } = limits;
    return { active: this.#table.size, limit, waiting, memoryMib, aheadMemoryMib, memoryLimitMib };
  }

  /**
   * Runs code or a command line in the named session, or in a new one, to its end: it is told as left running only where it outlasts this server, which is
   * about to end.
   *
   * Throws Failure `session_not_found`, `invalid_arguments` (a template or flavor that contradicts the session's, or is unknown), `limit_reached`,
   * `sandbox_creation`, `connection`, `configuration`, `code_execution`, `command_execution`; the signal's reason if that
   * aborts before the run begins.
   */
  run(request: RunInSession): Promise<Ran | Left> {
    return this.#runs.run(request);
  }

  /** The same, but a run that is not over after `waitMs` goes on, and is told as left running. */
  runFor(waitMs: number, request: RunInSession): Promise<Ran | Left> {
    return this.#runs.runFor(waitMs, request);
  }

  /**
   * Lets `use` have the files of the named session, or of a new one, which is busy meanwhile.
   *
   * Throws as `run`, but for what only runs throw; and what `use` throws.
   */
  withFiles<T>(request: FilesRequest, use: (files: SessionFiles) => Promise<T>): Promise<T> {
    return this.#fileUses.with(request, use);
  }

  /** Throws Failure `execution_not_found`. */
  execution(principal: string, executionId: string): Execution {
    const execution = this.#executions.find(principal, executionId);
    execution.isAskedFor();
    return execution;
  }

  /** Resolves when an execution with an open stdin has started, has ended, or neither by then; else at once. */
  async untilInputCan(execution: Execution, waitMs: number, signal: AbortSignal): Promise<void> {
    if (execution.stdin === "open") await this.waitFor(execution, () => execution.isReached, waitMs, signal);
  }

  /** Gives an execution input (`Execution.input`), and waits for it to be taken no longer than `waitMs`: it goes on being given. */
  async giveInput(execution: Execution, text: string | undefined, isLast: boolean, waitMs: number): Promise<void> {
    await within(execution.input(text, isLast), waitMs, this.#options.clock);
  }

  /**
   * An execution that has ended, as the call that waits for its end is told.
   *
   * Throws its Failure; Failure `execution_not_found` if it is forgotten meanwhile; what reading its output throws.
   */
  async ranAs(execution: Execution): Promise<Ran> {
    const { end, principal, sessionId, view } = execution;
    if (end === undefined) throw new Error("the execution has not ended");
    if ("failure" in end) throw end.failure;
    const { stdout, stderr, displays } = await execution.output.reread();
    const session = this.#table.active(principal, sessionId) ?? this.#table.ending(principal, sessionId);
    if (session === undefined) {
      // Throws: its session has taken it along.
      this.execution(principal, execution.id);
      throw new Error("the session of an execution that is remembered has gone");
    }
    const told = { session: session.view, created: execution.startedSession, execution: view, late: [] };
    const outcome = {
      ...{ ...end.outcome, stdout: stdout.text, stdoutTruncatedBytes: stdout.truncatedBytes },
      ...{ stderr: stderr.text, stderrTruncatedBytes: stderr.truncatedBytes, displays },
    };
    return { ...told, status: "ended", endsSoon: this.#endsSoon(), outcome, phases: end.phases };
  }

  /** Resolves at the execution's end, at output that `isNews` says is worth it, when the time is over, or when the signal aborts. */
  async waitFor(execution: Execution, isNews: () => boolean, waitMs: number, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    let isOver = false;
    let wake = () => {};
    const end = () => {
      isOver = true;
      wake();
    };
    const over = AbortSignal.any([done.signal, signal, this.#parting.signal]);
    this.#options.clock.sleep(waitMs, over).then(end, end);
    try {
      // One promise for each change: a race against the time would gather a reaction there for each.
      while (!isOver && execution.status !== "ended" && !isNews()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          void execution.nextChange().then(resolve);
        });
      }
    } finally {
      done.abort("over");
    }
  }

  /** Of a session, the oldest first: the last `rememberedExecutions`. */
  executionsOf(sessionId: string): readonly ExecutionView[] {
    return this.#executions.ofSession(sessionId).map(({ view }) => view);
  }

  /** Why a session is not active, and in words; undefined if it is, or its sandbox has not ended yet. */
  whyNotActive(principal: string, sessionId: string): { readonly why: string; readonly absence: Absence } | undefined {
    if ((this.#table.active(principal, sessionId) ?? this.#table.ending(principal, sessionId)) !== undefined)
      return undefined;
    const absence = this.#absence(sessionId, principal);
    return { why: tellAbsence(sessionId, absence, this.#options.clock.now()), absence };
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

  /** Whether new sessions are taken, and the switch of it. */
  get draining(): Draining {
    return this.#options.draining;
  }

  /** Resolves once nothing of any session is left. */
  untilEmpty(): Promise<void> {
    return this.#table.untilEmpty();
  }

  /** From now on nothing new is run; resolves when what runs has ended. */
  async drain(): Promise<void> {
    await Promise.all([this.#runs.drain(), this.#fileUses.drain()]);
  }

  /** Whether sandboxes can go on for the next server of this installation. */
  get canBeKept(): boolean {
    const { host, ownsSurvivors } = this.#options;
    return ownsSurvivors && host.survivors?.canAdopt === true;
  }

  /**
   * The server is about to end, and leaves what it can to the next one: callers who wait for what outlasts it are told that it goes on. Resolves when
   * nothing is on that does not.
   */
  async part(): Promise<void> {
    this.#parting.abort();
    await Promise.all([this.#runs.part(), this.#fileUses.drain(), this.#restarting]);
  }

  /** Cancels what would not outlast the server. */
  cancelRest(): void {
    this.#runs.cancelRest();
  }

  /** To be called after `part`, and before this is disposed of: sessions whose sandboxes can go on are the next server's, and are not ended. */
  async letGo(): Promise<void> {
    const sessions = await this.#table.letGo();
    this.#executions.flush();
    this.#options.emit({ type: "sessions.kept", sessions, ended: this.#table.size });
  }

  /** Ends every session that was not let go, and opens no more. What runs is canceled. */
  async [Symbol.asyncDispose](): Promise<void> {
    void this.drain();
    this.#options.draining.close();
    this.#options.admission.close(shuttingDown());
    this.#closing.abort();
    this.#options.host.windDown?.();
    await this.#reaper[Symbol.asyncDispose]();
    await this.#flusher?.[Symbol.asyncDispose]();
    await this.#noter?.[Symbol.asyncDispose]();
    await this.#orphans?.[Symbol.asyncDispose]();
    await this.#endAll();
    // What is being taken over has been let go otherwise.
    if (!this.#runs.isParting) await this.#restarting;
  }

  async #endAll(): Promise<void> {
    await Promise.all(this.#table.all().map((session) => this.#table.end(session, "shutdown")));
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

  #sizeOf({ flavor }: Session): RunSize {
    return { flavor, memoryMib: this.#options.flavors[flavor].memoryMib };
  }

  #endsSoon(): string | undefined {
    const { sessionTimeoutMs } = this.#options.limits;
    if (this.#runs.isParting) return "the server stops and keeps this session: go on with it once the server is back";
    if (this.#runs.isDraining) return "the server is shutting down, and this session ends with it";
    const { draining, clock } = this.#options;
    if (draining.deadlineAt !== undefined) {
      const leftS = Math.max(0, Math.round((draining.deadlineAt - clock.now()) / 1000));
      return `the server is to be taken out of service, and this session ends with it in ${leftS} s at the latest`;
    }
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

  #findFor({ sessionId, principal, template, flavor }: Naming): Session {
    const session = this.#table.active(principal, sessionId);
    if (session === undefined) {
      throw sessionNotFound(sessionId, this.#absence(sessionId, principal), this.#options.clock.now());
    }
    refuseOther("template", template, session.template, sessionId);
    refuseOther("flavor", flavor, session.flavor, sessionId);
    return session;
  }
}

type Naming = Pick<OpenRequest, "principal" | "template" | "flavor"> & { readonly sessionId: string };

function stillThere(sessionId: string): string {
  return `${sessionId} is stopping; its sandbox has not ended within ${stopWaitMs / 1000} s, and is asked to until it has`;
}
