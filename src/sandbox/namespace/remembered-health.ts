// Whether a sandbox can be had now: one look at a time, whose answer holds for a while, and is told in bounded time.

import type { Clock } from "../../clock.ts";
import type { HostHealth } from "../port.ts";

/** How long a good answer holds, and a bad one. Milliseconds. */
const healthyForMs = 60_000;
const unhealthyForMs = 2_000;
/** port.ts: health() answers within 5 s. */
const limitMs = 4_500;

const tooSlow: HostHealth = {
  ok: false,
  reason: "A sandbox takes longer than 4.5 seconds to start on this machine.",
};

export class RememberedHealth {
  readonly #clock: Clock;
  readonly #look: () => Promise<HostHealth>;
  #last: { readonly result: Promise<HostHealth>; readonly untilMs: number } | null = null;

  /** `look` never rejects. */
  constructor(clock: Clock, look: () => Promise<HostHealth>) {
    this.#clock = clock;
    this.#look = look;
  }

  /** Rejects with the signal's reason only. */
  async ask(signal: AbortSignal): Promise<HostHealth> {
    signal.throwIfAborted();
    const settled = new AbortController();
    const late = this.#clock.sleep(limitMs, AbortSignal.any([signal, settled.signal]));
    try {
      return await Promise.race([this.#current(this.#clock.monotonicMs()), late.then(() => tooSlow)]);
    } finally {
      settled.abort();
    }
  }

  /** Resolves when the last look is over. */
  async settled(): Promise<void> {
    await this.#last?.result;
  }

  #current(nowMs: number): Promise<HostHealth> {
    if (this.#last !== null && nowMs < this.#last.untilMs) return this.#last.result;
    const look = { result: this.#look(), untilMs: nowMs + healthyForMs };
    this.#last = look;
    void look.result.then(({ ok }) => {
      if (!ok && this.#last === look) this.#last = { ...look, untilMs: nowMs + unhealthyForMs };
    });
    return look.result;
  }
}
