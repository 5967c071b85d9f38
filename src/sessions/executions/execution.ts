// One run as its principal knows it: who it is, how far it is, what it has written, how it ended. It goes on when nobody waits for it.

import type { Clock } from "../../clock.ts";
import type { Failure } from "../../failure.ts";
import type { Display } from "../../sandbox/files.ts";
import type { RunControl, RunSignal, Stream } from "../../sandbox/port.ts";
import { Controls, type ExecutionStatus } from "./controls.ts";
import type { DisplayRoom } from "./displays.ts";
import type { ExecutionLimits, RunLimits, RunSize } from "./limits.ts";
import type { Ended, Phases, Remembered } from "./outcome.ts";
import { ExecutionOutput } from "./output.ts";
import type { ExecutionRecord } from "./records.ts";
import type { Counts, Missing, Spool } from "./spool.ts";

/** How one ended, without its output, which is in its spool. */
export type ExecutionEnd =
  | { readonly outcome: Remembered; readonly phases: Phases }
  /** The sandbox was lost under it, or it could not be begun. */
  | { readonly failure: Failure };

export type ExecutionView = {
  readonly executionId: string;
  readonly sessionId: string;
  readonly kind: "code" | "command";
  readonly preview: string;
  readonly status: ExecutionStatus;
  /** Milliseconds since the epoch, as the two below. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly ended: Ended | "failed" | null;
  /** What has been kept, and what of it cannot be read any more. */
  readonly outputBytes: Counts;
  readonly missing: Missing | undefined;
  readonly limits: RunLimits;
};

/** Output that came after its execution's end. */
export type Late = {
  readonly executionId: string;
  readonly bytes: number;
  /** Where it begins, in both streams as they came. */
  readonly offset: number;
};

export type ExecutionParts = {
  readonly id: string;
  readonly sessionId: string;
  readonly principal: string;
  readonly kind: "code" | "command";
  readonly source: string;
  readonly timeoutMs: number;
  readonly stdin: "empty" | "open";
  readonly spool: Spool;
  readonly displayRoom: DisplayRoom;
  readonly limits: ExecutionLimits;
  readonly size: RunSize;
  /** Writes down what a later process must know of it; undefined where none could do anything with it. */
  readonly writeDown: ((record: ExecutionRecord) => void) | undefined;
  readonly clock: Clock;
  /** Its call started the session; not known of one that an earlier process had. */
  readonly startedSession?: boolean;
  /** Of one that an earlier process had. */
  readonly past?: Pick<ExecutionRecord, "preview" | "createdAt" | "startedAt" | "gone"> | undefined;
};

const previewLength = 80;

export class Execution {
  readonly id: string;
  readonly sessionId: string;
  readonly principal: string;
  readonly kind: "code" | "command";
  readonly limits: RunLimits;
  readonly stdin: "empty" | "open";
  readonly output: ExecutionOutput;
  /** The beginning of its source, at most `previewLength` characters. */
  readonly preview: string;
  readonly createdAt: number;
  readonly startedSession: boolean;
  readonly #clock: Clock;
  #lastSignMs: number;
  #untoldLate: Late | undefined;
  #writeDown: ExecutionParts["writeDown"];
  /** An earlier process had it, and has written it down. */
  readonly #isPast: boolean;
  #gone: Readonly<Record<Stream, number>> | undefined;
  readonly #cancel = new AbortController();
  readonly #settled = Promise.withResolvers<void>();
  /** Empty once it has ended: up to a megabyte, a hundred times a session. */
  #source: string;
  #startedAt: number | null = null;
  #endedAt: number | null = null;
  #end: ExecutionEnd | undefined;
  readonly #controls: Controls;
  /** What it waits for while it is queued, as a sentence's end; undefined where that is nothing in particular. */
  waitsFor: string | undefined;
  #isLeftRunning = false;
  #onLeft: (() => void) | undefined;
  #onOutput: ((stream: Stream, bytes: Uint8Array) => void) | undefined;
  /** Resolved by the next output or end; there while somebody waits for one. */
  #change: PromiseWithResolvers<void> | undefined;

