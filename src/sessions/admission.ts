// May another sandbox start? A place is reserved before the boot and given back when nothing of the sandbox is left, so that there
// are never more of them than the limits say, those on their way in and out included.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import type { Failure } from "../failure.ts";
import { type Beyond, type Claim, type ClaimLimits, Claims, type Tenant } from "./claims.ts";
import type { Bound, Need } from "./eviction.ts";
import { waitFor } from "./patience.ts";
import { refusal } from "./refusal.ts";

export type AdmissionLimits = ClaimLimits & {
  /** How long a new session may wait for room that nobody can be evicted for. Milliseconds; 0 refuses at once. */
  readonly admissionWaitMs: number;
  /** How long a new session waits for those on their way out. Milliseconds. */
  readonly startTimeoutMs: number;
};

export type Asking = Need & {
  /** In words: "a new medium session". */
  readonly what: string;
};

/** The room of one sandbox, from before its boot until nothing of it is left. */
export type Place = {
  /** Who has it from now on, and may be evicted from it. */
  occupy(tenant: Tenant): void;
  /** It will come free: others may count on it. May be called more than once, as the next. */
  leave(): void;
  free(): void;
};

/** New sessions that may wait for room, all in all and of one principal. */
const maxWaiting = 256;
const maxWaitingPerPrincipal = 64;

type Waiter = {
  readonly asking: Asking;
  readonly admitted: PromiseWithResolvers<Claim>;
  /** What stood in the way when it was last looked at. */
  bound: Bound | undefined;
};

