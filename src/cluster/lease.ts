// This node's lease in the registry: takes it, prolongs it, and tells how the node stands. The node's side of the lease ends before the
// registry's does, by the monotonic clock from before a heartbeat was sent: what others may be told is over has stopped here by then.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { StartError } from "../failure.ts";
import { type AskPeer, KnownPeers, type Relayed } from "./known-peers.ts";
import {
  countsOf,
  type NodeFacts,
  type NodeLoad,
  type PeerAddress,
  type Registration,
  type Registry,
  type Renewal,
  type Renewing,
  type Standing,
  type Taken,
} from "./port.ts";
import type { RememberedPeers } from "./remembered-peers.ts";

export type LeaseOptions = {
  readonly registry: Pick<Registry, "register" | "renew" | "leave">;
  readonly clock: Clock;
  readonly facts: NodeFacts;
  readonly load: () => NodeLoad;
  /** What each principal has here. */
  readonly principals: () => ReadonlyMap<string, Taken>;
  readonly isDraining: () => boolean;
  readonly askPeer: AskPeer;
  /** As of the registry. At least 10 s are advisable: a call to the registry may take 2 s, one to another node 5 s. */
  readonly leaseMs: number;
  readonly emit: Emit;
  /** Others may have been told that the sessions here are lost: resolves once none is left. The lease is taken again only then. */
  readonly endSessions: () => Promise<void>;
  readonly onDrain: (isToDrain: boolean) => void;
  /** Other nodes that an earlier process of this one knew, and where they are kept for the next one. */
  readonly remembered: RememberedPeers;
  /** Other nodes that the registry has named with a heartbeat: all of a few, some of many. */
  readonly onPeers?: (peers: readonly PeerAddress[]) => void;
};

export interface Lease extends AsyncDisposable {
  /** At this very moment, also if the process stood still until now. */
  readonly standing: Standing;
  /** Undefined while there has been no registration, or the last one is over. */
  readonly epoch: number | undefined;
  /** Other nodes that the last heartbeats have named; of a large cluster, some. */
  readonly knownPeers: readonly string[];
  /** The next heartbeat comes now: something has changed that others should know. */
  beatNow(): void;
  /** This node ends to be started again: its lease is not given back, so that others wait for it as long as that lasts. */
  willBeBack(): void;
}

/** How often all principals are told anew, beside what each change tells. */
const tellAllMs = 60 * 60 * 1000;
const peerTimeoutMs = 5000;

/**
 * Resolves once the registry was asked to register: with a lease, or without one and `unreachable` if it could not be. Rejects with StartError if
 * another node lives by this id.
 */
export async function openLease(options: LeaseOptions): Promise<Lease> {
  const lease = new OwnLease(options);
  await lease.start();
  return lease;
}

class OwnLease implements Lease {
  readonly #options: LeaseOptions;
  readonly #peers: KnownPeers;
  readonly #stopped = new AbortController();
  #epoch: number | undefined;
  /** Kept when it is over, too. */
  #last: Registration | undefined;
  /** The lease is ours until then, by the monotonic clock. */
  #heldUntilMs = -Infinity;
  /** Until then nobody can have been told that it is over: nobody reached the registry. */
  #awayUntilMs = -Infinity;
  /** The same, whatever is heard from other nodes since: the registry has been away for so long that it knows. */
  #surelyAwayUntilMs = -Infinity;
  /** Since when each heartbeat was answered so. */
  #awaySinceMs: number | undefined;
  #isHeard = false;
  /** Others may have been told that the lease is over; only the registry can tell more. */
  #isDoubtful = false;
  /** What there was under the lease has to end before the next one. */
  #mustEnd = false;
  #told: Standing | undefined;
  #refusal: string | undefined;
  /** What the registry could not be asked for, when it was asked last. */
  #trouble: string | undefined;
  #toldAllMs = -Infinity;
  #isBeatWanted = false;
  #willBeBack = false;
  /** Whether a heartbeat may follow on a registration at once: not on one without a pause before it, or a registry that loses keys has no rest. */
  #mayFollow = true;
  #wake = new AbortController();
  #watch = new AbortController();
  #beating: Promise<void> = Promise.resolve();

  constructor(options: LeaseOptions) {
    const { askPeer, clock, remembered } = options;
    this.#options = options;
    this.#peers = new KnownPeers({ askPeer, clock, timeoutMs: peerTimeoutMs });
    this.#peers.learn(remembered.read());
  }