  constructor(parts: ExecutionParts) {
    this.id = parts.id;
    this.sessionId = parts.sessionId;
    this.principal = parts.principal;
    this.kind = parts.kind;
    this.#source = parts.source;
    this.preview = parts.past?.preview ?? parts.source.slice(0, previewLength).toWellFormed();
    const { timeoutMs, size } = parts;
    const { maxKeptOutputBytes } = parts.limits;
    this.limits = { timeoutMs, maxKeptOutputBytes, ...size };
    this.stdin = parts.stdin;
    this.#isPast = parts.past !== undefined;
    this.#gone = parts.past?.gone;
    this.output = new ExecutionOutput(
      parts.id,
      parts.spool,
      parts.displayRoom,
      parts.limits.maxOutputBytes,
      this.#isPast,
    );
    this.createdAt = parts.past?.createdAt ?? parts.clock.now();
    this.#startedAt = parts.past?.startedAt ?? null;
    this.startedSession = parts.startedSession ?? false;
    this.#clock = parts.clock;
    this.#lastSignMs = parts.clock.monotonicMs();
    this.#writeDown = parts.writeDown;
    this.#controls = new Controls(parts.id, parts.stdin, !this.#isPast);
  }

  /** Aborts when it is canceled. */
  get signal(): AbortSignal {
    return this.#cancel.signal;
  }

  /** What is to be run. */
  get source(): string {
    return this.#source;
  }

  /** Resolves when it has ended, however. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  get end(): ExecutionEnd | undefined {
    return this.#end;
  }

  get status(): ExecutionStatus {
    if (this.#end !== undefined) return "ended";
    return this.#startedAt === null ? "queued" : "running";
  }

  get view(): ExecutionView {
    const end = this.#end;
    const ended = end === undefined ? null : howEnded(end);
    return {
      ...{
        executionId: this.id,
        sessionId: this.sessionId,
        kind: this.kind,
        preview: this.preview,
        status: this.status,
      },
      ...{ createdAt: this.createdAt, startedAt: this.#startedAt, endedAt: this.#endedAt, ended },
      ...{ outputBytes: this.output.spool.counts, missing: this.output.spool.missing, limits: this.limits },
    };
  }

  /** Milliseconds since it was started; null while it is queued. */
  get runningMs(): number | null {
    return this.#startedAt === null ? null : (this.#endedAt ?? this.#clock.now()) - this.#startedAt;
  }

