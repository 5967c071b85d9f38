// What the parts of a cluster ask of each other: the registry that all nodes share, and the way to another node. Times that the registry
// tells are differences by its own clock, so that the clocks of the nodes may be wrong.

import type { Flavor } from "../sandbox/flavors.ts";

/**
 * How long a node counts as there after it was last heard of. All that ask one registry must have the same: it goes by that to tell whether it has been
 * away itself. Milliseconds.
 */
export const leaseMs = 15_000;

/** What a node has room for, and what is taken of it. */
export type NodeLoad = {
  /** Sandboxes there are, those on their way in and out included. */
  readonly sessions: number;
  readonly maxSessions: number;
  readonly memoryMib: number;
  /** Undefined: unlimited. */
  readonly maxMemoryMib: number | undefined;
  /** New sessions that wait for room there. */
  readonly waiting: number;
  /** Sandboxes booted ahead and free, by "template/flavor". */
  readonly ahead: Readonly<Record<string, number>>;
};

/** What a principal has. */
export type Taken = { readonly sessions: number; readonly memoryMib: number };

/** One node as it tells of itself. */
export type NodeFacts = {
  /** What the ids of its sessions and executions carry (`tagOf` of its installation): 5 characters. Kept over restarts by its state directory. */
  readonly id: string;
  /** Where other nodes reach it, without a path: "http://10.0.0.7:8000". */
  readonly address: string;
  /** Of msb-mcp. */
  readonly version: string;
  /** Of the machine, for people. */
  readonly hostname: string;
  readonly startedAt: number;
};

export type NodeRecord = NodeFacts & {
  /** Grows with each registration of a node, over all nodes: of two registrations of one node the lower one has been replaced. */
  readonly epoch: number;
  readonly isDraining: boolean;
  /** It said that it stops, and has not come back. */
  readonly hasLeft: boolean;
  readonly load: NodeLoad;
  /** How long its lease still lasts, in milliseconds by the registry's clock; below 0: since when it is over. */
  readonly leaseLeftMs: number;
};

/**
 * How a node stands with the registry. `held`: others count on it. `unreachable`: the registry cannot be reached, and others cannot have been told that the
 * lease is over. `lost`: others may say that its sessions are lost; it serves none of them until it holds a lease again.
 */
export type Standing = "held" | "unreachable" | "lost";

/** A heartbeat. Another node may hand it on for one that does not reach the registry. */
export type Renewing = {
  readonly id: string;
  readonly epoch: number;
  /** As of `NodeFacts`: of two registrations by one process none has been replaced, the answer to the later one was not heard. */
  readonly startedAt?: number;
  readonly load: NodeLoad;
  readonly isDraining: boolean;
  /** Sessions of all its principals, told now and then in case that one was not heard of; who is not among them has none. */
  readonly principals?: Readonly<Record<string, number>>;
  /** Of these sessions, the memory. */
  readonly principalsMemoryMib?: Readonly<Record<string, number>>;
  /** When that was so, by the node's monotonic clock: a heartbeat that is handed on late takes back none that was newer. */
  readonly principalsAtMs?: number;
};

/** Where to ask a node: `epoch` says of which registration the address is. */
export type PeerAddress = Pick<NodeRecord, "id" | "address" | "epoch">;

export type Registration = {
  readonly epoch: number;
  /** As of `Renewal`. */
  readonly isToDrain: boolean;
};

export type Renewal = {
  /**
   * `unknown`: the registry has lost the record, register again. `replaced`: the node was registered again, with a higher epoch, by another process.
   * `over`: the lease had ended, others may have been told so: end what there was, then register again.
   */
  readonly outcome: "renewed" | "unknown" | "replaced" | "over";
  /** The operator wants it to take no new sessions. */
  readonly isToDrain: boolean;
  /** Some other nodes with a lease, of few nodes all: they are asked to hand heartbeats on if the registry cannot be reached. */
  readonly peers?: readonly PeerAddress[];
};

export type NewSession = {
  readonly principal: string;
  /** By name; the node's own default if undefined. */
  readonly template: string | undefined;
  readonly flavor: Flavor | undefined;
  readonly memoryMib: number;
  /** How many sessions a principal may have over all nodes; undefined: unlimited. At that number a node is chosen that has some of them: one may be ended there. */
  readonly maxPrincipalSessions: number | undefined;
  /** The same of their memory. */
  readonly maxPrincipalMemoryMib?: number | undefined;
  /** On no other node than this one. */
  readonly node?: string | undefined;
};

