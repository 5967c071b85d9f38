// What the guest's program tells of files, held against what it may be: anybody in the guest may have said it.

import type { FileInfo, GuestPath } from "../files.ts";

/** A path that a walk makes of names may be longer than one that can be asked for. */
const maxPathLength = 16_384;
/** Nobody is to be led elsewhere by what a walk tells. */
const pathShape = /^(?!.*\/\.{1,2}(?:\/|$))\/[^\0]*$/s;

const kinds: readonly FileInfo["kind"][] = ["file", "folder", "link", "other"];

/** Throws for what is none. */
export function readInfo(value: unknown): FileInfo {
  const { path, kind, sizeBytes, modifiedMs, permissions, version, target } = fieldsOf(value);
  const known = kinds.find((one) => one === kind);
  if (known === undefined || typeof version !== "string") throw new NoAnswer();
  if (!/^[A-Za-z0-9.-]{1,200}$/.test(version)) throw new NoAnswer();
  const info = {
    path: readPath(path, pathShape),
    kind: known,
    sizeBytes: readCount(sizeBytes),
    modifiedMs: typeof modifiedMs === "number" ? modifiedMs : 0,
    permissions: readCount(permissions) & 0o7777,
    version,
  };
  return target === undefined ? info : { ...info, target: readPath(target, /^[^\0]+$/) };
}

export function readInfos(data: Uint8Array): readonly FileInfo[] {
  const value: unknown = JSON.parse(new TextDecoder().decode(data));
  if (!Array.isArray(value)) throw new NoAnswer();
  return value.map(readInfo);
}

function readPath(value: unknown, shape: RegExp): GuestPath {
  if (typeof value !== "string" || value.length > maxPathLength || !shape.test(value)) throw new NoAnswer();
  return value;
}

export function readCount(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new NoAnswer();
  return value;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw new NoAnswer();
  return { ...value };
}

class NoAnswer extends Error {
  constructor() {
    super("The program that reaches the sandbox's files gave an answer that is none.");
  }
}
