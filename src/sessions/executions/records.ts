// What must be known of an execution for the next process to tell of it: a small file beside its output.

import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type FailureKind, failureTable } from "../../failure.ts";
import type { Stream } from "../../sandbox/port.ts";
import { type Ended, endings, type Remembered } from "./outcome.ts";
import { removeIfMay } from "./removal.ts";

export type ExecutionRecord = {
  readonly id: string;
  readonly sessionId: string;
  readonly principal: string;
  readonly kind: "code" | "command";
  readonly preview: string;
  readonly timeoutMs: number;
  readonly createdAt: number;
  readonly startedAt: number | null;
  /** Null while it is on. */
  readonly endedAt: number | null;
  readonly outcome: Remembered | null;
  readonly failure: { readonly kind: FailureKind; readonly what: string } | null;
  /** It was started with an open one. */
  readonly stdin?: "open" | undefined;
  /** Bytes of its output that went with a server that was killed; not there if none did. */
  readonly gone?: Readonly<Record<Stream, number>> | undefined;
};

const ending = ".json";

/** Whole or not at all. A disk that takes no file costs only what the next process could have told. */
export function writeRecord(folder: string, record: ExecutionRecord): void {
  const path = join(folder, record.sessionId, `${record.id}${ending}`);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    removeIfMay(`${path}.new`);
  }
}

export function removeRecord(folder: string, sessionId: string, executionId: string): void {
  removeIfMay(join(folder, sessionId, `${executionId}${ending}`));
}

/** Those of a session, the oldest first. What cannot be read, or is none, is left out. */
export function readRecords(folder: string, sessionId: string): readonly ExecutionRecord[] {
  return namesIn(join(folder, sessionId))
    .filter((name) => name.endsWith(ending))
    .map((name) => readRecord(join(folder, sessionId, name)))
    .filter((record) => record !== undefined && record.sessionId === sessionId)
    .toSorted((one, other) => (one?.createdAt ?? 0) - (other?.createdAt ?? 0))
    .flatMap((record) => record ?? []);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readRecord(path: string): ExecutionRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Only this program writes there; a file of another version of it may differ all the same. */
function isRecord(value: unknown): value is ExecutionRecord {
  if (typeof value !== "object" || value === null) return false;
  const { id, sessionId, principal, kind, preview, timeoutMs, createdAt, outcome, failure, gone } = value as Partial<
    Record<keyof ExecutionRecord, unknown>
  >;
  const areTexts = [id, sessionId, principal, preview].every((text) => typeof text === "string");
  const areNumbers = [timeoutMs, createdAt].every((number) => typeof number === "number");
  const isKind = kind === "code" || kind === "command";
  return areTexts && areNumbers && isKind && isOutcome(outcome) && isFailure(failure) && isGone(gone);
}

function isGone(value: unknown): boolean {
  if (value === undefined) return true;
  const { stdout, stderr } = (value ?? {}) as { readonly stdout?: unknown; readonly stderr?: unknown };
  return typeof stdout === "number" && typeof stderr === "number";
}

function isOutcome(value: unknown): boolean {
  if (value === null) return true;
  const { ended } = (value ?? {}) as { readonly ended?: unknown };
  return endings.includes(ended as Ended);
}

function isFailure(value: unknown): boolean {
  if (value === null) return true;
  const { kind, what } = (value ?? {}) as { readonly kind?: unknown; readonly what?: unknown };
  return typeof kind === "string" && kind in failureTable && typeof what === "string";
}
