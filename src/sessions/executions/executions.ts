// The table of executions: each is found by its principal as long as its session lives, the last hundred of a session.

import type { Clock } from "../../clock.ts";
import { Failure } from "../../failure.ts";
import type { SandboxSpec, Stream } from "../../sandbox/port.ts";
import { type Endings, tellAbsence } from "../endings.ts";
import { newExecutionId, originOf } from "../ids.ts";
import { DisplayRoom } from "./displays.ts";
import { Execution, type ExecutionParts, type Late } from "./execution.ts";
import type { ExecutionLimits, RunSize } from "./limits.ts";
import { noPhases } from "./outcome.ts";
import type { ExecutionRecord } from "./records.ts";
import type { Spools } from "./spools.ts";

/** Of a session, those that have ended: so many are remembered. */
export const rememberedExecutions = 100;
/** Of those that are forgotten, so many are known by their session; the oldest are unknown first. About 200 bytes each. */
const maxForgotten = 10_000;

export type ExecutionsOptions = {
  readonly spools: Spools;
  readonly installationId: string;
  /** How sessions ended. */
  readonly endings: Endings;
  readonly clock: Clock;
  readonly limits: ExecutionLimits;
  /** Sandboxes outlive this process, and what their executions have written is to as well. */
  readonly isToSurvive: boolean;
};

export type NewExecution = Pick<
  ExecutionParts,
  "sessionId" | "principal" | "kind" | "source" | "timeoutMs" | "stdin" | "startedSession" | "size"
>;

export class Executions {
  readonly #options: ExecutionsOptions;
  readonly #displayRoom = new DisplayRoom();
  readonly #byId = new Map<string, Execution>();
  /** In the order of their beginning; at most `rememberedExecutions` that have ended, and those that have not. */
  readonly #bySession = new Map<string, Set<Execution>>();
  /** The sessions of those that are forgotten, by the executions' ids; at most `maxForgotten`. */
  readonly #forgotten = new Map<string, string>();

  constructor(options: ExecutionsOptions) {
    this.#options = options;
  }

  begin(request: NewExecution): Execution {
    const { installationId, spools, limits, clock } = this.#options;
    const id = newExecutionId(installationId);
    const spool = spools.open(request.sessionId, id);
    const writeDown = this.#writeDown;
    const execution = new Execution({
      ...request,
      id,
      spool,
      displayRoom: this.#displayRoom,
      limits,
      writeDown,
      clock,
    });
    this.#add(execution);
    return execution;
  }

  /** What an earlier process has written down of a session that goes on. Returns those that had not ended, the oldest first. */
  restore(sessionId: string, size: RunSize): readonly Execution[] {
    const on: Execution[] = [];
    const { spools, limits, clock } = this.#options;
    for (const { record, spool } of spools.reopen(sessionId)) {
      const { outcome, failure, endedAt } = record;
      const own = { ...record, source: "", stdin: record.stdin ?? ("empty" as const), size, spool, limits, clock };
      const room = { displayRoom: this.#displayRoom, writeDown: this.#writeDown };
      const execution = new Execution({ ...own, ...room, past: record });
      this.#add(execution);
      if (outcome !== null) execution.settle({ outcome, phases: noPhases }, endedAt ?? record.createdAt);
      else if (failure === null) on.push(execution);
      else execution.settle({ failure: new Failure(failure.kind, failure.what) }, endedAt ?? clock.now());
    }
    return on;
  }

  /** Removes what an earlier process has left of sessions that are not among `kept`. Never rejects. */
  async sweep(kept: ReadonlySet<string>): Promise<void> {
    // It takes its time, in which others begin.
    await this.#options.spools.sweep((sessionId) => kept.has(sessionId) || this.#bySession.has(sessionId));
  }

  /** For the sandbox of a session. */
  hearing(sessionId: string): Required<Pick<SandboxSpec, "onBackground">> {
    return { onBackground: (stream, bytes) => this.#background(sessionId, stream, bytes) };
  }

  /**
   * What a session's interpreter has printed while nothing ran in it. It is taken for that of the code that ran last, by which it was started most
   * likely; of a session that has run no code it is nobody's.
   */
  #background(sessionId: string, stream: Stream, bytes: Uint8Array): void {
    this.ofSession(sessionId)
      .findLast(({ kind }) => kind === "code")
      ?.writeLate(stream, bytes);
  }

  /** What has come after the ends of a session's executions and has not been told yet. */
  takeLate(sessionId: string): readonly Late[] {
    return this.ofSession(sessionId).flatMap((execution) => execution.takeLate() ?? []);
  }

  /** Writes the output of those that were left running where a later process finds it. */
  flush(): void {
    if (this.#writeDown === undefined) return;
    for (const execution of this.#byId.values()) {
      if (execution.isLeftRunning && execution.status !== "ended") execution.output.spool.flush();
    }
  }

  get #writeDown(): ((record: ExecutionRecord) => void) | undefined {
    const { spools, isToSurvive } = this.#options;
    return isToSurvive ? (record) => spools.writeDown(record) : undefined;
  }

  #add(execution: Execution): void {
    this.#byId.set(execution.id, execution);
    const own = this.#bySession.get(execution.sessionId);
    if (own === undefined) this.#bySession.set(execution.sessionId, new Set([execution]));
    else {
      own.add(execution);
      this.#forgetOldest(own);
    }
  }

