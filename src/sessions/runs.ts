// Calls that run something: in a session of their own or a named one, until the run ends or its caller will not wait any longer. Then it
// goes on, and is found by its id.

import type { Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import type { Flavor } from "../sandbox/flavors.ts";
import type { Stream } from "../sandbox/port.ts";
import type { Execution, ExecutionEnd, ExecutionView, Late } from "./executions/execution.ts";
import type { Executions } from "./executions/executions.ts";
import { LeftCount, type LeftRunningLimits } from "./executions/left-count.ts";
import type { RunSize } from "./executions/limits.ts";
import { noPhases, type Outcome, type Phases, type Remembered } from "./executions/outcome.ts";
import type { Output } from "./executions/output.ts";
import { SandboxStuck } from "./executions/run.ts";
import type { Opening, OpenRequest } from "./opening.ts";
import { Parting } from "./parting.ts";
import { shuttingDown } from "./refusal.ts";
import type { Executed, Session, SessionView } from "./session.ts";

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
  readonly stdin?: "empty" | "open" | undefined;
  /** Aborting cancels the run, as long as it is waited for. */
  readonly signal: AbortSignal;
  /** What a long boot is doing, a short line each. */
  readonly onProgress?: ((message: string) => void) | undefined;
  /** As long as it is waited for. */
  readonly onOutput?: (stream: Stream, bytes: Uint8Array) => void;
};

type Told = {
  readonly session: SessionView;
  readonly created: boolean;
  readonly execution: ExecutionView;
  /** What earlier executions of the session have written in the background since a result told so. */
  readonly late: readonly Late[];
  /** Why the session has not long to live, in words; undefined if it has. */
  readonly endsSoon: string | undefined;
};

export type Ran = Told & { readonly status: "ended"; readonly outcome: Outcome; readonly phases: Phases };

/** It goes on. */
export type Left = Told & { readonly status: "running"; readonly left: LeftRunning };

export type LeftRunning = Output & {
  readonly status: "queued" | "running";
  /** Of what it waits for while it is queued, the end of a sentence. */
  readonly waitsFor: string | undefined;
  /** Milliseconds since its call came. */
  readonly waitedMs: number;
};

export type RunsOptions = {
  readonly executions: Executions;
  readonly clock: Clock;
  /** For runs that name no time of their own. */
  readonly executionTimeoutMs: number;
  readonly limits: LeftRunningLimits;
  readonly open: (request: OpenRequest) => Promise<Opening>;
  /** Throws Failure `session_not_found` or `invalid_arguments`. */
  readonly find: (request: RunInSession & { readonly sessionId: string }) => Session;
  readonly endsSoon: () => string | undefined;
  readonly sizeOf: (session: Session) => RunSize;
  /** Its sandbox did not end a run. */
  readonly onStuck: (session: Session) => void;
};

type Begun = {
  readonly execution: Execution;
  readonly session: Session;
  readonly running: Promise<Executed>;
  /** Resolves once the server is about to end, and the execution outlasts it. */
  readonly outlasting: Promise<undefined>;
  /** As things are when it is called. */
  readonly tell: () => Told;
};

export class Runs {
  readonly #options: RunsOptions;
  /** Calls that have not been answered, and executions that have not ended. */
  #open = 0;
  readonly #leftRunning: LeftCount;
  #drained: PromiseWithResolvers<void> | undefined;
  readonly #parting: Parting;

  constructor(options: RunsOptions) {
    this.#options = options;
    this.#parting = new Parting(options.clock);
    this.#leftRunning = new LeftCount(options.limits, options.executions);
  }

  get isDraining(): boolean {
    return this.#drained !== undefined;
  }

