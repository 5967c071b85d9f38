// Whether this server takes new sessions. Those that there are go on to their end, or to a deadline.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { Failure } from "../failure.ts";

/** Who wants it to take none: an operator here, an operator by way of the cluster's registry, or the server, which is to stop. */
export type DrainedBy = "operator" | "registry" | "stop";

export type DrainingOptions = {
  /** How long sessions may go on; undefined: to their own end. Milliseconds. */
  readonly timeoutMs: number | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
};

export class Draining {
  readonly #options: DrainingOptions;
  readonly #by = new Set<DrainedBy>();
  /** Of the drain that is on; a new one once it has been taken back. */
  #begun = new AbortController();
  #ended = new AbortController();
  #deadlineAt: number | undefined;
  #onDeadline: (() => void) | undefined;

  constructor(options: DrainingOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#by.size > 0;
  }

  get by(): readonly DrainedBy[] {
    return [...this.#by];
  }

  /** Aborts, with the Failure that new sessions are refused with, once it begins. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /** When those that there are will be ended; milliseconds since the epoch. */
  get deadlineAt(): number | undefined {
    return this.#deadlineAt;
  }

  /** Called at each deadline. */
  atDeadline(end: () => void): void {
    this.#onDeadline = end;
  }

  /** It is on as long as anybody wants it; the deadline is that of the first. */
  set(by: DrainedBy, isOn: boolean): void {
    const before = this.isOn;
    if (isOn) this.#by.add(by);
    else this.#by.delete(by);
    if (this.isOn === before) return;
    if (isOn) this.#begin(by);
    else this.#takeBack();
  }

  #begin(by: DrainedBy): void {
    const { timeoutMs, clock, emit } = this.#options;
    emit({ type: "drain.begun", by, timeoutMs: timeoutMs ?? null });
    this.#begun.abort(draining());
    if (timeoutMs === undefined) return;
    this.#deadlineAt = clock.now() + timeoutMs;
    clock.sleep(timeoutMs, this.#ended.signal).then(
      () => this.#onDeadline?.(),
      () => undefined,
    );
  }

  #takeBack(): void {
    this.#options.emit({ type: "drain.taken_back" });
    this.#ended.abort();
    this.#ended = new AbortController();
    this.#begun = new AbortController();
    this.#deadlineAt = undefined;
  }

  /** The deadline is of no interest any more. */
  close(): void {
    this.#ended.abort();
  }
}

function draining(): Failure {
  return new Failure("sandbox_creation", "this server is to be taken out of service and opens no new sessions.", {
    advice: [
      "Try again: where several servers answer at this address, another one opens it.",
      "Sessions that there are go on: use one by its session_id.",
    ],
  });
}
