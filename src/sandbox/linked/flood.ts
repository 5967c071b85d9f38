// How much a command's processes may still write after its end: more than anybody reads is a flood, and ends who writes it.

import type { Clock } from "../../clock.ts";

const bytesPerMinute = 64 * 1024 * 1024;
const minuteMs = 60_000;

export class Flood {
  readonly #clock: Clock;
  #sinceMs = 0;
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether these bytes are too many. */
  isOver(bytes: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sinceMs >= minuteMs) {
      this.#sinceMs = nowMs;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    return this.#bytes > bytesPerMinute;
  }
}
