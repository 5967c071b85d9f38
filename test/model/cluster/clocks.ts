// One time for all nodes of a walk, which passes when told, and the clocks that nodes have of it: each began elsewhere, may be set, may go a little wrong,
// and stands still for a process that is stopped.

import { FakeClock } from "../../fakes/fake-clock.ts";

type Sleeper = { readonly dueMs: number; readonly clock: NodeClock; readonly wake: () => void };

/** At one moment of the walk; more are a loop without an end. */
const maxWakes = 20_000;
/** What really takes time takes no longer. Milliseconds. */
const maxUnderWayMs = 60_000;
/** Turns of the event loop in which nothing is under way before everything has happened that is ready to. */
const calmTurns = 5;

export class WorldTime {
  /** Whole milliseconds. In the future, so that redis-server, which goes by its own time, lets nothing expire. */
  nowMs = Date.UTC(2100, 0, 1);
  /** What really takes time outside of this process, and has not ended. */
  underWay = 0;
  readonly sleepers = new Set<Sleeper>();

  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await this.settle();
    for (let wakes = 0; ; wakes++) {
      const next = this.#next();
      if (next === undefined || next.dueMs > untilMs) break;
      if (next.dueMs > this.nowMs) wakes = 0;
      if (wakes > maxWakes) throw new Error("time does not go on: somebody sleeps for no time, again and again");
      this.sleepers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.wake();
      await this.settle();
    }
    this.nowMs = untilMs;
    await this.settle();
  }

  /** Lets everything that is ready to happen do so. */
  async settle(): Promise<void> {
    const sinceMs = performance.now();
    for (let calm = 0; calm < calmTurns; ) {
      if (performance.now() - sinceMs > maxUnderWayMs) throw new Error("redis-server does not answer");
      await new Promise((resolve) => setImmediate(resolve));
      calm = this.underWay > 0 ? 0 : calm + 1;
    }
  }

  #next(): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.sleepers) {
      if (!sleeper.clock.isStopped && (next === undefined || sleeper.dueMs < next.dueMs)) next = sleeper;
    }
    return next;
  }
}

export class NodeClock extends FakeClock {
  readonly #time: WorldTime;
  readonly #bornMs: number;
  readonly #rate: number;
  #wrongMs: number;
  /** Nobody is woken meanwhile; it goes on all the same. */
  isStopped = false;

  /** `rate`: how fast it goes. `wrongMs`: what it shows too much. */
  constructor(time: WorldTime, rate: number, wrongMs: number) {
    super();
    this.#time = time;
    this.#bornMs = time.nowMs;
    this.#rate = rate;
    this.#wrongMs = wrongMs;
  }

  override now(): number {
    return this.#time.nowMs + this.#wrongMs;
  }

  override monotonicMs(): number {
    return (this.#time.nowMs - this.#bornMs) * this.#rate;
  }

  override setForward(ms: number): void {
    this.#wrongMs += ms;
  }

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { sleepers, nowMs } = this.#time;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) return Promise.reject(signal.reason);
    const sleeper: Sleeper = {
      dueMs: nowMs + Math.ceil(ms / this.#rate),
      clock: this,
      wake() {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
    };
    const onAbort = () => {
      if (sleepers.delete(sleeper)) reject(signal?.reason);
    };
    sleepers.add(sleeper);
    signal?.addEventListener("abort", onAbort, { once: true });
    return promise;
  }
}
