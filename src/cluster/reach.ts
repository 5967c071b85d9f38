// Asking the node that an id belongs to, over the seconds that its restart takes: what could not be sent is sent again, what was sent is not.

import type { Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import type { Owner, Owners } from "./owners.ts";
import { PeerUnreachable } from "./peers/unreachable.ts";
import { type PeerAddress, RegistryUnreachable } from "./port.ts";

export type ReachOptions = {
  readonly owners: Owners;
  readonly clock: Clock;
  /** How long a node that cannot be asked is waited for: as long as a lease lasts, at least. Milliseconds. */
  readonly patienceMs: number;
};

/** What was asked of it has its answer, or there is nobody to ask. */
export type Reached<T> =
  | { readonly kind: "answered"; readonly answer: T; readonly node: PeerAddress }
  | Exclude<Owner, { readonly kind: "other" }>;

/** Between two tries. Milliseconds. */
const retryMs = 200;

export class Reach {
  readonly #options: ReachOptions;

  constructor(options: ReachOptions) {
    this.#options = options;
  }

  /** Rejects with Failure `connection`, with the signal's reason, and with what `send` rejects with beside PeerUnreachable. */
  async node<T>(
    nodeId: string,
    signal: AbortSignal,
    send: (node: PeerAddress) => Promise<T>,
    patienceMs: number = this.#options.patienceMs,
  ): Promise<Reached<T>> {
    const { owners, clock } = this.#options;
    const untilMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      const owner = await this.#ownerOf(nodeId);
      if (owner.kind === "other") {
        try {
          return { kind: "answered", answer: await send(owner.node), node: owner.node };
        } catch (error) {
          if (!(error instanceof PeerUnreachable)) throw error;
          if (error.wasSent) throw brokenOff(owner.node, error);
          // One that stops goes on for a while before it does, and its lease lasts from then on.
          const moreMs = owner.node.isDraining ? patienceMs : 0;
          if (clock.monotonicMs() >= untilMs + moreMs) throw outOfReach(owner.node, error);
        }
      } else if (!this.#mayComeBack(owner) || clock.monotonicMs() >= untilMs) return owner;
      owners.forget(nodeId);
      await clock.sleep(retryMs, signal);
    }
  }

  async #ownerOf(nodeId: string): Promise<Owner> {
    try {
      return await this.#options.owners.nodeOf(nodeId);
    } catch (cause) {
      throw cause instanceof RegistryUnreachable ? unasked(nodeId, cause) : cause;
    }
  }

  /** One that has said that it stops is restarted, mostly. */
  #mayComeBack(owner: Owner): boolean {
    return owner.kind === "gone" && owner.node.hasLeft && owner.overMs < this.#options.patienceMs;
  }
}

function brokenOff({ id }: PeerAddress, cause: PeerUnreachable): Failure {
  const what = `the node ${id}, which this was handed on to, broke off. Whether it was carried out is not known.`;
  const advice = ["Look with get_sessions and get_execution before you repeat it."];
  return new Failure("connection", what, { context: { node: id }, advice, cause });
}

function outOfReach({ id }: PeerAddress, cause: PeerUnreachable): Failure {
  const what = `the node ${id}, which this is to be handed on to, cannot be reached. Nothing was carried out.`;
  const advice = ["Try again in some seconds.", "If that fails, start a new session by leaving session_id out."];
  return new Failure("connection", what, { context: { node: id }, advice, cause });
}

function unasked(nodeId: string, cause: RegistryUnreachable): Failure {
  const what = `the registry of the cluster cannot be asked for the node ${nodeId}, which this is to be handed on to.`;
  return new Failure("connection", what, { advice: ["Try again in some seconds."], cause });
}