  get standing(): Standing {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#isDoubtful || nowMs >= Math.max(this.#heldUntilMs, this.#awayUntilMs)) return "lost";
    return nowMs < this.#heldUntilMs && (this.#isHeard || nowMs >= this.#awayUntilMs) ? "held" : "unreachable";
  }

  get epoch(): number | undefined {
    return this.#epoch;
  }

  get knownPeers(): readonly string[] {
    return this.#peers.ids;
  }

  async start(): Promise<void> {
    try {
      await this.#register();
    } catch (error) {
      if (error instanceof StartError) throw error;
      this.#trouble = messageOf(error);
      await this.#beginWithout();
    }
    this.#look("start");
    this.#beating = this.#beatOn();
  }

  beatNow(): void {
    this.#isBeatWanted = true;
    this.#wake.abort();
  }

  willBeBack(): void {
    this.#willBeBack = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { registry, facts, load } = this.#options;
    const { id, startedAt } = facts;
    this.#stopped.abort();
    this.#wake.abort();
    this.#watch.abort();
    await this.#beating;
    const epoch = this.#epoch;
    if (epoch === undefined) return;
    // If it cannot be told, the lease ends by itself.
    const told = this.#willBeBack
      ? registry.renew({ id, epoch, startedAt, load: load(), isDraining: true })
      : registry.leave(id, epoch);
    await told.catch(() => undefined);
  }

  async #beatOn(): Promise<void> {
    const { clock, leaseMs } = this.#options;
    while (!this.#stopped.signal.aborted) {
      this.#wake = new AbortController();
      // A heartbeat that was not heard is followed by others in time.
      const pauseMs = this.standing === "held" && this.#isHeard ? leaseMs / 3 : leaseMs / 6;
      if (!this.#isBeatWanted) {
        await clock.sleep(pauseMs, this.#wake.signal).catch(() => undefined);
        this.#mayFollow = true;
      }
      this.#isBeatWanted = false;
      if (this.#stopped.signal.aborted) return;
      // Who stood still for longer than the lease finds it over before anything else is known.
      this.#look("time");
      this.#look(await this.#beat());
    }
  }

  /** Resolves with what came of it. */
  async #beat(): Promise<string> {
    if (this.#epoch === undefined) return await this.#registerAgain();
    const { clock, facts, load, isDraining } = this.#options;
    const sentMs = clock.monotonicMs();
    const answer = await this.#renew(
      { id: facts.id, epoch: this.#epoch, startedAt: facts.startedAt, load: load(), isDraining: isDraining() },
      sentMs,
    );
    if (typeof answer === "string") {
      this.#isHeard = false;
      if (answer === "no-peer-reached") this.#isCutOff();
      else this.#goOn(sentMs);
      return answer;
    }
    if (answer.outcome === "renewed") {
      this.#renewed(answer, sentMs);
      return answer.outcome;
    }
    // A record that was lost while the lease lasted: nobody was told anything.
    if (answer.outcome !== "unknown" || this.standing === "lost") this.#isOver(answer.outcome);
    await this.#registerAgain();
    return answer.outcome;
  }

  /** By the registry, else by way of another node. What was not heard of while the registry could not be reached is told behind that. */
  async #renew(renewing: Renewing, sentMs: number): Promise<Relayed> {
    const { clock } = this.#options;
    const all = () => {
      const { sessions: principals, memoryMib: principalsMemoryMib } = countsOf(this.#options.principals());
      return { ...renewing, principals, principalsMemoryMib, principalsAtMs: clock.monotonicMs() };
    };
    const isDue = sentMs - this.#toldAllMs >= tellAllMs;
    try {
      const renewal = await this.#options.registry.renew(isDue ? all() : renewing);
      if (isDue) this.#toldAllMs = sentMs;
      this.#trouble = undefined;
      return renewal;
    } catch (error) {
      this.#trouble = messageOf(error);
      this.#toldAllMs = -Infinity;
      return await this.#peers.handOn(all(), this.#stopped.signal);
    }
  }

  #renewed({ isToDrain, peers }: Renewal, sentMs: number): void {
    this.#hold(sentMs);
    if (peers !== undefined) {
      this.#peers.learn(peers);
      this.#options.remembered.keep(this.#peers.all);
      this.#options.onPeers?.(peers);
    }
    if (this.#last === undefined || isToDrain === this.#last.isToDrain) return;
    this.#last = { ...this.#last, isToDrain };
    this.#options.onDrain(isToDrain);
  }

  #isOver(why: string): void {
    this.#epoch = undefined;
    this.#isDoubtful = true;
    this.#mustEnd = true;
    this.#look(why);
  }

