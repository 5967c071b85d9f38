// What the guest's program tells of files, held against what it may be: anybody in the guest may have said it.

import type { FileInfo } from "../files.ts";

const kinds: readonly FileInfo["kind"][] = ["file", "folder", "link", "other"];

/** Throws for what is none. */
export function readInfo(value: unknown): FileInfo {
  const { path, kind, sizeBytes, modifiedMs, permissions, version, target } = fieldsOf(value);
  const known = kinds.find((one) => one === kind);
  if (typeof path !== "string" || known === undefined || typeof version !== "string") throw new NoAnswer();
  if (!/^[A-Za-z0-9.-]{1,200}$/.test(version)) throw new NoAnswer();
  const info = {
    path,
    kind: known,
    sizeBytes: readCount(sizeBytes),
    modifiedMs: typeof modifiedMs === "number" ? modifiedMs : 0,
    permissions: readCount(permissions) & 0o7777,
    version,
  };
  return typeof target === "string" ? { ...info, target } : info;
}

export function readInfos(data: Uint8Array): readonly FileInfo[] {
  const value: unknown = JSON.parse(new TextDecoder().decode(data));
  if (!Array.isArray(value)) throw new NoAnswer();
  return value.map(readInfo);
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