  /** From now on nothing new is run; resolves when what runs has ended. */
  drain(): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    if (this.#open === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  /**
   * The server is about to end: calls whose executions outlast it are told that they go on. Resolves when no call waits, and nothing is on that does not
   * outlast the server. What comes in meanwhile is run.
   */
  part(): Promise<void> {
    return this.#parting.begin();
  }

  get isParting(): boolean {
    return this.#parting.hasBegun;
  }

  /** Cancels what would not outlast the server. */
  cancelRest(): void {
    this.#parting.cancelRest();
  }

  /** Waits for its end. Throws what `Sessions.run` does, as the next one. */
  async run(request: RunInSession): Promise<Ran | Left> {
    const { clock } = this.#options;
    const cameMs = clock.monotonicMs();
    return await this.#call(request, async ({ execution, running, outlasting, tell }) => {
      const executed = await Promise.race([running, outlasting]);
      if (executed !== undefined) return { ...tell(), status: "ended", ...executed };
      this.#isLeft(execution);
      return { ...tell(), status: "running", left: leftRunning(execution, clock.monotonicMs() - cameMs) };
    });
  }

  /** Waits so long for its end, from now on, and then lets it go on. */
  async runFor(waitMs: number, request: RunInSession): Promise<Ran | Left> {
    const { clock } = this.#options;
    const cameMs = clock.monotonicMs();
    // Known before anything is begun; who waits may never come to it.
    if (waitMs === 0) this.#leftRunning.refuseTooMany(request, "begin");
    return await this.#call(request, async ({ execution, session, running, outlasting, tell }) => {
      const either = Promise.race([running, outlasting]);
      const executed = await this.#unlessLate(either, Math.max(0, waitMs - (clock.monotonicMs() - cameMs)));
      if (executed !== undefined) return { ...tell(), status: "ended", ...executed };
      if (this.isParting && session.outlasts(execution)) this.#isLeft(execution);
      else this.#leave(execution);
      const left = leftRunning(execution, clock.monotonicMs() - cameMs);
      return { ...tell(), status: "running", left };
    });
  }

  /**
   * Goes on with what an earlier process had left running in a session that waits for its sandbox: before anything else is run there. If the sandbox
   * does not go on with it, it is told as failed.
   */
  goOn(execution: Execution, session: Session): void {
    this.#isLeft(execution);
    const opening = { session, release: session.hold(), boot: () => Promise.resolve(undefined) };
    this.#counted(() => this.#carryOut(execution, opening)).catch(() => undefined);
  }

  async #call<T>(request: RunInSession, attend: (begun: Begun) => Promise<T>): Promise<T> {
    if (this.#drained !== undefined) throw shuttingDown();
    const { executions } = this.#options;
    const call = async () => {
      const opening = await this.#openingFor(request);
      const { session } = opening;
      const execution = this.#begin(request, session);
      const cancel = () => execution.cancel(request.signal.reason);
      request.signal.addEventListener("abort", cancel, { once: true });
      if (request.signal.aborted) cancel();
      execution.listen(request.onOutput);
      using waiting = this.#parting.waitFor(execution, session);
      try {
        const running = this.#counted(() => this.#carryOut(execution, opening));
        // Of one that was left running, its end is told by its id.
        running.catch(() => undefined);
        const tell = () => ({
          ...{
            session: session.view,
            created: execution.startedSession,
            execution: execution.view,
            endsSoon: this.#options.endsSoon(),
          },
          late: executions.takeLate(session.id),
        });
        return await attend({ execution, session, running, outlasting: waiting.outlasting, tell });
      } finally {
        request.signal.removeEventListener("abort", cancel);
        execution.listen(undefined);
      }
    };
    return await this.#counted(() => this.#parting.called(call));
  }

  async #openingFor(request: RunInSession): Promise<Opening> {
    const { open, find } = this.#options;
    const { sessionId } = request;
    if (sessionId === undefined) return await open(request);
    const session = find({ ...request, sessionId });
    return { session, release: session.hold(), boot: () => Promise.resolve(undefined) };
  }

  #begin(request: RunInSession, session: Session): Execution {
    const { executions, executionTimeoutMs, sizeOf } = this.#options;
    const { principal, kind, source, timeoutMs = executionTimeoutMs, stdin = "empty" } = request;
    const own = { principal, kind, source, stdin, timeoutMs, startedSession: request.sessionId === undefined };
    return executions.begin({ ...own, sessionId: session.id, size: sizeOf(session) });
  }

  /** Undefined once the time is over. */
  async #unlessLate<T>(running: Promise<T>, waitMs: number): Promise<T | undefined> {
    const done = new AbortController();
    const late = this.#options.clock.sleep(waitMs, done.signal).catch(() => undefined);
    try {
      return await Promise.race([running, late.then(() => undefined)]);
    } finally {
      done.abort("over");
    }
  }

  async #carryOut(execution: Execution, { session, boot, release }: Opening): Promise<Executed> {
    return await this.#parting.carriedOut(execution, session, async () => {
      try {
        const executing = session.execute(execution, boot);
        // From here on the execution itself keeps the session busy.
        release();
        const executed = await executing;
        execution.settle(withoutOutput(executed));
        return executed;
      } catch (error) {
        if (error instanceof SandboxStuck) this.#options.onStuck(session);
        execution.settle(endOf(error, execution));
        throw error;
      }
    });
  }

  /** Throws Failure `limit_reached`, and ends it, if no more may be left running. */
  #leave(execution: Execution): void {
    try {
      this.#leftRunning.refuseTooMany(execution, "leave");
    } catch (error) {
      execution.cancel();
      throw error;
    }
    this.#isLeft(execution);
  }

  #isLeft(execution: Execution): void {
    this.#leftRunning.add(execution);
    execution.leaveRunning();
  }

  async #counted<T>(call: () => Promise<T>): Promise<T> {
    this.#open++;
    try {
      return await call();
    } finally {
      this.#open--;
      if (this.#open === 0) this.#drained?.resolve();
    }
  }
}

function leftRunning(execution: Execution, waitedMs: number): LeftRunning {
  const status = execution.status === "queued" ? "queued" : "running";
  return { ...execution.output.read(), status, waitsFor: execution.waitsFor, waitedMs };
}

/** A hundred executions of each session are remembered, and what they wrote is in their spools. */
function withoutOutput({
  outcome: { stdout: _, stderr: __, displays: ___, ...outcome },
  phases,
}: Executed): ExecutionEnd {
  return { outcome, phases };
}

/** Of one that was not carried out: canceled before it began, or failed. */
function endOf(error: unknown, execution: Execution): ExecutionEnd {
  if (error instanceof Failure) return { failure: error };
  if (!execution.signal.aborted) {
    return { failure: new Failure("internal", "the execution failed unexpectedly.", { cause: error }) };
  }
  return { outcome: neverBegun, phases: noPhases };
}

const neverBegun: Remembered = {
  ended: "canceled",
  success: false,
  stdoutBytes: 0,
  stderrBytes: 0,
  stdoutTruncatedBytes: 0,
  stderrTruncatedBytes: 0,
  result: null,
  exitCode: null,
  signal: null,
  durationMs: 0,
  interpreterRestarted: false,
  notices: [],
  changes: undefined,
};
