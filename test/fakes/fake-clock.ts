// A clock that moves when told.

import type { Clock } from "../../src/clock.ts";

export class FakeClock implements Clock {
  #nowMs: number;
  /** What somebody has set it forward by. */
  #setMs = 0;
  readonly #sleepers = new Set<{ readonly dueMs: number; readonly wake: () => void }>();

  constructor(nowMs = Date.UTC(2026, 10, 23, 12)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs + this.#setMs;
  }

  /** Somebody sets the clock; no time passes. */
  setForward(ms: number): void {
    this.#setMs += ms;
  }

  /** Time passes, and nobody is woken until the next `advance`: the process stood still. */
  standStill(ms: number): void {
    this.#nowMs += ms;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) return Promise.reject(signal.reason);
    const sleeper = { dueMs: this.#nowMs + ms, wake: resolve };
    this.#sleepers.add(sleeper);
    signal?.addEventListener("abort", () => {
      if (this.#sleepers.delete(sleeper)) reject(signal.reason);
    });
    return promise;
  }

  /** Moves time on, wakes who is due in the order of their times, and lets what they do run. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const due = [...this.#sleepers].filter((s) => s.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#sleepers.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.dueMs);
      due.wake();
      await settle();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

/** Lets everything that is ready to run do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
