// How many files may be on their way at once, and how slow they may be: a transfer holds its session, a connection and a place of the guest's.

import type { Clock } from "../../clock.ts";
import { Refused } from "./answers.ts";

export type Transfer = Disposable & {
  /** Aborts, with a Refused, once too little comes or goes. */
  readonly signal: AbortSignal;
  /** So many bytes have come or gone, of this file in all. */
  readonly bytes: number;
  moved(bytes: number): void;
  /** Something is done that moves nothing here: the time of the other side does not run. */
  works(): void;
};

/** Transfers at once, of all callers and of one. Each holds about 1 MiB while it waits for its client. */
const maxInAll = 64;
const maxPerPrincipal = 16;
/** A transfer that moves less than so many bytes in so many milliseconds is ended. */
const leastBytes = 64 * 1024;
const windowMs = 60_000;
/** What each piece counts for beside its bytes: many small files are not slow clients. */
const pieceBytes = 1024;
/** Between two looks at those that are on. Milliseconds. */
const lookMs = 5_000;

export class Transfers {
  readonly #clock: Clock;
  readonly #stop: AbortSignal;
  readonly #on = new Set<Counted>();
  #isLooking = false;

  /** Once `stop` aborts, nobody looks at the time any more. */
  constructor(clock: Clock, stop: AbortSignal) {
    this.#clock = clock;
    this.#stop = stop;
  }

  /** Throws Refused where there are too many. */
  begin(principal: string): Transfer {
    if (this.#on.size >= maxInAll) throw tooMany(503, `${maxInAll} transfers are on, the most this server takes`);
    const own = [...this.#on].filter((transfer) => transfer.principal === principal).length;
    if (own >= maxPerPrincipal) throw tooMany(429, `${own} transfers of yours are on, the most of one caller`);
    const transfer = new Counted(principal, this.#clock.monotonicMs(), () => this.#on.delete(transfer));
    this.#on.add(transfer);
    if (!this.#isLooking) void this.#look();
    return transfer;
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#on.size > 0 && !this.#stop.aborted) {
      await this.#clock.sleep(lookMs, this.#stop).catch(() => undefined);
      for (const transfer of this.#on) transfer.look(this.#clock.monotonicMs());
    }
    this.#isLooking = false;
  }
}

class Counted implements Transfer {
  readonly principal: string;
  readonly #slow = new AbortController();
  readonly #onEnd: () => void;
  #windowSinceMs: number;
  #windowBytes = 0;
  bytes = 0;

  constructor(principal: string, nowMs: number, onEnd: () => void) {
    this.principal = principal;
    this.#windowSinceMs = nowMs;
    this.#onEnd = onEnd;
  }

  get signal(): AbortSignal {
    return this.#slow.signal;
  }

  moved(bytes: number): void {
    this.bytes += bytes;
    this.#windowBytes += bytes + pieceBytes;
  }

  works(): void {
    this.#windowBytes += pieceBytes;
  }

  look(nowMs: number): void {
    if (nowMs - this.#windowSinceMs < windowMs) return;
    if (this.#windowBytes < leastBytes) this.#slow.abort(tooSlow());
    this.#windowSinceMs = nowMs;
    this.#windowBytes = 0;
  }

  [Symbol.dispose](): void {
    this.#onEnd();
  }
}

function tooMany(status: 429 | 503, what: string): Refused {
  const message = `${what}. Wait for one to end, then try again.`;
  return new Refused({ status, error: "too_many_transfers", message, headers: { "Retry-After": "5" } });
}

function tooSlow(): Refused {
  const seconds = windowMs / 1000;
  const message = `Less than ${leastBytes / 1024} KiB moved in ${seconds} seconds, the least this server waits for. Try again; see Upload-Offset.`;
  return new Refused({ status: 408, error: "too_slow", message });
}
