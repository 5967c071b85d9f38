// Which node an id belongs to: its sessions and executions carry the id of the node that made them. What the registry tells of a node is remembered for
// a second, and for longer where the registry cannot be asked, or has just lost what it knew: a node knows itself whether it may still serve.

import type { Clock } from "../clock.ts";
import { tagIn } from "../sessions/ids.ts";
import { leaseMs, type NodeRecord, type PeerAddress, type Registry, RegistryUnreachable } from "./port.ts";

export type OwnerNode = Pick<NodeRecord, "id" | "address" | "epoch" | "hasLeft" | "isDraining" | "leaseLeftMs">;

export type Owner =
  | { readonly kind: "other"; readonly node: OwnerNode }
  /** Its lease is over, and has been for some seconds. */
  | { readonly kind: "gone"; readonly node: OwnerNode; readonly overMs: number }
  /** The registry knows no such node, or not any more. */
  | { readonly kind: "unknown" };

export type OwnersOptions = {
  readonly registry: Pick<Registry, "node">;
  /** This node's id. */
  readonly self: string;
  readonly clock: Clock;
};

type Looked = {
  /** Undefined: none is known. */
  readonly node: OwnerNode | undefined;
  /** When the registry told so. */
  readonly atMs: number;
  /** When it was asked last; later, if it has lost the record meanwhile. */
  readonly askedMs: number;
  /** Since when it is known that the registry has lost the record. */
  readonly missingMs?: number | undefined;
};

const unknown: Owner = { kind: "unknown" };

/** How long an answer of the registry's is taken for true. Milliseconds. */
const freshMs = 1_000;
/**
 * A node whose lease is over is asked itself for a while yet: it may have been told that nobody reaches the registry just before that was back, and go on
 * until it hears more. Milliseconds.
 */
const graceMs = leaseMs / 4;
/** Nodes that are remembered; anybody can make up ids of others. */
const maxRemembered = 4096;

