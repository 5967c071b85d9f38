// Progress of one tool call: output in pieces no more often than the limit, and a sign of life when there is none, because SDK
// clients give a call up after 60 s without either.

import type { ProgressToken } from "@modelcontextprotocol/sdk/types.js";
import type { Clock } from "../clock.ts";
import type { EdgeLimits } from "./limits.ts";

export type ProgressParams = {
  readonly progressToken: ProgressToken;
  /** Counts the notifications of this call: the protocol wants it to grow with each. */
  readonly progress: number;
  readonly message?: string;
};

export type ProgressOptions = {
  readonly token: ProgressToken;
  readonly send: (params: ProgressParams) => void;
  readonly clock: Clock;
  readonly limits: EdgeLimits;
};

/** A proxy or a client between may cut off a silent call after 15 s at the earliest. */
const SIGN_OF_LIFE_MS = 10_000;

export class Progress implements Disposable {
  readonly #options: ProgressOptions;
  readonly #end = new AbortController();
  /** Output not yet reported, in UTF-16 code units at most `progressMessageLength`. */
  #unsent = "";
  #sentCount = 0;
  #lastSentMs: number;
  #draining = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#lastSentMs = options.clock.monotonicMs();
    void this.#showLife();
  }

  report(text: string): void {
    if (text === "" || this.#end.signal.aborted) return;
    const { progressMessageLength } = this.#options.limits;
    this.#unsent = (this.#unsent + text).slice(-progressMessageLength);
    if (!this.#draining) void this.#drain();
  }

  /** No notification is sent after this: the protocol forbids it once the response is out. */
  [Symbol.dispose](): void {
    this.#end.abort();
  }

  async #drain(): Promise<void> {
    const { clock, limits } = this.#options;
    this.#draining = true;
    while (this.#unsent !== "" && !this.#end.signal.aborted) {
      const message = this.#unsent.toWellFormed();
      this.#unsent = "";
      this.#send(message);
      await clock.sleep(limits.progressIntervalMs, this.#end.signal).catch(() => undefined);
    }
    this.#draining = false;
  }

  async #showLife(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#end;
    while (!signal.aborted) {
      const waitMs = this.#lastSentMs + SIGN_OF_LIFE_MS - clock.monotonicMs();
      if (waitMs <= 0) this.#send(undefined);
      else await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  #send(message: string | undefined): void {
    this.#sentCount += 1;
    this.#lastSentMs = this.#options.clock.monotonicMs();
    const params = { progressToken: this.#options.token, progress: this.#sentCount };
    this.#options.send(message === undefined ? params : { ...params, message });
  }
}
