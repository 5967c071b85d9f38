// When a session was used last: told by the clock on the wall, and measured by the one that is never set.

import type { Clock } from "../clock.ts";

export class LastUse {
  readonly #clock: Clock;
  #at: number;
  #monotonicMs: number;

  /** `at`: milliseconds since the epoch. A clock that was set back makes nobody older, and nobody younger than new. */
  constructor(clock: Clock, at: number) {
    const nowMs = clock.now();
    this.#clock = clock;
    this.#at = Math.min(at, nowMs);
    this.#monotonicMs = clock.monotonicMs() - (nowMs - this.#at);
  }

  /** Milliseconds since the epoch. */
  get at(): number {
    return this.#at;
  }

  /** By the monotonic clock. */
  get monotonicMs(): number {
    return this.#monotonicMs;
  }

  get agoMs(): number {
    return this.#clock.monotonicMs() - this.#monotonicMs;
  }

  isNow(): void {
    this.#at = this.#clock.now();
    this.#monotonicMs = this.#clock.monotonicMs();
  }
}
