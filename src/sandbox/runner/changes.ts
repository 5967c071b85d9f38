// What an interpreter's program has to say of the files that changed, read. The guest is not trusted: it can fool its own session only.

import type { ChangedFile, Changes } from "../files.ts";

/** When something began that may change files, by the guest's clock, in Unix milliseconds. */
export type Beginning = {
  /** The earliest stamp of a file that it has changed. */
  readonly sinceMs: number;
  /** At the latest. */
  readonly begunMs: number;
};

/** The clock by which the kernel stamps files goes in steps: these are the longest, of 100 Hz. */
export const stampStepMs = 10;

/** It began between these two moments; a clock that tells whole milliseconds may be one behind. */
export function beginningBetween(earliestMs: number, latestMs: number): Beginning {
  return { sinceMs: Math.floor(earliestMs) - stampStepMs, begunMs: Math.floor(latestMs) + 1 };
}

/** As `Changes.files` has them. */
const maxFiles = 100;
/** Of a path, in characters. */
const maxPathLength = 4096;
/** Of all paths, in characters: a hundred executions of each session are remembered. */
const maxPathsLength = 16 * 1024;

/** Where nothing is said, nothing has changed. Undefined for what is not as agreed. */
export function readChanges(value: unknown): Changes | undefined {
  if (value === undefined) return unchanged;
  if (typeof value !== "object" || value === null || !("files" in value) || !("complete" in value)) return undefined;
  const { files, complete } = value;
  if (!Array.isArray(files) || files.length > maxFiles || typeof complete !== "boolean") return undefined;
  const read = files.map(readFile);
  const known = read.filter((file) => file !== undefined);
  if (known.length < read.length) return undefined;
  if (known.reduce((sum, { path }) => sum + path.length, 0) > maxPathsLength) return undefined;
  return { files: known, isComplete: complete };
}

const unchanged: Changes = { files: [], isComplete: true };

function readFile(value: unknown): ChangedFile | undefined {
  if (!Array.isArray(value)) return undefined;
  const [path, sizeBytes]: readonly unknown[] = value;
  if (typeof path !== "string" || path === "" || path.length > maxPathLength || path.includes("\0")) return undefined;
  if (typeof sizeBytes !== "number" || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return undefined;
  return { path, sizeBytes };
}
