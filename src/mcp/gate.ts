// How much may go on at a time, of one principal and of all: requests in flight and listening streams. Only counts; what is
// counted lives elsewhere.

import type { EdgeLimits } from "./limits.ts";

export type Refused = { readonly status: 429 | 503; readonly reason: string };

export class Gate {
  readonly #requests: Count;
  readonly #streams: Count;

  constructor(limits: EdgeLimits) {
    this.#requests = new Count("requests at a time", limits.requestsPerPrincipal, limits.requests);
    this.#streams = new Count("open event streams", limits.streamsPerPrincipal, limits.streams);
  }

  /** Takes `count` places or none. Each taken one must be given back by `leave`. */
  enter(principal: string, count: number): Refused | undefined {
    return this.#requests.take(principal, count);
  }

  leave(principal: string, count: number): void {
    this.#requests.give(principal, count);
  }

  openStream(principal: string): Refused | undefined {
    return this.#streams.take(principal, 1);
  }

  closeStream(principal: string): void {
    this.#streams.give(principal, 1);
  }
}

class Count {
  readonly #what: string;
  readonly #perPrincipal: number;
  readonly #inAll: number;
  /** Holds only principals that have something going on, `#inAll` at most. */
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(what: string, perPrincipal: number, inAll: number) {
    this.#what = what;
    this.#perPrincipal = perPrincipal;
    this.#inAll = inAll;
  }

  take(principal: string, count: number): Refused | undefined {
    const own = (this.#taken.get(principal) ?? 0) + count;
    if (own > this.#perPrincipal) {
      return {
        status: 429,
        reason: `${this.#perPrincipal} ${this.#what} are allowed to one caller. Try again shortly.`,
      };
    }
    if (this.#total + count > this.#inAll) {
      return { status: 503, reason: `${this.#inAll} ${this.#what} are served in all. Try again shortly.` };
    }
    this.#taken.set(principal, own);
    this.#total += count;
    return undefined;
  }

  give(principal: string, count: number): void {
    const left = (this.#taken.get(principal) ?? 0) - count;
    if (left > 0) this.#taken.set(principal, left);
    else this.#taken.delete(principal);
    this.#total -= count;
  }
}
