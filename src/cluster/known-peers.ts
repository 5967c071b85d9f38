// Other nodes that the registry named with the last heartbeats: asked to hand a heartbeat on when the registry cannot be reached from here.

import type { Clock } from "../clock.ts";
import type { PeerAddress, Renewal, Renewing } from "./port.ts";

/** Has another node hand a heartbeat on. Rejects if that node cannot be reached. */
export type AskPeer = (
  peer: PeerAddress,
  renewing: Renewing,
  signal: AbortSignal,
) => Promise<Renewal | "registry-unreachable">;

export type Relayed =
  | Renewal
  /** At least one node was reached, and none that was reaches the registry. */
  | "registry-unreachable"
  /** None of the nodes that are known was reached. */
  | "no-peer-reached"
  /** No other node is known. */
  | "alone";

/** How many are asked at once. */
const askedAtOnce = 8;
/** A node is forgotten once so many heartbeats in a row did not name it; a few nodes are named with each. */
const namedWithin = 6;
/** Of a large cluster, the last ones that were named. */
const maxKnown = 32;

export class KnownPeers {
  readonly #askPeer: AskPeer;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** The one that was named longest ago first. */
  readonly #known = new Map<string, { readonly peer: PeerAddress; readonly round: number }>();
  #round = 0;

  constructor({
    askPeer,
    clock,
    timeoutMs,
  }: { readonly askPeer: AskPeer; readonly clock: Clock; readonly timeoutMs: number }) {
    this.#askPeer = askPeer;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  get ids(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** By their ids, so that the same ones are told alike. */
  get all(): readonly PeerAddress[] {
    return [...this.#known.values()].map(({ peer }) => peer).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Of one heartbeat that was heard. */
  learn(peers: readonly PeerAddress[]): void {
    this.#round += 1;
    for (const peer of peers) {
      this.#known.delete(peer.id);
      this.#known.set(peer.id, { peer, round: this.#round });
    }
    for (const [id, { round }] of this.#known) {
      if (this.#known.size > maxKnown || round <= this.#round - namedWithin) this.#known.delete(id);
    }
  }

  /** Asks several at once; the first that was heard by the registry is the answer. */
  async handOn(renewing: Renewing, signal: AbortSignal): Promise<Relayed> {
    const asked = [...this.#known.values()].reverse().slice(0, askedAtOnce);
    if (asked.length === 0) return "alone";
    const over = new AbortController();
    const late = new AbortController();
    void this.#clock.sleep(this.#timeoutMs, over.signal).then(
      () => late.abort(new Error(`No answer within ${this.#timeoutMs} ms.`)),
      () => undefined,
    );
    const either = AbortSignal.any([late.signal, signal]);
    let isReached = false;
    const answers = asked.map(async ({ peer }) => {
      const answer = await this.#askPeer(peer, renewing, either);
      isReached = true;
      if (answer === "registry-unreachable") throw new Error(answer);
      return answer;
    });
    try {
      return await Promise.any(answers);
    } catch {
      return isReached ? "registry-unreachable" : "no-peer-reached";
    } finally {
      over.abort();
      late.abort(new Error("Another node was faster."));
    }
  }
}
