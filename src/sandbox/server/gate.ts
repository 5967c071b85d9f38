// How many calls of one kind are out at once. A server that is asked for everything at once is late with all of it, and has
// little to answer with: each call costs it processor time that grows with what it has started before.

export class Gate {
  readonly #width: number;
  /** Bounded by the sandboxes that there are: each waits for one call of a kind at a time. */
  readonly #waiting = new Set<() => void>();
  #inside = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /**
   * Waits for its turn, in the order of arrival; the returned function ends it, once however often it is called.
   *
   * Rejects with the signal's reason when that aborts before.
   */
  async enter(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#inside < this.#width) this.#inside += 1;
    else await this.#turn(signal);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = this.#waiting;
      if (next === undefined) this.#inside -= 1;
      else next();
    };
  }

  async #turn(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#waiting.delete(come);
      reject(signal?.reason);
    };
    const come = () => {
      this.#waiting.delete(come);
      signal?.removeEventListener("abort", onAbort);
      resolve();
    };
    this.#waiting.add(come);
    signal?.addEventListener("abort", onAbort, { once: true });
    await promise;
  }
}
