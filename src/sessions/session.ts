// A caller's claim on one sandbox: its queue of executions, its state, when it was last used, how it ends.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import type { Files } from "../sandbox/files.ts";
import type { Flavor } from "../sandbox/flavors.ts";
import type { Sandbox } from "../sandbox/port.ts";
import type { Ending, EndReason } from "./endings.ts";
import { sessionNotFound } from "./endings.ts";
import type { Execution } from "./executions/execution.ts";
import type { ExecutionLimits } from "./executions/limits.ts";
import type { Outcome, Phases } from "./executions/outcome.ts";
import { run } from "./executions/run.ts";
import { LastUse } from "./last-use.ts";
import { Order, type OrderLimits, unlessAborted } from "./order.ts";
import { closedEvent, executionEvent, type Reported } from "./reports.ts";

export type SessionStatus = "starting" | "ready" | "busy" | "stopping";

export type SessionView = {
  readonly sessionId: string;
  readonly template: string;
  readonly flavor: Flavor;
  readonly status: SessionStatus;
  /** Milliseconds since the epoch, as the two below. */
  readonly createdAt: number;
  readonly lastAccessed: number;
  readonly expiresAt: number;
  readonly executions: number;
};

export type SessionLimits = ExecutionLimits &
  OrderLimits & {
    /** Milliseconds from the end of the last execution. */
    readonly sessionTimeoutMs: number;
  };

export type SessionParts = {
  readonly id: string;
  readonly principal: string;
  readonly template: string;
  readonly flavor: Flavor;
  readonly createdAt: number;
  /** Of a session that an earlier process had. */
  readonly past?: { readonly lastUsed: number; readonly executions: number } | undefined;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Called when it has been used and nothing is on or waiting in it any more. */
  readonly onIdle: (session: Session) => void;
};

/** What a call has waited for before its execution runs. */
export type Waited = Omit<Phases, "runMs">;

/** Resolves with what the call has waited for by then, if that was something. */
export type Boot = (signal: AbortSignal) => Promise<Waited | undefined>;

export type Executed = { readonly outcome: Outcome; readonly phases: Phases };

/** Made before its sandbox boots; then exactly one of `adopt` and `abandon` is called. */
export class Session {
  readonly id: string;
  readonly principal: string;
  readonly template: string;
  readonly flavor: Flavor;
  readonly #createdAt: number;
  readonly #limits: SessionLimits;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #onIdle: (session: Session) => void;
  readonly #order: Order;
  /** Aborted when the session ends, with its Ending: whatever runs or waits in it is to stop. */
  readonly #ending = new AbortController();
  readonly #lastUse: LastUse;
  /** An earlier process had it. */
  readonly #isPast: boolean;
  #isLetGo = false;
  #executions: number;
  /** Callers that have found the session and are about to run something in it. */
  #holds = 0;
  #ended: Promise<void> | undefined;
  #sandbox: Sandbox | undefined;
  /** Resolves when the boot is over, well or badly. */
  readonly #boot = Promise.withResolvers<void>();
  /** Resolves when the boot is over, or the session begins to end: that may be long before. */
  readonly #bootOrEnding: Promise<void>;

  constructor(parts: SessionParts) {
    this.id = parts.id;
    this.principal = parts.principal;
    this.template = parts.template;
    this.flavor = parts.flavor;
    this.#createdAt = parts.createdAt;
    this.#lastUse = new LastUse(parts.clock, parts.past?.lastUsed ?? parts.createdAt);
    this.#isPast = parts.past !== undefined;
    this.#executions = parts.past?.executions ?? 0;
    this.#limits = parts.limits;
    this.#clock = parts.clock;
    this.#emit = parts.emit;
    this.#onIdle = parts.onIdle;
    this.#order = new Order(parts.id, parts.limits);
    const ending = Promise.withResolvers<void>();
    this.#ending.signal.addEventListener("abort", () => ending.resolve(), { once: true });
    this.#bootOrEnding = Promise.race([this.#boot.promise, ending.promise]);
  }

  /** Aborts when the session begins to end; a boot in progress goes by it. */
  get endingSignal(): AbortSignal {
    return this.#ending.signal;
  }