  /** Ends what must be ended and takes the lease; what fails is tried again with the next heartbeat. */
  async #registerAgain(): Promise<string> {
    const { emit, endSessions } = this.#options;
    try {
      if (this.#mustEnd) await endSessions();
      this.#mustEnd = false;
      await this.#register();
      return "registered";
    } catch (error) {
      const reason = messageOf(error);
      if (error instanceof StartError) {
        if (reason !== this.#refusal) emit({ type: "cluster.refused", reason });
        this.#refusal = reason;
        // Somebody else is this node now.
        if (this.#epoch !== undefined) this.#isOver(reason);
        return reason;
      }
      this.#trouble = reason;
      if (!this.#isDoubtful && this.#epoch === undefined) await this.#beginWithout();
      return reason;
    }
  }

  /**
   * There has been no registration yet. Nobody knows of a node that knows nobody; one that was there before may have been told lost, unless others
   * that it knew do not reach the registry either.
   */
  async #beginWithout(): Promise<void> {
    const { clock, facts, load, isDraining } = this.#options;
    const sentMs = clock.monotonicMs();
    const nobody = { id: facts.id, epoch: 0, startedAt: facts.startedAt, load: load(), isDraining: isDraining() };
    const answer = await this.#peers.handOn(nobody, this.#stopped.signal);
    if (answer === "alone" || answer === "registry-unreachable") this.#goOn(sentMs);
    else this.#isCutOff();
  }

  async #register(): Promise<void> {
    const { clock, registry, facts, load, principals, emit } = this.#options;
    const sentMs = clock.monotonicMs();
    this.#epoch = await registry.register(facts, load(), principals(), this.#last);
    this.#last = { epoch: this.#epoch, isToDrain: this.#last?.isToDrain === true };
    this.#hold(sentMs);
    this.#toldAllMs = sentMs;
    this.#refusal = undefined;
    this.#trouble = undefined;
    emit({ type: "cluster.joined", nodeId: facts.id, address: facts.address, epoch: this.#epoch });
    // A heartbeat brings the other nodes, who may have been registered again as well, and tells whether this one drains.
    if (this.#mayFollow) this.beatNow();
    this.#mayFollow = false;
  }

  #hold(sentMs: number): void {
    this.#isHeard = true;
    this.#isDoubtful = false;
    this.#awaySinceMs = undefined;
    // A tenth is left for what is under way when it ends.
    this.#heldUntilMs = Math.max(this.#heldUntilMs, sentMs + this.#options.leaseMs * 0.9);
  }

  /** Nobody reaches the registry, from when the heartbeat was sent until now: for as long, no lease is over. See `heard` in registry/lua/shared.lua. */
  #goOn(sentMs: number): void {
    const { clock, leaseMs } = this.#options;
    this.#awayUntilMs = clock.monotonicMs() + leaseMs * 0.9;
    this.#awaySinceMs ??= sentMs;
    if (sentMs - this.#awaySinceMs > leaseMs / 2) this.#surelyAwayUntilMs = this.#awayUntilMs;
  }

  /** No other node is reached: the registry may be back for them, and may not have noticed that it was away. */
  #isCutOff(): void {
    this.#awayUntilMs = this.#surelyAwayUntilMs;
    this.#awaySinceMs = undefined;
  }

  /** Tells a change of the standing, and looks again when time alone will change it. */
  #look(why: string): void {
    const { clock, emit } = this.#options;
    this.#watch.abort();
    if (this.#stopped.signal.aborted) return;
    const { standing } = this;
    if (standing === "lost") this.#isDoubtful = true;
    if (standing !== this.#told) {
      this.#told = standing;
      const reason = standing === "held" ? undefined : this.#trouble;
      emit({ type: "cluster.standing", standing, why, ...(reason === undefined ? {} : { reason }) });
    }
    if (standing === "lost") return;
    this.#watch = new AbortController();
    const untilMs = Math.max(this.#heldUntilMs, this.#awayUntilMs) - clock.monotonicMs();
    void clock.sleep(untilMs, this.#watch.signal).then(
      () => this.#look("time"),
      () => undefined,
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
