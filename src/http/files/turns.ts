// One upload at a time of what goes into the same hidden file. Who comes later ends the one before: that is mostly a connection which its client has
// given up already.

import { Refused } from "./answers.ts";

type Turn = {
  readonly giveWay: () => void;
  /** Of this one, and of all before. */
  readonly over: Promise<unknown>;
};

export class Turns {
  readonly #last = new Map<string, Turn>();

  /** Resolves with what `use` does. Throws Refused once a later one has come; what `use` throws. */
  async take<T>(key: string, signal: AbortSignal, use: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const later = new AbortController();
    const own = Promise.withResolvers<void>();
    const turn = { giveWay: () => later.abort(hasGivenWay()), over: Promise.all([before?.over, own.promise]) };
    this.#last.set(key, turn);
    try {
      before?.giveWay();
      await before?.over;
      const either = AbortSignal.any([signal, later.signal]);
      either.throwIfAborted();
      return await use(either);
    } catch (error) {
      // What was aborted fails in many ways; why it was is what counts.
      throw later.signal.aborted ? later.signal.reason : error;
    } finally {
      own.resolve();
      if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }
}

function hasGivenWay(): Refused {
  const message = "Another upload of the same file has begun after this one, and goes on in its place.";
  return new Refused({ status: 409, error: "later_upload", message });
}