  begun(): void {
    this.#startedAt ??= this.#clock.now();
    if (this.#isLeftRunning) this.#record();
  }

  /** An earlier process began it: it is not to be run, but to be gone on with. */
  get isResumed(): boolean {
    return this.#isPast;
  }

  /** Bytes of its output that went with a server that was killed while they were on their way. */
  get gone(): Readonly<Record<Stream, number>> {
    return this.#gone ?? { stdout: 0, stderr: 0 };
  }

  /** Of its output, what has been kept or is known to be gone. */
  get received(): Readonly<Record<Stream, number>> {
    const { counts } = this.output.spool;
    return { stdout: counts.stdout + this.gone.stdout, stderr: counts.stderr + this.gone.stderr };
  }

  readonly misses = (stream: Stream, bytes: number): void => {
    this.#gone = { ...this.gone, [stream]: this.gone[stream] + bytes };
    this.#record();
  };

  reached(control: RunControl): void {
    this.#controls.program = control;
    this.#changed();
  }

  /** Its program can be spoken to. */
  get isReached(): boolean {
    return this.#controls.program !== undefined;
  }

  /** When it was asked for or wrote something last, by the monotonic clock. */
  get lastSignMs(): number {
    return this.#lastSignMs;
  }

  /** Somebody looks at it, or does something to it. */
  isAskedFor(): void {
    this.#lastSignMs = this.#clock.monotonicMs();
  }

  /** Output of its own, after its end too. */
  write(stream: Stream, bytes: Uint8Array): void {
    this.#lastSignMs = this.#clock.monotonicMs();
    this.output.push(stream, bytes);
    this.#onOutput?.(stream, bytes);
    this.#changed();
  }

  /** What it shows beside its output, `stdoutBytes` of which come before that. */
  show(display: Display, stdoutBytes: number): void {
    this.#lastSignMs = this.#clock.monotonicMs();
    this.output.show(display, stdoutBytes);
    this.#changed();
  }

  /** Output of what it has left behind in the background, within what is kept of it. */
  writeLate(stream: Stream, bytes: Uint8Array): void {
    const { spool } = this.output;
    const offset = spool.counts.all;
    if (this.output.totalBytes + bytes.length > this.limits.maxKeptOutputBytes) spool.refuse(bytes.length);
    else this.write(stream, bytes);
    const before = this.#untoldLate ?? { executionId: this.id, offset, bytes: 0 };
    this.#untoldLate = { ...before, bytes: before.bytes + bytes.length };
  }

  /** What has come late since this was asked last. */
  takeLate(): Late | undefined {
    const late = this.#untoldLate;
    this.#untoldLate = undefined;
    return late;
  }

  settle(end: ExecutionEnd, endedAt = this.#clock.now()): void {
    this.#end = end;
    this.#endedAt = endedAt;
    this.#controls.program = undefined;
    this.#source = "";
    this.output.rest(this.#isToSurvive);
    this.#record();
    this.#settled.resolve();
    this.#changed();
  }

  /** Tells the caller who waits for it of its output, instead of whom it told before. */
  listen(onOutput: ((stream: Stream, bytes: Uint8Array) => void) | undefined): void {
    this.#onOutput = onOutput;
  }

  /** Nobody waits for its end any more: it was told as running. */
  get isLeftRunning(): boolean {
    return this.#isLeftRunning;
  }

  /** Its caller has been told that it goes on. */
  leaveRunning(): void {
    this.#isLeftRunning = true;
    this.#record();
    this.#onLeft?.();
  }

  /** Calls `onLeft` once it is left running; at once if it has been. */
  whenLeft(onLeft: () => void): void {
    this.#onLeft = onLeft;
    if (this.#isLeftRunning) onLeft();
  }

  /** Nobody can ask for it any more: nothing of it is written down from now on. */
  forget(): void {
    this.#writeDown = undefined;
  }

  /** Its id matters to somebody who has no whole answer: it was told as running, or wrote more than an answer has. */
  get #isToSurvive(): boolean {
    const matters = this.#isLeftRunning || this.#isPast || this.output.spool.fileBytes > 0;
    return this.#writeDown !== undefined && matters;
  }

  #record(): void {
    if (!this.#isToSurvive) return;
    const end = this.#end;
    const failure = end !== undefined && "failure" in end ? { kind: end.failure.kind, what: end.failure.what } : null;
    this.#writeDown?.({
      ...{ id: this.id, sessionId: this.sessionId, principal: this.principal, kind: this.kind, preview: this.preview },
      ...{
        timeoutMs: this.limits.timeoutMs,
        createdAt: this.createdAt,
        startedAt: this.#startedAt,
        endedAt: this.#endedAt,
      },
      ...{ outcome: this.#outcomeForLater, failure },
      ...{ gone: this.#gone, stdin: this.stdin === "open" ? "open" : undefined },
    });
  }

  /** As a later process tells it, which has not what was shown. */
  get #outcomeForLater(): Remembered | null {
    const end = this.#end;
    if (end === undefined || "failure" in end) return null;
    if (this.output.displays.all.length === 0) return end.outcome;
    const { notices } = end.outcome;
    return { ...end.outcome, notices: [...notices, "What it has shown was not kept over a restart of the server."] };
  }

  /** Asks for its end, as a caller who leaves does. */
  cancel(reason?: unknown): void {
    this.#cancel.abort(reason);
  }

  /** Resolves at the next output or the end; at once if it has ended. */
  nextChange(): Promise<void> {
    if (this.#end !== undefined) return Promise.resolve();
    this.#change ??= Promise.withResolvers();
    return this.#change.promise;
  }

  /**
   * Gives its program text to read, and no more after that if `isLast`. Resolves when the guest has taken it, which may be long if the program
   * does not read.
   *
   * Throws Failure `invalid_arguments` if it has no open stdin, or has not taken what it was given before; as the one below.
   */
  async input(text: string | undefined, isLast = false): Promise<void> {
    await this.#controls.input(this.status, text, isLast);
  }

  /** Its program has not read enough for the last input to be whole with it. */
  get isTakingInput(): boolean {
    return this.#controls.isWriting;
  }

  /** A queued one is canceled instead. */
  send(signal: RunSignal): void {
    if (!this.#controls.send(this.status, signal)) this.cancel();
  }

  #changed(): void {
    this.#change?.resolve();
    this.#change = undefined;
  }
}

function howEnded(end: ExecutionEnd): Ended | "failed" {
  return "failure" in end ? "failed" : end.outcome.ended;
}
