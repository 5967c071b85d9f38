// `msb-mcp nodes`: the servers of a cluster, as its registry knows them.

import type { Clock } from "../clock.ts";
import type { NodeRecord } from "../cluster/port.ts";
import { columns, duration } from "./columns.ts";
import { askRegistry, type RegistryOptions, type RegistryStatus } from "./registry.ts";

export type NodesOptions = RegistryOptions & {
  readonly isJson: boolean;
  readonly clock: Clock;
  /** Gets whole lines. */
  readonly write: (line: string) => void;
};

export async function nodes(options: NodesOptions): Promise<RegistryStatus> {
  const { isJson, clock, write, complain } = options;
  return await askRegistry("nodes", options, async (registry) => {
    const records = [...(await registry.nodes())].sort((a, b) => a.id.localeCompare(b.id));
    if (isJson) {
      write(JSON.stringify({ nodes: records.map(shown) }, null, 2));
      return 0;
    }
    if (records.length === 0) complain("No node has registered in the last 24 hours.");
    else for (const line of columns([header, ...records.map((record) => row(record, clock.now()))])) write(line);
    return 0;
  });
}

/** `lost`: it was not heard of for as long as its lease lasts, so its sessions are told lost. `left`: it has said that it stops. */
export type NodeState = "serving" | "draining" | "left" | "lost";

export function stateOf({ hasLeft, isDraining, leaseLeftMs }: NodeRecord): NodeState {
  if (hasLeft) return "left";
  if (leaseLeftMs <= 0) return "lost";
  return isDraining ? "draining" : "serving";
}

const header = ["NODE", "STATE", "SESSIONS", "WAITING", "MEMORY", "VERSION", "UP", "HOST", "ADDRESS"];

function row(record: NodeRecord, nowMs: number): readonly string[] {
  const { id, address, version, hostname, startedAt, load, leaseLeftMs } = record;
  const state = stateOf(record);
  const isThere = state === "serving" || state === "draining";
  const memory = `${load.memoryMib}${load.maxMemoryMib === undefined ? "" : `/${load.maxMemoryMib}`} MB`;
  return [
    id,
    state === "lost" ? `lost ${duration(-leaseLeftMs)} ago` : state,
    isThere ? `${load.sessions}/${load.maxSessions}` : "-",
    isThere ? String(load.waiting) : "-",
    isThere ? memory : "-",
    version,
    isThere ? duration(nowMs - startedAt) : "-",
    hostname,
    address,
  ];
}

function shown(record: NodeRecord) {
  const { id, address, version, hostname, startedAt, epoch, isDraining, load, leaseLeftMs } = record;
  return {
    ...{ id, address, version, hostname, epoch, state: stateOf(record), draining: isDraining },
    lease_left_ms: leaseLeftMs,
    started_at: new Date(startedAt).toISOString(),
    ...{ sessions: load.sessions, max_sessions: load.maxSessions, waiting: load.waiting },
    ...{ memory_mb: load.memoryMib, max_memory_mb: load.maxMemoryMib ?? null, ahead: load.ahead },
  };
}