export type AdmissionOptions = {
  readonly limits: AdmissionLimits;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Where there are other nodes. */
  readonly beyond?: Beyond | undefined;
};

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #claims: Claims;
  readonly #beyond: Beyond | undefined;
  /** In the order of arrival; at most `maxWaiting`. */
  readonly #waiting: Waiter[] = [];
  /** Claims whose room is still taken, each with what lets it in. */
  readonly #entering = new Map<Claim, PromiseWithResolvers<void>>();
  #isServing = false;
  #closed: Failure | undefined;

  constructor({ limits, clock, emit, beyond }: AdmissionOptions) {
    this.#limits = limits;
    this.#claims = new Claims(limits, beyond);
    this.#beyond = beyond;
    this.#clock = clock;
    this.#emit = emit;
  }

  /** What is taken now, what waits, and of how much. */
  get usage() {
    const { all, present } = this.#claims;
    return {
      places: present.length,
      memoryMib: present.reduce((sum, { memoryMib }) => sum + memoryMib, 0),
      /** Of it, what is given up for a session that needs the room. */
      aheadMemoryMib: present.reduce((sum, { principal, memoryMib }) => sum + (principal === null ? memoryMib : 0), 0),
      waiting: this.#waiting.length + all.length - present.length,
      limits: this.#limits,
    };
  }

  /**
   * A place for a new session, made by evicting idle ones where there is none; waits for room if `admissionWaitMs` says so, and until those whose
   * room it takes have left it.
   *
   * Throws Failure `limit_reached`, without having evicted anybody, where no room can be made; the signal's reason if that aborts.
   */
  async reserve(asking: Asking, signal: AbortSignal): Promise<Place> {
    if (signal.aborted) throw signal.reason;
    if (this.#closed !== undefined) throw this.#closed;
    const impossible = this.#claims.boundEver(asking);
    if (impossible !== undefined) throw this.#refuse(asking, impossible, true);
    const cameMs = this.#clock.monotonicMs();
    let admitted = false;
    let hasWaited = false;
    try {
      const waiter: Waiter = { asking, admitted: Promise.withResolvers(), bound: undefined };
      this.#waiting.push(waiter);
      this.#serveWaiting();
      if (this.#waiting.includes(waiter)) {
        hasWaited = this.#limits.admissionWaitMs > 0;
        await this.#untilAdmitted(waiter, signal);
      }
      const claim = await waiter.admitted.promise;
      if (claim.state === "entering") {
        hasWaited = true;
        await this.#untilLetIn(claim, asking, signal);
      }
      admitted = true;
      return this.#placeOf(claim);
    } finally {
      const { principal } = asking;
      const waitedMs = this.#clock.monotonicMs() - cameMs;
      if (hasWaited) this.#emit({ type: "admission.waited", principal, waitedMs, admitted });
    }
  }

  /**
   * For a sandbox that is booted ahead of need; undefined if there is no room, or somebody waits for it. `giveUp` is called at most once, when a
   * session needs the room: the place is then to be freed as soon as nothing of the sandbox is left.
   */
  reserveAhead(memoryMib: number, giveUp: () => void): Place | undefined {
    if (this.#closed !== undefined || this.#waiting.length > 0 || this.#entering.size > 0) return undefined;
    const need = { principal: null, memoryMib };
    if (this.#claims.boundNow(need) !== undefined) return undefined;
    const claim = this.#claims.add(null, memoryMib, "held");
    const sinceMs = this.#clock.monotonicMs();
    claim.tenant = { principal: null, sessionId: "", idle: { sinceMs, isExpired: false }, giveUp };
    return this.#placeOf(claim);
  }

  /** A place that is taken already, by a sandbox of before: also beyond the limits. */
  restore({ principal, memoryMib }: Need): Place {
    return this.#placeOf(this.#claims.add(principal, memoryMib, "held"));
  }

  /** Whether a sandbox that was booted ahead may become this principal's. */
  mayTakeOver(need: Need): boolean {
    return (
      !this.#waiting.some(({ asking }) => asking.principal === need.principal) &&
      this.#claims.boundOfItsOwn(need) === undefined
    );
  }

  /** From now on nobody is admitted; those who wait are told `why`. */
  close(why: Failure): void {
    this.#closed = why;
    for (const { admitted } of this.#waiting.splice(0)) admitted.reject(why);
    for (const entering of this.#entering.values()) entering.reject(why);
  }

  /** Something has become idle: whoever waits may have its room. */
  lookAgain(): void {
    if (this.#waiting.length > 0) this.#serveWaiting();
  }

  /** Gives room to those who wait, in order. Who is held up by its own limit holds up only its own; else nobody is overtaken. */
  #serveWaiting(): void {
    // Who is evicted may be gone at once, and say so: what that changes is seen by this round, or by the next.
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      this.#serveInOrder();
    } finally {
      this.#isServing = false;
    }
  }

  #serveInOrder(): void {
    const heldUp = new Set<string>();
    for (const waiter of [...this.#waiting]) {
      const { principal } = waiter.asking;
      if (heldUp.has(principal)) continue;
      const made = this.#makeRoom(waiter.asking);
      if ("limit" in made) {
        waiter.bound = made;
        if (made.scope === "server") return;
        heldUp.add(principal);
        continue;
      }
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.admitted.resolve(made);
    }
  }

  /** A claim on room that is there, or will be once those who leave have left; or what stands in the way. */
  #makeRoom(asking: Asking): Claim | Bound {
    const bound = this.#claims.boundSoon(asking);
    if (bound !== undefined) {
      const victims = this.#claims.victimsOf(asking);
      if (victims === undefined) return bound;
      for (const claim of victims) {
        if (!this.#claims.has(claim)) continue;
        claim.state = "leaving";
        this.#tellEviction(claim, bound);
        claim.tenant?.giveUp(asking.what);
      }
    }
    const claim = this.#claims.add(asking.principal, asking.memoryMib, "entering");
    if (this.#claims.hasRoomNow(claim)) claim.state = "held";
    return claim;
  }

  /** Of a session that could have gone on. */
  #tellEviction({ tenant }: Claim, { scope, resource }: Bound): void {
    if (tenant === undefined || tenant.principal === null || tenant.idle?.isExpired === true) return;
    const { sessionId, principal } = tenant;
    this.#emit({ type: "session.evicted", sessionId, principal, scope, resource });
  }

  #placeOf(claim: Claim): Place {
    return {
      occupy: (tenant) => this.#claims.assign(claim, tenant),
      leave: () => {
        if (claim.state === "leaving") return;
        claim.state = "leaving";
        this.lookAgain();
      },
      free: () => this.#remove(claim),
    };
  }

  #remove(claim: Claim): void {
    if (!this.#claims.delete(claim)) return;
    for (const entering of this.#entering.keys()) this.#letIn(entering);
    this.lookAgain();
  }

  #letIn(claim: Claim): void {
    if (!this.#claims.hasRoomNow(claim)) return;
    claim.state = "held";
    this.#entering.get(claim)?.resolve();
    this.#entering.delete(claim);
  }

  #refuse(asking: Asking, bound: Bound | undefined, isImpossible: boolean, isQueueFull = false): Failure {
    const inTheWay = bound ?? this.#claims.boundNow(asking) ?? this.#claims.sessionsBound;
    const { scope, resource } = inTheWay;
    const { principal } = asking;
    this.#emit({
      ...{ type: "admission.refused", principal, scope, isImpossible },
      resource: isQueueFull ? "queue" : resource,
    });
    const idle = this.#claims.idleOf(principal);
    const { enableLruEviction, admissionWaitMs } = this.#limits;
    return refusal({ asking, bound: inTheWay, isImpossible, isQueueFull, idle, enableLruEviction, admissionWaitMs });
  }

  async #untilAdmitted(waiter: Waiter, signal: AbortSignal): Promise<void> {
    const { asking, admitted } = waiter;
    const { admissionWaitMs } = this.#limits;
    const own = this.#waiting.filter((other) => other.asking.principal === asking.principal).length;
    const isFull = this.#waiting.length > maxWaiting || own > maxWaitingPerPrincipal;
    // At once, and only if it still waits: whoever is rejected must not be given room in the same moment.
    const leave = (why: () => unknown): boolean => {
      const at = this.#waiting.indexOf(waiter);
      if (at < 0) return false;
      this.#waiting.splice(at, 1);
      admitted.reject(why());
      // It may have held up others.
      this.lookAgain();
      return true;
    };
    if (admissionWaitMs === 0 || isFull) {
      leave(() => this.#refuse(asking, waiter.bound, false, isFull && admissionWaitMs > 0));
    }
    const waiting = this.#waiting;
    using _ = this.#beyond?.onWait?.({
      get bound() {
        return waiting.includes(waiter) ? waiter.bound : undefined;
      },
      lookAgain: () => this.lookAgain(),
      leave: (why) => leave(() => why),
    });
    await waitFor(admitted.promise, {
      ...{ clock: this.#clock, limitMs: admissionWaitMs, signal },
      onLate: () => leave(() => this.#refuse(asking, waiter.bound, false)),
      onLeave: () => leave(() => signal.reason),
    });
  }

  async #untilLetIn(claim: Claim, asking: Asking, signal: AbortSignal): Promise<void> {
    const entering = Promise.withResolvers<void>();
    this.#entering.set(claim, entering);
    const isLetIn = waitFor(entering.promise, {
      ...{ clock: this.#clock, limitMs: this.#limits.startTimeoutMs, signal },
      onLate: () => entering.reject(this.#refuse(asking, this.#claims.boundNow(asking), false)),
      onLeave: () => entering.reject(signal.reason),
    });
    // It may have come free since the claim was made.
    this.#letIn(claim);
    try {
      await isLetIn;
    } catch (error) {
      this.#entering.delete(claim);
      this.#remove(claim);
      throw error;
    }
  }
}
