// Which of a session's executions may run now: one after the other in the order of their arrival, but one that was left running lets
// others run beside it. Two pieces of code never run at once.

import { Failure } from "../failure.ts";
import type { Execution } from "./executions/execution.ts";
import { Turns } from "./turns.ts";

export type OrderLimits = {
  /** Executions that may wait behind the running one. */
  readonly maxQueuedExecutions: number;
};

export class Order {
  readonly #sessionId: string;
  readonly #limits: OrderLimits;
  readonly #turns: Turns;
  /** Those that are on: one that has its turn, and others that were left running. */
  readonly #running = new Set<Execution>();
  /** Code that waits for other code that was left running, and lets others pass meanwhile. At most `maxQueuedExecutions`. */
  #aside = 0;

  constructor(sessionId: string, limits: OrderLimits) {
    this.#sessionId = sessionId;
    this.#limits = limits;
    this.#turns = new Turns(limits.maxQueuedExecutions);
  }

  /** Whether something is on or waits. */
  get isBusy(): boolean {
    return this.#turns.count + this.#running.size + this.#aside > 0;
  }

  /** Those that were left running, if nothing else is on or waits. */
  get leftAlone(): readonly Execution[] {
    if (this.#turns.count + this.#aside > 0) return [];
    const running = [...this.#running];
    return running.every(({ isLeftRunning }) => isLeftRunning) ? running : [];
  }

  /**
   * Resolves when it may run, with what is to be called when it has.
   *
   * Throws Failure `limit_reached`; `close`'s error; the reason of its signal if it is canceled while it waits.
   */
  async enter(execution: Execution): Promise<() => void> {
    if (execution.isResumed) {
      // It is on already, and was left running.
      this.#running.add(execution);
      return () => this.#running.delete(execution);
    }
    this.#refuseTooMany(execution);
    const endTurn = await this.#turnOf(execution);
    this.#running.add(execution);
    execution.whenLeft(endTurn);
    return () => {
      this.#running.delete(execution);
      endTurn();
    };
  }

  /** Refuses all who wait for a turn. */
  close(error: Error): void {
    this.#turns.close(error);
  }

  #refuseTooMany({ kind }: Execution): void {
    const { maxQueuedExecutions } = this.#limits;
    if (this.#turns.isFull || (kind === "code" && this.#aside >= maxQueuedExecutions)) {
      throw queueFull(this.#sessionId, maxQueuedExecutions);
    }
  }

  /** Resolves with the function that ends the turn; calling it twice is the same as once. */
  async #turnOf(execution: Execution): Promise<() => void> {
    const { kind, signal } = execution;
    for (let isFirst = false; ; isFirst = true) {
      const endTurn = once(await this.#turns.take(signal, isFirst));
      const holder = kind === "code" ? [...this.#running].find((other) => other.kind === "code") : undefined;
      execution.waitsFor = holder && `${holder.id}, whose code is still running`;
      if (holder === undefined) return endTurn;
      endTurn();
      this.#aside++;
      await unlessAborted(holder.settled, signal).finally(() => {
        this.#aside--;
      });
    }
  }
}

/** Rejects with the signal's reason if that aborts before. */
export async function unlessAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await Promise.race([done, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function once(call: () => void): () => void {
  let isCalled = false;
  return () => {
    if (!isCalled) call();
    isCalled = true;
  };
}

function queueFull(sessionId: string, maxQueued: number): Failure {
  const what = `${maxQueued} executions already wait in ${sessionId}, and no more may.`;
  return new Failure("limit_reached", what, {
    context: { session_id: sessionId, limit: maxQueued },
    advice: ["Wait for the running ones to end, or use another session: sessions run in parallel."],
  });
}
