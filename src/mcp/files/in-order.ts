// What must not be done at the same time, one after the other: by a key, in the order of arrival.

export class InOrder {
  /** The last one of each key; an entry goes when that is over. As many as there are calls in flight, which the gate bounds. */
  readonly #last = new Map<string, Promise<void>>();

  /** Rejects with the signal's reason if that aborts while it waits. */
  async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const over = Promise.withResolvers<void>();
    const last = before.then(() => over.promise);
    this.#last.set(key, last);
    try {
      await before;
      signal.throwIfAborted();
      return await work();
    } finally {
      over.resolve();
      if (this.#last.get(key) === last) this.#last.delete(key);
    }
  }
}
