// New sessions that wait here for room. While they do, the registry is asked again and again, in the order of their arrival, whether there is room on another
// node by now, or for their principal: what ends elsewhere is noticed here.

import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock } from "../clock.ts";
import type { Beyond, Waiter } from "../sessions/claims.ts";
import type { NewSession, Placement, Registry } from "./port.ts";
import type { Principals } from "./principals.ts";

export type WaitingOptions = {
  readonly registry: Pick<Registry, "placeAgain" | "giveBack">;
  /** This node's id. */
  readonly self: string;
  readonly principals: Pick<Principals, "reservationOf" | "moved" | "learn">;
  readonly clock: Clock;
};

/** Thrown instead of an answer: nothing was begun here, and a place is held on another node. */
export class RoomElsewhere extends Error {
  override readonly name = "RoomElsewhere";
  readonly placement: Placement;

  constructor(placement: Placement) {
    super(`there is room on the node ${placement.node.id}`);
    this.placement = placement;
  }
}

/** A call that was placed here and may have to wait. */
export type PlacedCall = { readonly session: NewSession; readonly reservation: string };

/** Between two rounds. Milliseconds. */
const roundMs = 1_000;
/** Waiters that one round asks for. */
const maxAsked = 32;

export class Waiting implements Disposable {
  readonly #options: WaitingOptions;
  readonly #closing = new AbortController();
  /** Whose call it is that comes to wait: sessions know nothing of reservations. */
  readonly #calls = new AsyncLocalStorage<PlacedCall>();
  /** In the order of arrival; as many as may wait for room. */
  readonly #waiters = new Map<Waiter, PlacedCall>();
  #isAsking = false;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /** Carries a call out. Rejects with RoomElsewhere, beside what that does. */
  during<T>(call: PlacedCall, act: () => T): T {
    return this.#calls.run(call, act);
  }

  /** For the admission of this node. */
  readonly onWait: NonNullable<Beyond["onWait"]> = (waiter) => {
    const call = this.#calls.getStore();
    if (call === undefined) return undefined;
    this.#waiters.set(waiter, call);
    if (!this.#isAsking) void this.#askOn();
    return { [Symbol.dispose]: () => void this.#waiters.delete(waiter) };
  };

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  async #askOn(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    this.#isAsking = true;
    while (this.#waiters.size > 0 && !signal.aborted) {
      await clock.sleep(roundMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.#round();
    }
    this.#isAsking = false;
  }

  /** As at one node: who is held up by its own limit holds up only its own; else nobody is overtaken. */
  async #round(): Promise<void> {
    const heldUp = new Set<string>();
    let asked = 0;
    for (const [waiter, call] of [...this.#waiters]) {
      const { principal } = call.session;
      if (heldUp.has(principal) || waiter.bound === undefined) continue;
      asked += 1;
      const isOver = asked > maxAsked || !(await this.#ask(waiter, call));
      if (isOver) return;
      if (waiter.bound === undefined) continue;
      if (waiter.bound.scope === "server") return;
      heldUp.add(principal);
    }
  }

  /** False if the registry cannot tell. */
  async #ask(waiter: Waiter, { session, reservation: own }: PlacedCall): Promise<boolean> {
    const { registry, self, principals } = this.#options;
    const { principal } = session;
    const reservation = principals.reservationOf(principal, own);
    const placement = await registry.placeAgain(session, { nodeId: self, reservation }).catch(() => undefined);
    if (placement === undefined) return false;
    if (placement.node.id === self) {
      principals.learn(principal, placement.elsewhere);
      waiter.lookAgain();
    } else if (waiter.leave(new RoomElsewhere(placement))) principals.moved(principal, reservation);
    else await registry.giveBack(reservation).catch(() => undefined);
    return true;
  }
}
