// One execution as the model has it: what has been done to it, what it must have written, and which ends that leaves it.

import type { RunSignal } from "../../src/sandbox/port.ts";
import type { Execution, ExecutionEnd, ExecutionView } from "../../src/sessions/executions/execution.ts";
import type { Program } from "./program.ts";

export class Tracked {
  readonly id: string;
  readonly sessionId: string;
  readonly principal: string;
  readonly program: Program;
  readonly timeoutMs: number;
  /** What its call was told: it goes on, or how it ended. */
  readonly wasLeft: boolean;
  /** By the ground's clock of this life, when its call came; null of one that an earlier life had. */
  cameMs: number | null;
  /** When it was first seen running. */
  seenRunningMs: number | null = null;
  /** All that it has been made to write, and since when, the last last. */
  text: string;
  #given: readonly { readonly atMs: number; readonly bytes: number }[] = [];
  /** Of its start, what a server that was killed has left. */
  #startBytes: number;
  /** What has been read of it, one window after the other. */
  readBytes = 0;
  isInputClosed = false;
  isCanceled = false;
  readonly sent = new Set<RunSignal>();
  /** Its server was killed while it was on: so much of its output must be there all the same. Null of others. */
  stoppedAtBytes: number | null = null;
  /** As it was told first, once it had ended: that may not change. */
  ended: ExecutionView | undefined;
  /** Of this life; its `isAskedFor` is left alone. */
  execution: Execution;

  constructor(execution: Execution, program: Program, wasLeft: boolean, cameMs: number) {
    this.execution = execution;
    const { id, sessionId, principal, limits } = execution;
    this.id = id;
    this.sessionId = sessionId;
    this.principal = principal;
    this.timeoutMs = limits.timeoutMs;
    this.program = program;
    this.wasLeft = wasLeft;
    this.cameMs = cameMs;
    this.text = program.start;
    this.#startBytes = Buffer.byteLength(program.start);
  }

  get bytes(): Buffer {
    return Buffer.from(this.text);
  }

  /** It was given text to write. */
  given(text: string, nowMs: number): void {
    this.text += text;
    this.#given = [...this.#given, { atMs: nowMs, bytes: this.bytes.length }];
  }

  /** Its server was killed, and what it had written beyond so many bytes is gone. */
  hasLeft(keptBytes: number): void {
    this.text = this.bytes.subarray(0, keptBytes).toString();
    this.readBytes = Math.min(this.readBytes, keptBytes);
    this.#startBytes = Math.min(this.#startBytes, keptBytes);
    this.#given = this.#given.map(({ atMs, bytes }) => ({ atMs, bytes: Math.min(bytes, keptBytes) }));
  }

  /** What must have been written where a later process finds it: all that is older than that. */
  bytesOlderThan(atMs: number): number {
    const older = this.#given.findLast((one) => one.atMs <= atMs)?.bytes;
    const isStartOlder = this.seenRunningMs !== null && this.seenRunningMs <= atMs;
    return older ?? (isStartOlder ? this.#startBytes : 0);
  }

  /** Whether something has been done to it that ends it, where what is done has its effect at once. */
  mustHaveEnded(nowMs: number): string | undefined {
    const { program, seenRunningMs, timeoutMs } = this;
    if (this.isCanceled) return "it was canceled";
    if (this.stoppedAtBytes !== null) return "its server was killed";
    const signal = program.endedBy.find((one) => this.sent.has(one));
    if (signal !== undefined) return `${signal} was sent to it`;
    if (this.isInputClosed) return "its input was closed";
    if (seenRunningMs === null) return undefined;
    if (program.isShort) return "it ends by itself";
    return nowMs - seenRunningMs >= timeoutMs ? "its time was over" : undefined;
  }

  /** Why it cannot have ended so, if it cannot; `hasSession`: its session is there and neither lost nor ending. */
  objectionTo(end: ExecutionEnd, nowMs: number, hasSession: boolean): string | undefined {
    if ("failure" in end) {
      if (this.stoppedAtBytes !== null && hasSession) {
        return end.failure.what.startsWith("the server was stopped while it ran") ? undefined : end.failure.what;
      }
      return hasSession ? `it failed: ${end.failure.message}` : undefined;
    }
    // Whoever ends one that may go on is told so.
    const isAsked = this.isCanceled || this.sent.size > 0;
    if (this.stoppedAtBytes !== null && !(end.outcome.ended === "canceled" && (isAsked || !hasSession)))
      return `it is told as ${end.outcome.ended} by a server that never had it`;
    const { ended, success, signal, exitCode } = end.outcome;
    const { program, sent } = this;
    const isSignaled = sent.size > 0;
    switch (ended) {
      case "canceled":
        return this.isCanceled || this.stoppedAtBytes !== null || !hasSession ? undefined : "nobody canceled it";
      case "timed_out":
        return this.cameMs === null || nowMs - this.cameMs >= this.timeoutMs ? undefined : "it had time left";
      case "exited": {
        if (success) return program.isShort || this.isInputClosed ? undefined : "it had no reason to end well";
        // Ctrl-C is an error of code.
        return program.kind === "code" && sent.has("interrupt") ? undefined : `it ended with ${exitCode}`;
      }
      case "signaled":
      case "interpreter_exited": {
        if (!isSignaled) return `nobody sent it ${signal}`;
        const isOne = [...sent].some((one) => program.endedBy.includes(one) && signals[one][0] === signal);
        return isOne && signalStatus(signal) === exitCode ? undefined : `it ended by ${signal} with ${exitCode}`;
      }
      default:
        return "it cannot end so";
    }
  }
}

const signals = { interrupt: ["SIGINT", 130], terminate: ["SIGTERM", 143], kill: ["SIGKILL", 137] } as const;

function signalStatus(signal: string | null): number | undefined {
  return Object.values(signals).find(([name]) => name === signal)?.[1];
}
