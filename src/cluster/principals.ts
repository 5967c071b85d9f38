// What each principal has of sessions and memory: here, as all nodes are told, and on the other nodes, as they tell. Its limits hold over all of them.

import type { Clock } from "../clock.ts";
import type { Beyond } from "../sessions/claims.ts";
import { nothingTaken, type Taken } from "../sessions/eviction.ts";
import type { Placed } from "./peers/wire.ts";
import type { Registry } from "./port.ts";

export type PrincipalsOptions = {
  readonly registry: Pick<Registry, "tellPrincipal" | "giveBack">;
  /** This node's id. */
  readonly self: string;
  /** Undefined while it is not registered: registering tells all counts. */
  readonly epoch: () => number | undefined;
  readonly clock: Clock;
};

/** What could not be told is told again after. Milliseconds. */
const retryMs = 1_000;

type Expected = {
  /** The oldest first. */
  readonly reservations: string[];
  /** As was last told. */
  readonly elsewhere: Taken;
};

export class Principals implements Disposable {
  readonly #options: PrincipalsOptions;
  readonly #closing = new AbortController();
  /** Those with sessions: as many as there are places. */
  readonly #here = new Map<string, Taken>();
  /** Calls that are on, and have opened no session yet. */
  readonly #expected = new Map<string, Expected>();
  /** What is to be told, with the reservations that became sessions. */
  readonly #untold = new Map<string, string[]>();
  #isTelling = false;

  constructor(options: PrincipalsOptions) {
    this.#options = options;
  }

  /** For the admission of this node. */
  readonly beyond: Beyond = {
    // Known of new sessions only: by the next one it may be wrong.
    elsewhere: (principal) => this.#expected.get(principal)?.elsewhere ?? nothingTaken,
    onCount: (principal, here) => this.#count(principal, here),
  };

  /** What each principal has here. */
  get counts(): ReadonlyMap<string, Taken> {
    return this.#here;
  }

  /** A session of the principal is about to be opened here. Its reservation is given back at the end, unless a session took it. */
  expect(
    principal: string,
    { reservation, elsewhere: sessions, elsewhereMemoryMib: memoryMib = 0 }: Placed,
  ): Disposable {
    const elsewhere = { sessions, memoryMib };
    const reservations = this.#expected.get(principal)?.reservations ?? [];
    this.#expected.set(principal, { reservations, elsewhere });
    reservations.push(reservation);
    return {
      [Symbol.dispose]: () => {
        const at = reservations.indexOf(reservation);
        if (at < 0) return;
        reservations.splice(at, 1);
        if (reservations.length === 0) this.#expected.delete(principal);
        // It comes back by time, too.
        this.#options.registry.giveBack(reservation).catch(() => undefined);
      },
    };
  }

  /** What is held for one of its calls that has opened no session yet: its own, or another's, where a session has taken its own. */
  reservationOf(principal: string, own: string): string {
    const reservations = this.#expected.get(principal)?.reservations ?? [];
    return reservations.includes(own) ? own : (reservations[0] ?? own);
  }

  /** It is another node's from now on. */
  moved(principal: string, reservation: string): void {
    const reservations = this.#expected.get(principal)?.reservations ?? [];
    const at = reservations.indexOf(reservation);
    if (at >= 0) reservations.splice(at, 1);
    if (reservations.length === 0) this.#expected.delete(principal);
  }

  /** What it has elsewhere by now. */
  learn(principal: string, elsewhere: Taken): void {
    const expected = this.#expected.get(principal);
    if (expected !== undefined) this.#expected.set(principal, { ...expected, elsewhere });
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  #count(principal: string, here: Taken): void {
    const before = this.#here.get(principal) ?? nothingTaken;
    if (here.sessions === 0) this.#here.delete(principal);
    else this.#here.set(principal, here);
    // Which one it is does not matter: all are of one principal at one node.
    const expected = this.#expected.get(principal)?.reservations;
    const taken = here.sessions > before.sessions ? expected?.shift() : undefined;
    if (expected?.length === 0) this.#expected.delete(principal);
    const untold = this.#untold.get(principal) ?? [];
    this.#untold.set(principal, untold);
    if (taken !== undefined) untold.push(taken);
    if (!this.#isTelling) void this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    const { clock } = this.#options;
    this.#isTelling = true;
    // More may change in this turn of the event loop.
    await Promise.resolve();
    while (this.#untold.size > 0 && !this.#closing.signal.aborted) {
      const [[principal, reservations] = []] = this.#untold;
      if (principal === undefined || reservations === undefined) break;
      const isTold = await this.#tell(principal, reservations);
      if (!isTold) await clock.sleep(retryMs, this.#closing.signal).catch(() => undefined);
    }
    this.#isTelling = false;
  }

  async #tell(principal: string, reservations: string[]): Promise<boolean> {
    const { registry, self, epoch } = this.#options;
    const now = epoch();
    const here = this.#here.get(principal) ?? nothingTaken;
    const count = reservations.length;
    if (now === undefined) return false;
    try {
      for (const reservation of count === 0 ? [undefined] : reservations.slice(0, count)) {
        const isTold = await registry.tellPrincipal(self, now, principal, here, reservation);
        if (reservation !== undefined) reservations.shift();
        if (!isTold) return false;
      }
    } catch {
      return false;
    }
    // It may have changed meanwhile.
    const isLast = (this.#here.get(principal) ?? nothingTaken) === here && reservations.length === 0;
    if (isLast) this.#untold.delete(principal);
    return true;
  }
}
