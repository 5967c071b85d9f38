// The ledger's tables, and their rows as values: read as if anybody could have written them.

import type { Flavor } from "../sandbox/flavors.ts";
import type { Ending, EndReason } from "./endings.ts";

/** A session that is open. Times in milliseconds since the epoch. */
export type Entry = {
  readonly sessionId: string;
  readonly principal: string;
  readonly template: string;
  readonly flavor: Flavor;
  readonly createdAt: number;
  readonly lastUsed: number;
  readonly executions: number;
  /** Null until it has booted. */
  readonly sandboxName: string | null;
};

export type EndingRow = Ending & { readonly sessionId: string };

export type SessionRow = {
  readonly id: string;
  readonly principal: string;
  readonly template: string;
  readonly flavor: string;
  readonly created_at: number;
  readonly last_used: number;
  readonly executions: number;
  readonly sandbox_name: string | null;
};

export const schemaVersion = 1;

export const schema = [
  `CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, principal TEXT NOT NULL, template TEXT NOT NULL, flavor TEXT NOT NULL, created_at INTEGER NOT NULL,
    last_used INTEGER NOT NULL, executions INTEGER NOT NULL, sandbox_name TEXT
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS endings (
    id TEXT PRIMARY KEY, principal TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, detail TEXT
  ) STRICT, WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS endings_at ON endings (at)",
  "CREATE TRIGGER IF NOT EXISTS ended BEFORE INSERT ON endings BEGIN DELETE FROM sessions WHERE id = NEW.id; END",
  `PRAGMA user_version = ${schemaVersion}`,
];

export function parseEntry(row: unknown, flavors: readonly Flavor[]): Entry | undefined {
  const { id, principal, template, flavor, created_at, last_used, executions, sandbox_name } = fieldsOf(row);
  const known = flavors.find((name) => name === flavor);
  if (!isText(id) || !isText(principal) || !isText(template) || known === undefined) return undefined;
  if (!isCount(created_at) || !isCount(last_used) || !isCount(executions)) return undefined;
  return {
    ...{ sessionId: id, principal, template, flavor: known, createdAt: created_at, lastUsed: last_used, executions },
    sandboxName: isText(sandbox_name) ? sandbox_name : null,
  };
}

export function parseEnding(row: unknown, reasons: readonly EndReason[]): EndingRow | undefined {
  const { id, principal, reason, at, detail } = fieldsOf(row);
  const known = reasons.find((name) => name === reason);
  if (!isText(id) || !isText(principal) || known === undefined || !isCount(at)) return undefined;
  return { sessionId: id, principal, reason: known, at, detail: isText(detail) ? detail : undefined };
}

function fieldsOf(row: unknown): Readonly<Record<string, unknown>> {
  return typeof row === "object" && row !== null ? { ...row } : {};
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