  /** Throws Failure `execution_not_found`. */
  find(principal: string, executionId: string): Execution {
    const execution = this.#byId.get(executionId);
    if (execution?.principal === principal) return execution;
    throw this.#notFound(executionId, execution !== undefined, principal);
  }

  /** The oldest first. */
  ofSession(sessionId: string): readonly Execution[] {
    return [...(this.#bySession.get(sessionId) ?? [])];
  }

  /** The session has ended: nobody can ask for what it ran. */
  forgetSession(sessionId: string): void {
    for (const execution of this.ofSession(sessionId)) this.#forget(execution);
    this.#bySession.delete(sessionId);
    this.#options.spools.removeSession(sessionId);
  }

  #forgetOldest(own: Set<Execution>): void {
    let excess = own.size - rememberedExecutions;
    for (const execution of own) {
      if (excess <= 0) return;
      if (execution.status !== "ended") continue;
      own.delete(execution);
      this.#forget(execution);
      excess -= 1;
    }
  }

  #forget(execution: Execution): void {
    this.#byId.delete(execution.id);
    execution.forget();
    this.#forgotten.set(execution.id, execution.sessionId);
    for (const oldest of this.#forgotten.keys()) {
      if (this.#forgotten.size <= maxForgotten) break;
      this.#forgotten.delete(oldest);
    }
    execution.output.displays.drop();
    this.#options.spools.forget(execution.sessionId, execution.id, execution.output.spool);
  }

  /** Another principal's looks like one that was forgotten. */
  #notFound(id: string, isAnothers: boolean, principal: string): Failure {
    const origin = isAnothers ? "ours" : originOf(id, this.#options.installationId, "execution");
    const shown = id.length <= 80 ? id : `${id.slice(0, 77)}...`;
    const reason = origin === "ours" ? "forgotten" : origin;
    const known = this.#whyForgotten(id, principal);
    const what = known === undefined ? why[origin](shown) : `${shown} is forgotten: ${known.why}`;
    return new Failure("execution_not_found", `${what}.`, {
      context: { execution_id: shown, reason, ...known?.context },
      advice: ["get_sessions tells which executions there are."],
    });
  }

  #whyForgotten(id: string, principal: string): { readonly why: string; readonly context: object } | undefined {
    const { endings, clock } = this.#options;
    const sessionId = this.#forgotten.get(id);
    if (sessionId === undefined) return undefined;
    const context = { session_id: sessionId };
    if (this.ofSession(sessionId)[0]?.principal === principal) {
      return { why: `its session ${sessionId} has run ${rememberedExecutions} others since`, context };
    }
    const ending = endings.find(sessionId, principal, clock.now());
    if (ending === undefined) return undefined;
    const why = `its session ${tellAbsence(sessionId, ending, clock.now())}`;
    return { why, context: { ...context, session_ended: ending.reason, at: new Date(ending.at).toISOString() } };
  }
}

const why: Readonly<Record<ReturnType<typeof originOf>, (id: string) => string>> = {
  ours: (id) =>
    `${id} is forgotten: its session has ended, or has run ${rememberedExecutions} others since, or it is not yours`,
  foreign: (id) => `${id} was made by another installation of msb-mcp`,
  mistyped: (id) => `${id} is mistyped: its check digits do not fit`,
  malformed: (id) => `there is no execution ${id}: whole ids are "execution-", 5 letters or digits, "-" and 24 more`,
};
