// One after the other, in the order of arrival: the queue in front of a session's sandbox.

/** Hands out turns. A waiter whose signal aborts leaves the queue at once. */
export class Turns {
  readonly #maxWaiting: number;
  #taken = false;
  /** At most `maxWaiting` waiters. */
  readonly #waiting: Waiter[] = [];

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** How many have or await a turn. */
  get count(): number {
    return this.#waiting.length + (this.#taken ? 1 : 0);
  }

  get isFull(): boolean {
    return this.#waiting.length >= this.#maxWaiting;
  }

  /**
   * Resolves when it is the caller's turn, with the function that ends it; `isFirst`: before those who wait. Rejects with the signal's reason, or
   * `close`'s error.
   */
  async take(signal: AbortSignal, isFirst = false): Promise<() => void> {
    if (signal.aborted) throw signal.reason;
    if (!this.#taken) {
      this.#taken = true;
      return this.#end;
    }
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiter: Waiter = { grant: resolve, refuse: reject };
    if (isFirst) this.#waiting.unshift(waiter);
    else this.#waiting.push(waiter);
    const onAbort = () => {
      const place = this.#waiting.indexOf(waiter);
      if (place >= 0) this.#waiting.splice(place, 1);
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Refuses all who wait. */
  close(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(error);
  }

  readonly #end = (): void => {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next.grant(this.#end);
  };
}

type Waiter = { readonly grant: (end: () => void) => void; readonly refuse: (error: unknown) => void };
