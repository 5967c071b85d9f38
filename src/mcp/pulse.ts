// The one timer of the edge: what has to be looked at now and then (silent answers, silent streams, idle sessions) is looked
// at on a beat, so that a request that ends quickly never sets a timer of its own.

import type { Clock } from "../clock.ts";

export interface Beating {
  /** `nowMs` is the clock's monotonic time. Must not throw; may remove itself or others. */
  beat(nowMs: number): void;
}

/** Keep-alives are due every 15 s; a beat of 5 s never makes one later than 20 s after the last. */
const BEAT_MS = 5000;

export class Pulse implements AsyncDisposable {
  readonly clock: Clock;
  /** As many as there are requests, streams and tables, each of which is bounded where it is made. */
  readonly #beating = new Set<Beating>();
  readonly #end = new AbortController();
  readonly #running: Promise<void>;

  constructor(clock: Clock) {
    this.clock = clock;
    this.#running = this.#run();
  }

  add(beating: Beating): void {
    this.#beating.add(beating);
  }

  delete(beating: Beating): void {
    this.#beating.delete(beating);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      await this.clock.sleep(BEAT_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      const nowMs = this.clock.monotonicMs();
      for (const beating of this.#beating) beating.beat(nowMs);
    }
  }
}