export class Owners {
  readonly #options: OwnersOptions;
  readonly #ownPrefixes: readonly [string, string];
  readonly #looked = new Map<string, Looked>();
  readonly #looking = new Map<string, Promise<OwnerNode | undefined>>();
  /** Whether the registry could not be asked the last time. */
  #isAway = false;
  /** It has been away until then, at least, and may have lost what it knew. */
  #awayUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: OwnersOptions) {
    this.#options = options;
    this.#ownPrefixes = [`session-${options.self}-`, `execution-${options.self}-`];
  }

  /**
   * The other node that an id of a session or an execution belongs to; undefined for this node's own, and for what no node has made: a mistyped one,
   * say. The own ones are told by their beginning, so that their calls lose no time.
   */
  otherNodeOf(id: string): string | undefined {
    const [session, execution] = this.#ownPrefixes;
    if (id.startsWith(session) || id.startsWith(execution)) return undefined;
    const nodeId = tagIn(id);
    return nodeId === this.#options.self ? undefined : nodeId;
  }

  /** Rejects with RegistryUnreachable for a node that nothing is remembered of. */
  nodeOf(nodeId: string): Owner | Promise<Owner> {
    const looked = this.#looked.get(nodeId);
    if (looked !== undefined && this.#isFresh(looked)) return this.#told(looked);
    const looking = this.#look(nodeId);
    if (!this.#isAway || looked?.node === undefined) return looking;
    // No call waits for a registry that does not answer, where something is remembered.
    looking.catch(() => undefined);
    return { kind: "other", node: looked.node };
  }

  /** There is a new connection to the registry: it may have been started again, and empty. */
  registryIsBack(): void {
    this.#awayUntilMs = this.#options.clock.monotonicMs();
  }

  /**
   * A heartbeat has named a node that has a lease: remembers what there is of it now, for when the registry cannot be asked or has lost it. The heartbeat
   * may have come back by way of another node, so that it tells more than the registry can be asked for here.
   */
  async lookAhead(peer: PeerAddress): Promise<void> {
    const { node } = this.#looked.get(peer.id) ?? {};
    if (node === undefined || node.epoch < peer.epoch) {
      const { id, address, epoch } = peer;
      const atMs = this.#options.clock.monotonicMs();
      // Of the lease it is known only that there is one, so that the registry is asked as soon as it can be.
      const record = { id, address, epoch, hasLeft: false, isDraining: false, leaseLeftMs: 1 };
      this.#remember(id, { node: record, atMs, askedMs: Number.NEGATIVE_INFINITY });
    }
    try {
      await this.nodeOf(peer.id);
    } catch {
      // Whoever needs the node is told.
    }
  }

  /** What is remembered of it has turned out to be wrong. */
  forget(nodeId: string): void {
    const looked = this.#looked.get(nodeId);
    // Where the registry cannot be asked, it is still the best there is.
    if (looked !== undefined) this.#looked.set(nodeId, { ...looked, askedMs: Number.NEGATIVE_INFINITY });
  }

  async #look(nodeId: string): Promise<Owner> {
    const asking = this.#looking.get(nodeId) ?? this.#ask(nodeId);
    try {
      await asking;
    } catch (error) {
      const { node } = this.#looked.get(nodeId) ?? {};
      if (error instanceof RegistryUnreachable && node !== undefined) return { kind: "other", node };
      throw error;
    }
    const looked = this.#looked.get(nodeId);
    return looked === undefined ? unknown : this.#told(looked);
  }

  #ask(nodeId: string): Promise<OwnerNode | undefined> {
    const { registry, clock } = this.#options;
    const asking = registry
      .node(nodeId)
      .then((node) => {
        const askedMs = clock.monotonicMs();
        this.#isAway = false;
        const looked = this.#looked.get(nodeId);
        // What was missing before it was away may have been back meanwhile, and be lost again.
        const wasMissing = looked?.missingMs !== undefined && looked.missingMs > this.#awayUntilMs;
        const missingMs = wasMissing ? looked.missingMs : askedMs;
        const isBeingRebuilt = node === undefined && looked !== undefined && mayComeBack(looked, askedMs - missingMs);
        this.#remember(nodeId, isBeingRebuilt ? { ...looked, askedMs, missingMs } : { node, atMs: askedMs, askedMs });
        return node;
      })
      .catch((error: unknown) => {
        if (error instanceof RegistryUnreachable) {
          this.#isAway = true;
          this.#awayUntilMs = clock.monotonicMs();
        }
        throw error;
      })
      .finally(() => this.#looking.delete(nodeId));
    this.#looking.set(nodeId, asking);
    return asking;
  }

  #remember(nodeId: string, looked: Looked): void {
    this.#looked.delete(nodeId);
    this.#looked.set(nodeId, looked);
    for (const oldest of this.#looked.keys()) {
      if (this.#looked.size <= maxRemembered) return;
      this.#looked.delete(oldest);
    }
  }

  /** A lease that was seen to last and is over by now may have been renewed meanwhile. */
  #isFresh({ node, atMs, askedMs }: Looked): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const isOver = node !== undefined && node.leaseLeftMs > 0 && nowMs - atMs >= node.leaseLeftMs;
    return nowMs - askedMs < freshMs && !isOver;
  }

  #told({ node, atMs }: Looked): Owner {
    if (node === undefined) return unknown;
    const overMs = this.#options.clock.monotonicMs() - atMs - node.leaseLeftMs;
    const mayServe = node.leaseLeftMs > 0 || (!node.hasLeft && overMs < graceMs);
    return mayServe ? { kind: "other", node } : { kind: "gone", node, overMs };
  }
}

/** A registry that was flushed knows its nodes again with their next heartbeats. Records of nodes that have ended are kept for longer than a lease. */
function mayComeBack({ node }: Looked, missingForMs: number): boolean {
  return node !== undefined && node.leaseLeftMs > 0 && missingForMs < leaseMs;
}
