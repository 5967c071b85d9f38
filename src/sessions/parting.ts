// The end of a server that keeps its sessions: whoever waits for what outlasts the server is told that it goes on, and everything else is waited for.

import { type Clock, within } from "../clock.ts";
import type { Execution } from "./executions/execution.ts";
import { shuttingDown } from "./refusal.ts";
import type { Session } from "./session.ts";

/** How long a run that outlasts the server is waited for once that is about to end. Milliseconds. */
const partingWaitMs = 1_000;

/** A call that waits for an execution. */
export type Waiting = Disposable & {
  /** Resolves once the server is about to end, and the execution outlasts it. */
  readonly outlasting: Promise<undefined>;
};

export class Parting {
  readonly #clock: Clock;
  /** Those that have not ended, and where they run. */
  readonly #on = new Map<Execution, Session>();
  /** Calls that have not been answered. */
  #calls = 0;
  /** Aborts when what outlasts the server is not to be waited for any more. */
  readonly #begun = new AbortController();
  #isSettled = false;
  readonly #over = Promise.withResolvers<void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get hasBegun(): boolean {
    return this.#begun.signal.aborted;
  }

  /** Resolves when no call waits, and nothing is on that does not outlast the server. */
  async begin(): Promise<void> {
    this.#begun.abort();
    await this.#untilSettled([...this.#on.keys()]);
    this.#isSettled = true;
    this.#look();
    await this.#over.promise;
  }

  /** Cancels what would not outlast the server. */
  cancelRest(): void {
    for (const [execution, session] of this.#on) if (!session.outlasts(execution)) execution.cancel(shuttingDown());
  }

  /** While `call` goes on, it has not been answered. */
  async called<T>(call: () => Promise<T>): Promise<T> {
    this.#calls++;
    try {
      return await call();
    } finally {
      this.#calls--;
      this.#look();
    }
  }

  /** While `work` goes on, the execution has not ended. */
  async carriedOut<T>(execution: Execution, session: Session, work: () => Promise<T>): Promise<T> {
    this.#on.set(execution, session);
    try {
      return await work();
    } finally {
      this.#on.delete(execution);
      this.#look();
    }
  }

  waitFor(execution: Execution, session: Session): Waiting {
    const outlasting = Promise.withResolvers<undefined>();
    const { signal } = this.#begun;
    const onBegun = () =>
      void this.#outlasts(execution, session).then((does) => {
        if (does) outlasting.resolve(undefined);
      });
    signal.addEventListener("abort", onBegun, { once: true });
    if (signal.aborted) onBegun();
    return {
      outlasting: outlasting.promise,
      [Symbol.dispose]: () => signal.removeEventListener("abort", onBegun),
    };
  }

  #look(): void {
    if (!this.#isSettled || this.#calls > 0) return;
    for (const [execution, session] of this.#on) if (!session.outlasts(execution)) return;
    this.#over.resolve();
  }

  /** Resolves with true once a later process can find it, with false when it has ended before. */
  async #outlasts(execution: Execution, session: Session): Promise<boolean> {
    while (execution.status !== "ended" && !session.outlasts(execution)) await execution.nextChange();
    await this.#untilSettled([execution]);
    return execution.status !== "ended";
  }

  /** Most have ended in that time, and are told as ended; and one that was begun just now has come to where a later process finds it. */
  async #untilSettled(executions: readonly Execution[]): Promise<void> {
    await within(Promise.all(executions.map(({ settled }) => settled)), partingWaitMs, this.#clock);
  }
}