/** Where a principal has sessions, as far as the registry was told. */
export type PrincipalSessions = {
  /** How many, by node, of nodes with a lease. */
  readonly byNode: ReadonlyMap<string, number>;
  /** For how long the registry has known nodes: one that was emptied a moment ago lacks those that have not told it anew. Milliseconds. */
  readonly knowsSinceMs: number;
};

/** Where a new session is to be opened. */
export type Placement = {
  readonly node: NodeRecord;
  /** A place is held under it until the session is opened, it is given back, or the time is over. */
  readonly reservation: string;
  /** What the principal has on other nodes, what is on its way included: it counts against its limits. */
  readonly elsewhere: Taken;
};

/** Where a new session waits for room. */
export type Waits = { readonly nodeId: string; readonly reservation: string };

/** What nodes tell all others. */
export type Announcement =
  /** A client has cancelled a request of an MCP session that some other node may be working on. */
  | {
      readonly type: "request.cancelled";
      readonly mcpSessionId: string;
      readonly requestId: string | number;
      readonly reason: string;
    }
  /** A client has ended an MCP session, for all nodes. */
  | { readonly type: "mcp_session.ended"; readonly mcpSessionId: string };

/**
 * The registry: Valkey or Redis. Everything is of one cluster; others on the same server are not seen. Rejects with RegistryUnreachable
 * if it cannot be asked, at the latest after `registryTimeoutMs`.
 */
export interface Registry extends AsyncDisposable {
  /**
   * Takes, or takes again, the lease of this node, and resolves with its epoch. `before`: of the last registration by this process, in case that the registry
   * has lost it. Rejects with StartError if a node that lives has its id and another address.
   */
  register(
    facts: NodeFacts,
    load: NodeLoad,
    principals: ReadonlyMap<string, Taken>,
    before?: Registration,
  ): Promise<number>;
  /** Prolongs the lease, and tells what there is of this node. */
  renew(renewing: Renewing): Promise<Renewal>;
  /** The node says that it stops; it may come back with `register`. */
  leave(id: string, epoch: number): Promise<void>;
  /** Also those whose lease is over, for as long as the registry remembers them. */
  node(id: string): Promise<NodeRecord | undefined>;
  nodes(): Promise<readonly NodeRecord[]>;
  /** Asks a node to drain, or to take sessions again: `renew` tells it. False if there is no such node. */
  requestDrain(id: string, drain: boolean): Promise<boolean>;
  /** Undefined: no node with a lease takes new sessions. Counts and reserves in one step. */
  place(session: NewSession): Promise<Placement | undefined>;
  /**
   * The same for one that waits for room on a node under a reservation: that goes to another node if there is room by now, and stays where it is otherwise.
   */
  placeAgain(session: NewSession, waits: Waits): Promise<Placement | undefined>;
  giveBack(reservation: string): Promise<void>;
  /**
   * What a principal has on a node now; absolute numbers, which may be told again. The reservation is over. False: the node was registered again meanwhile,
   * perhaps with what was so before, or not at all; it is to be told again with the next registration.
   */
  tellPrincipal(id: string, epoch: number, principal: string, taken: Taken, reservation?: string): Promise<boolean>;
  sessionsOf(principal: string): Promise<PrincipalSessions>;
  announce(announcement: Announcement): Promise<void>;
  /** Announcements of other nodes from now on. What is announced while the connection is lost is lost. */
  listen(listener: (announcement: Announcement) => void): Disposable;
  /** MCP sessions that were ended in the last hours, the newest last; at most `endedMcpSessions`. */
  endedMcpSessions(): Promise<readonly string[]>;
}

/** The registry could not be asked. */
export class RegistryUnreachable extends Error {
  override readonly name = "RegistryUnreachable";
}

/** By principal, as nodes tell it. */
export function countsOf(principals: ReadonlyMap<string, Taken>) {
  const each = [...principals];
  return {
    sessions: Object.fromEntries(each.map(([principal, { sessions }]) => [principal, sessions])),
    memoryMib: Object.fromEntries(each.map(([principal, { memoryMib }]) => [principal, memoryMib])),
  };
}
