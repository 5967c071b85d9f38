// The registry of a cluster in memory, as its port promises it: what the nodes of one test share. Tests end leases and cut it off.

import {
  type Announcement,
  type NewSession,
  type NodeFacts,
  type NodeLoad,
  type NodeRecord,
  type Placement,
  type PrincipalSessions,
  type Registry,
  RegistryUnreachable,
  type Renewal,
  type Renewing,
  type Taken,
  type Waits,
} from "../../src/cluster/port.ts";

type Known = { record: NodeRecord; readonly principals: Map<string, Taken> };
type Reserved = { readonly nodeId: string; readonly principal: string; readonly memoryMib: number };

export class FakeRegistry implements Registry {
  readonly #nodes = new Map<string, Known>();
  readonly #reserved = new Map<string, Reserved>();
  readonly #listeners = new Set<(announcement: Announcement) => void>();
  #epochs = 0;
  /** Every call fails from then on. */
  isCutOff = false;
  /** Where the next sessions are placed, as long as that node takes any; else on the one with most room. */
  favourite: string | undefined;
  /** For how long it has known nodes. */
  knowsSinceMs = 3_600_000;
  /** Names of calls, in their order. */
  readonly asked: string[] = [];

  get reservations(): number {
    return this.#reserved.size;
  }

  /** Its lease is over since so many milliseconds. */
  endLease(id: string, overMs = 0): void {
    this.#change(id, { leaseLeftMs: -overMs });
  }

  /** As if it was flushed. */
  empty(): void {
    this.#nodes.clear();
    this.knowsSinceMs = 0;
  }

  countsOf(id: string): ReadonlyMap<string, number> {
    const principals = this.#nodes.get(id)?.principals ?? new Map<string, Taken>();
    return new Map([...principals].map(([principal, { sessions }]) => [principal, sessions]));
  }