  get status(): SessionStatus {
    if (this.#ending.signal.aborted) return "stopping";
    if (this.#sandbox === undefined) return "starting";
    return this.#order.isBusy || this.#holds > 0 ? "busy" : "ready";
  }

  get view(): SessionView {
    return {
      sessionId: this.id,
      template: this.template,
      flavor: this.flavor,
      status: this.status,
      createdAt: this.#createdAt,
      lastAccessed: this.lastUsed,
      expiresAt: this.expiresAt,
      executions: this.#executions,
    };
  }

  /** Milliseconds since the epoch. A busy session's time starts anew when it is done. */
  get expiresAt(): number {
    return this.#clock.now() + this.#limits.sessionTimeoutMs - this.#idleMs;
  }

  get isExpired(): boolean {
    return this.status === "ready" && this.#idleMs >= this.#limits.sessionTimeoutMs;
  }

  /** Null unless nothing is on or waiting in it. `sinceMs` is by the monotonic clock. */
  get idle(): { readonly sinceMs: number; readonly isExpired: boolean } | null {
    return this.status === "ready" ? { sinceMs: this.#lastUse.monotonicMs, isExpired: this.isExpired } : null;
  }

  /**
   * Since when nothing that was left running in it has written anything or been asked for, by the monotonic clock; null if that is not all there is
   * in it.
   */
  get quietSinceMs(): number | null {
    const left = this.#order.leftAlone;
    if (this.status !== "busy" || this.#holds > 0 || left.length === 0) return null;
    return Math.max(this.#lastUse.monotonicMs, ...left.map(({ lastSignMs }) => lastSignMs));
  }

  /** CPU time that its processes have used. Null where the backend does not tell. Never rejects. */
  async cpuTimeMs(): Promise<number | null> {
    return (await this.#sandbox?.cpuTimeMs?.()) ?? null;
  }

  get #idleMs(): number {
    return this.status === "ready" ? this.#lastUse.agoMs : 0;
  }

  get createdAt(): number {
    return this.#createdAt;
  }

  get executions(): number {
    return this.#executions;
  }

  /** Milliseconds since the epoch. */
  get lastUsed(): number {
    return this.#lastUse.at;
  }

  get sandboxName(): string | undefined {
    return this.#sandbox?.name;
  }

  /** Keeps it from being taken for idle until the returned function is called. */
  hold(): () => void {
    this.#holds++;
    let held = true;
    return () => {
      if (held) this.#holds--;
      held = false;
    };
  }

  /**
   * What its sandbox's user may reach, once that has booted. Whoever uses it holds the session meanwhile, and says `used` afterwards.
   *
   * Throws Failure `session_not_found` if the session has ended; the signal's reason.
   */
  async files(signal: AbortSignal): Promise<Files> {
    if (this.status === "starting") await unlessAborted(this.#bootOrEnding, signal);
    const sandbox = this.#sandbox;
    if (sandbox === undefined || this.#ending.signal.aborted)
      throw sessionNotFound(this.id, this.ending ?? "ours", this.#clock.now());
    return sandbox.files;
  }

  /** Its idle time begins anew. */
  used(): void {
    this.#lastUse.isNow();
    if (this.status === "ready") this.#onIdle(this);
  }

  /** The sandbox has booted. From here on the session ends it. */
  adopt(sandbox: Sandbox, isFresh = true): void {
    this.#sandbox = sandbox;
    if (isFresh) this.#lastUse.isNow();
    this.#boot.resolve();
  }

  /** There will be no sandbox, and nothing is left of the attempt. */
  abandon(): void {
    this.#boot.resolve();
  }

  /**
   * Runs when those before it have run, or have been left running; code when no other code is on. `boot` gives a new session its sandbox meanwhile:
   * what opens the session is before all that comes to it while it boots.
   *
   * Throws Failure `limit_reached` (queue full), `session_not_found` (ended while waiting), `code_execution`, `command_execution`,
   * `connection`; the signal's reason if it is canceled while waiting; what `boot` throws. A run that is on when the session ends is told as canceled.
   */
  async execute(execution: Execution, boot: Boot): Promise<Executed> {
    const entering = this.#order.enter(execution);
    // Awaited below; a boot may take longer than it does to fail.
    entering.catch(() => undefined);
    const before = await boot(execution.signal).catch((error: unknown) => {
      entering.then((leave) => leave()).catch(() => undefined);
      throw error;
    });
    const { queueMs, bootMs } = before ?? notWaited;
    const cameMs = this.#clock.monotonicMs();
    const leave = await entering;
    try {
      return await this.#executeNow(execution, { queueMs: queueMs + this.#clock.monotonicMs() - cameMs, bootMs });
    } finally {
      leave();
      this.used();
    }
  }

  async #executeNow(execution: Execution, waited: Waited): Promise<Executed> {
    const { signal } = execution;
    const cameMs = this.#clock.monotonicMs();
    const isBooting = this.status === "starting";
    // What goes on already is ended in the sandbox, or not at all.
    if (isBooting) await (execution.isResumed ? this.#bootOrEnding : unlessAborted(this.#bootOrEnding, signal));
    const startedMs = this.#clock.monotonicMs();
    const bootMs = isBooting ? startedMs - cameMs : waited.bootMs;
    const sandbox = this.#sandbox;
    const ending = this.#ending.signal;
    if (sandbox === undefined || ending.aborted)
      throw sessionNotFound(this.id, this.ending ?? "ours", this.#clock.now());
    const stop = new AbortController();
    const onStop = () => stop.abort();
    // A run in a sandbox that was lost ends by itself, with what is known of the loss.
    const onEnding = () => {
      if (this.ending?.reason !== "lost") stop.abort();
    };
    ending.addEventListener("abort", onEnding, { once: true });
    signal.addEventListener("abort", onStop, { once: true });
    if (signal.aborted) onStop();
    if (!execution.isResumed) this.#executions++;
    execution.begun();
    const phases = () => ({ queueMs: waited.queueMs, bootMs, runMs: this.#clock.monotonicMs() - startedMs });
    try {
      const outcome = await run(sandbox, execution, stop.signal, this.#clock);
      return { outcome, phases: this.#tell(execution, phases(), outcome) };
    } catch (error) {
      this.#tell(execution, phases(), undefined);
      throw error;
    } finally {
      ending.removeEventListener("abort", onEnding);
      signal.removeEventListener("abort", onStop);
    }
  }

  get #reported(): Reported {
    return { sessionId: this.id, principal: this.principal, template: this.template, flavor: this.flavor };
  }

  #tell(execution: Execution, phases: Phases, outcome: Outcome | undefined): Phases {
    this.#emit(executionEvent(this.#reported, execution, phases, outcome));
    return phases;
  }

  /** Ends the session, stops what runs in it, and resolves when its sandbox is gone. The first reason stays. Never rejects. */
  end(reason: EndReason, detail?: string): Promise<void> {
    this.#ended ??= this.#end({ principal: this.principal, reason, at: this.#clock.now(), detail });
    return this.#ended;
  }

  /** Whether a later process can go on with an execution that has been begun in it. */
  outlasts({ kind, isReached, isResumed }: Execution): boolean {
    // One that is still to be taken over has what the earlier process began.
    if (this.#sandbox === undefined) return this.#isPast && isResumed;
    return isReached && this.#sandbox.lasting?.includes(kind) === true;
  }

  /** It is left for a later process: nothing ends it here any more. */
  get isLetGo(): boolean {
    return this.#isLetGo;
  }

  /** Leaves it for a later process, where that can be: its sandbox goes on. Resolves with whether it does; from then on it is not to be used. */
  async letGo(): Promise<boolean> {
    if (this.#ending.signal.aborted) return false;
    const sandbox = this.#sandbox;
    // One that has not been taken over yet goes on without that.
    if (sandbox === undefined) this.#isLetGo = this.#isPast;
    else if (sandbox.letGo !== undefined) {
      this.#isLetGo = true;
      await sandbox.letGo();
    }
    return this.#isLetGo;
  }

  /** How it ended, or is ending. */
  get ending(): Ending | undefined {
    return this.#ending.signal.aborted ? this.#ending.signal.reason : undefined;
  }

  async #end(ending: Ending): Promise<void> {
    this.#ending.abort(ending);
    this.#order.close(sessionNotFound(this.id, ending, ending.at));
    await this.#boot.promise;
    if (this.#sandbox === undefined) return;
    // port.ts promises that it never rejects; a host that breaks that must not keep the session for ever.
    try {
      await this.#sandbox[Symbol.asyncDispose]();
    } catch (error) {
      this.#emit({
        type: "server.warning",
        message: `The sandbox of ${this.id} could not be ended: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
    this.#emit(closedEvent({ ...this.#reported, createdAt: this.#createdAt, executions: this.#executions }, ending));
  }
}

const notWaited: Waited = { queueMs: 0, bootMs: null };
