// The room that is taken: one claim a place, from before its sandbox boots until nothing of that is left. Whether there is room for
// another is asked here; who waits for it is Admission's.

import {
  type Bound,
  boundOf,
  chooseVictims,
  type Holding,
  memoryOf,
  type Need,
  nothingTaken,
  type RoomLimits,
  type Taken,
} from "./eviction.ts";

/** Who has a place. */
export type Tenant = {
  /** Null for a sandbox that was booted ahead. */
  readonly principal: string | null;
  readonly sessionId: string;
  readonly idle: Holding["idle"];
  /** Ends it for the sake of another; called at most once. */
  giveUp(forWhat: string): void;
};

export type Claim = {
  readonly id: number;
  principal: string | null;
  readonly memoryMib: number;
  /** `entering`: its room is still taken by one that is leaving. */
  state: "entering" | "held" | "leaving";
  tenant: Tenant | undefined;
};

export type ClaimLimits = RoomLimits & {
  /** Whether sessions that are idle, but not expired, make room for new ones. */
  readonly enableLruEviction: boolean;
};

/** What there is of a principal beyond this process. */
export type Beyond = {
  /** What it has on other nodes, which counts against its limits here. */
  readonly elsewhere: (principal: string) => Taken;
  /** Told what it has here, each time that changes. */
  readonly onCount: (principal: string, here: Taken) => void;
  /** Told of each that begins to wait for room here. What it returns is disposed once that no longer waits. */
  readonly onWait?: (waiter: Waiter) => Disposable | undefined;
};

/** Who waits for room, in the order of arrival. */
export type Waiter = {
  /** What stood in its way when it was last looked at. Undefined: it does not wait any more. */
  readonly bound: Bound | undefined;
  /** Something has changed that may let it in. */
  lookAgain(): void;
  /** It is refused with `why`. False, and nothing, if it does not wait any more. */
  leave(why: Error): boolean;
};

export const nothingBeyond: Beyond = { elsewhere: () => nothingTaken, onCount: () => undefined };

export class Claims {
  readonly #limits: ClaimLimits;
  readonly #beyond: Beyond;
  /** One a place: bounded by the limits. */
  readonly #byId = new Map<number, Claim>();
  #lastId = 0;

  constructor(limits: ClaimLimits, beyond: Beyond = nothingBeyond) {
    this.#limits = limits;
    this.#beyond = beyond;
  }

  get all(): readonly Claim[] {
    return [...this.#byId.values()];
  }

  /** Those whose room is their own by now. */
  get present(): readonly Claim[] {
    return this.all.filter(({ state }) => state !== "entering");
  }

  get #staying(): readonly Claim[] {
    return this.all.filter(({ state }) => state !== "leaving");
  }

  add(principal: string | null, memoryMib: number, state: Claim["state"]): Claim {
    this.#lastId++;
    const claim: Claim = { id: this.#lastId, principal, memoryMib, state, tenant: undefined };
    this.#byId.set(claim.id, claim);
    this.#tellCount(principal);
    return claim;
  }

  /** Whose it is from now on. */
  assign(claim: Claim, tenant: Tenant): void {
    const { principal } = claim;
    claim.tenant = tenant;
    claim.principal = tenant.principal;
    if (principal === tenant.principal) return;
    this.#tellCount(principal);
    this.#tellCount(tenant.principal);
  }

  has({ id }: Claim): boolean {
    return this.#byId.has(id);
  }

  /** False if it was not there any more. */
  delete({ id, principal }: Claim): boolean {
    const wasThere = this.#byId.delete(id);
    if (wasThere) this.#tellCount(principal);
    return wasThere;
  }

  /** What stands in the way of a need now. */
  boundNow(need: { readonly principal: string | null; readonly memoryMib: number }): Bound | undefined {
    return boundOf(this.all, need, this.#limits, this.#elsewhere(need.principal));
  }

  /** What stands in its way once those who leave have left. */
  boundSoon(need: Need): Bound | undefined {
    return boundOf(this.#staying, need, this.#limits, this.#elsewhere(need.principal));
  }

  /** What stands in its way whoever leaves: the need is too large. */
  boundEver(need: Need): Bound | undefined {
    return boundOf([], need, this.#limits);
  }

  /** What of the principal's own limits stands in its way. */
  boundOfItsOwn(need: Need): Bound | undefined {
    const own = this.all.filter(({ principal }) => principal === need.principal);
    const limits = { ...this.#limits, maxSessions: Number.POSITIVE_INFINITY, maxTotalMemoryMib: undefined };
    return boundOf(own, need, limits, this.#elsewhere(need.principal));
  }

  /** For who was refused when it was full, and looks at it when it is not. */
  get sessionsBound(): Bound {
    return { scope: "server", resource: "sessions", current: this.#byId.size, limit: this.#limits.maxSessions };
  }

  hasRoomNow(claim: Claim): boolean {
    return boundOf(this.present, claim, this.#limits) === undefined;
  }

  /** Those to give up so that there is room for the need; undefined if there is none to be made. */
  victimsOf(need: Need): readonly Claim[] | undefined {
    const holdings = this.#staying.map((claim) => this.#holdingOf(claim));
    const victims = chooseVictims(holdings, need, this.#limits, this.#elsewhere(need.principal));
    return victims?.flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** The principal's sessions that it could stop, the least recently used first. */
  idleOf(asking: string): readonly string[] {
    const own = this.all.flatMap(({ tenant, state }) =>
      tenant?.principal === asking && tenant.idle !== null && state === "held" ? [tenant] : [],
    );
    return own.sort((a, b) => (a.idle?.sinceMs ?? 0) - (b.idle?.sinceMs ?? 0)).map(({ sessionId }) => sessionId);
  }

  #elsewhere(principal: string | null): Taken {
    return principal === null ? nothingTaken : this.#beyond.elsewhere(principal);
  }

  #tellCount(principal: string | null): void {
    if (principal === null) return;
    const own = this.all.filter((claim) => claim.principal === principal);
    this.#beyond.onCount(principal, { sessions: own.length, memoryMib: memoryOf(own) });
  }

  #holdingOf({ id, principal, memoryMib, tenant }: Claim): Holding {
    const idle = tenant?.idle ?? null;
    const isEvictable = this.#limits.enableLruEviction || principal === null || idle?.isExpired === true;
    return { id, principal, memoryMib, idle: isEvictable ? idle : null };
  }
}