  async register(facts: NodeFacts, load: NodeLoad, principals: ReadonlyMap<string, Taken>): Promise<number> {
    this.#ask("register");
    this.#epochs += 1;
    const record = { ...facts, epoch: this.#epochs, isDraining: false, hasLeft: false, load, leaseLeftMs: 10_000 };
    this.#nodes.set(facts.id, { record, principals: new Map(principals) });
    return this.#epochs;
  }

  async renew({ id, epoch, load, isDraining }: Renewing): Promise<Renewal> {
    this.#ask("renew");
    const known = this.#nodes.get(id)?.record;
    if (known === undefined) return { outcome: "unknown", isToDrain: false };
    if (known.epoch !== epoch) return { outcome: "replaced", isToDrain: false };
    if (known.leaseLeftMs <= 0) return { outcome: "over", isToDrain: false };
    this.#change(id, { load, isDraining, leaseLeftMs: 10_000 });
    return { outcome: "renewed", isToDrain: false };
  }

  async leave(id: string): Promise<void> {
    this.#ask("leave");
    this.#change(id, { hasLeft: true, leaseLeftMs: 0 });
  }

  async node(id: string): Promise<NodeRecord | undefined> {
    this.#ask("node");
    return this.#nodes.get(id)?.record;
  }

  async nodes(): Promise<readonly NodeRecord[]> {
    this.#ask("nodes");
    return [...this.#nodes.values()].map(({ record }) => record);
  }

  async requestDrain(id: string, drain: boolean): Promise<boolean> {
    this.#ask("requestDrain");
    this.#change(id, { isDraining: drain });
    return this.#nodes.has(id);
  }

  async place(session: NewSession): Promise<Placement | undefined> {
    this.#ask("place");
    return this.#place(session, crypto.randomUUID(), session.node);
  }

  /** It stays where there is room for it, or where its principal's limit of sessions wants it to wait; else it goes where there is room. */
  async placeAgain(session: NewSession, { nodeId, reservation }: Waits): Promise<Placement | undefined> {
    this.#ask("placeAgain");
    this.#reserved.delete(reservation);
    const living = [...this.#nodes.values()].filter(({ record }) => record.leaseLeftMs > 0);
    const roomy = living.filter(({ record: { id, load } }) => this.#taken(id) < load.maxSessions);
    const room = roomy.find(({ record }) => record.id === nodeId) ?? roomy[0];
    const all = living.reduce((sum, known) => sum + this.#of(session.principal, known).sessions, 0);
    const isAtLimit = all >= (session.maxPrincipalSessions ?? Number.POSITIVE_INFINITY);
    return this.#place(session, reservation, room === undefined || isAtLimit ? nodeId : room.record.id);
  }

  #place(
    { principal, memoryMib }: NewSession,
    reservation: string,
    wanted: string | undefined = this.favourite,
  ): Placement | undefined {
    const taking = [...this.#nodes.values()].filter(
      ({ record }) =>
        record.leaseLeftMs > 0 && !record.isDraining && !record.hasLeft && (wanted ?? record.id) === record.id,
    );
    const room = ({ record: { id, load } }: Known) => load.maxSessions - this.#taken(id);
    const best = taking.toSorted((a, b) => room(b) - room(a))[0];
    const chosen = taking.find(({ record }) => record.id === wanted) ?? best;
    if (chosen === undefined) return undefined;
    const { record: node } = chosen;
    const others = [...this.#nodes.values()].filter(({ record }) => record.id !== node.id && record.leaseLeftMs > 0);
    const elsewhere = others.map((known) => this.#of(principal, known)).reduce(sumOf, none);
    this.#reserved.set(reservation, { nodeId: node.id, principal, memoryMib });
    return { node, reservation, elsewhere };
  }

  /** With what is reserved. */
  #of(principal: string, { record, principals }: Known): Taken {
    const held = [...this.#reserved.values()].filter((one) => one.principal === principal && one.nodeId === record.id);
    return held.map(({ memoryMib }) => ({ sessions: 1, memoryMib })).reduce(sumOf, principals.get(principal) ?? none);
  }

  async giveBack(reservation: string): Promise<void> {
    this.#ask("giveBack");
    this.#reserved.delete(reservation);
  }

  async tellPrincipal(id: string, epoch: number, principal: string, taken: Taken, reservation?: string) {
    this.#ask("tellPrincipal");
    const known = this.#nodes.get(id);
    if (known?.record.epoch !== epoch) return false;
    if (taken.sessions === 0) known.principals.delete(principal);
    else known.principals.set(principal, taken);
    if (reservation !== undefined) this.#reserved.delete(reservation);
    return true;
  }

  async sessionsOf(principal: string): Promise<PrincipalSessions> {
    this.#ask("sessionsOf");
    const living = [...this.#nodes.values()].filter(({ record }) => record.leaseLeftMs > 0);
    const byNode = new Map(
      living.flatMap(({ record, principals }) => {
        const taken = principals.get(principal);
        return taken === undefined ? [] : [[record.id, taken.sessions] as const];
      }),
    );
    return { byNode, knowsSinceMs: this.knowsSinceMs };
  }

  async announce(announcement: Announcement): Promise<void> {
    this.#ask("announce");
    for (const listener of this.#listeners) listener(announcement);
  }

  listen(listener: (announcement: Announcement) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async endedMcpSessions(): Promise<readonly string[]> {
    this.#ask("endedMcpSessions");
    return [];
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #ask(name: string): void {
    this.asked.push(name);
    if (this.isCutOff) throw new RegistryUnreachable("the registry is cut off");
  }

  #change(id: string, change: Partial<NodeRecord>): void {
    const known = this.#nodes.get(id);
    if (known !== undefined) known.record = { ...known.record, ...change };
  }

  #taken(id: string): number {
    const held = [...this.#reserved.values()].filter(({ nodeId }) => nodeId === id).length;
    const counts = this.#nodes.get(id)?.principals.values() ?? [];
    return [...counts].reduce((sum, { sessions }) => sum + sessions, held);
  }
}

const none: Taken = { sessions: 0, memoryMib: 0 };

function sumOf(a: Taken, b: Taken): Taken {
  return { sessions: a.sessions + b.sessions, memoryMib: a.memoryMib + b.memoryMib };
}
