// What the scripts answer, as the port's types. What a node of another version wrote beside that is passed over.

import type { NodeRecord, PeerAddress, Placement, PrincipalSessions, Renewal } from "../port.ts";

/** Of `recordOf` in lua/shared.lua: how long the lease lasts, and the fields in turns. Undefined for what is none. */
export function nodeRecord(answer: unknown): NodeRecord | undefined {
  if (!Array.isArray(answer)) return undefined;
  const [leaseLeft, fields] = answer;
  if (!Array.isArray(fields)) return undefined;
  const row = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) row.set(String(fields[i]), String(fields[i + 1]));
  const text = (name: string) => row.get(name) ?? "";
  const number = (name: string) => Number(row.get(name) ?? 0);
  const maxMemory = text("maxMemoryMib");
  return {
    id: text("id"),
    address: text("address"),
    version: text("version"),
    hostname: text("hostname"),
    startedAt: number("startedAt"),
    epoch: number("epoch"),
    isDraining: text("isDraining") === "1" || text("isToDrain") === "1",
    hasLeft: text("hasLeft") === "1",
    load: {
      sessions: number("sessions"),
      maxSessions: number("maxSessions"),
      memoryMib: number("memoryMib"),
      maxMemoryMib: maxMemory === "" ? undefined : Number(maxMemory),
      waiting: number("waiting"),
      ahead: counts(text("ahead")),
    },
    leaseLeftMs: Number(leaseLeft),
  };
}

export function renewal(answer: unknown): Renewal {
  const [outcome, isToDrain, others] = Array.isArray(answer) ? answer : [];
  const known = (["renewed", "unknown", "replaced", "over"] as const).find((one) => one === outcome);
  const peers: PeerAddress[] = [];
  for (let i = 0; Array.isArray(others) && i + 2 < others.length; i += 3) {
    peers.push({ id: String(others[i]), address: String(others[i + 1]), epoch: Number(others[i + 2]) });
  }
  return { outcome: known ?? "unknown", isToDrain: isToDrain === "1", peers };
}

/** Undefined for none. */
export function placement(answer: unknown, reservation: string): Placement | undefined {
  if (!Array.isArray(answer)) return undefined;
  const [record, sessions, memoryMib] = answer;
  const node = nodeRecord(record);
  const elsewhere = { sessions: Number(sessions), memoryMib: Number(memoryMib) };
  return node === undefined ? undefined : { node, reservation, elsewhere };
}

/** For how long nodes are known, and ids and numbers in turns. */
export function principalSessions(answer: unknown): PrincipalSessions {
  const [knowsSinceMs, found] = Array.isArray(answer) ? answer : [];
  const byNode = new Map<string, number>();
  for (let i = 0; Array.isArray(found) && i + 1 < found.length; i += 2)
    byNode.set(String(found[i]), Number(found[i + 1]));
  return { byNode, knowsSinceMs: Number(knowsSinceMs) };
}

function counts(json: string): Readonly<Record<string, number>> {
  const value: unknown = json === "" ? {} : JSON.parse(json);
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([kind, count]) => [kind, Number(count)]));
}
