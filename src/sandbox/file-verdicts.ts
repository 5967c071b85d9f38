// What a failed operation on files has said: that nothing is there, or why it was refused.

import { Failure } from "../failure.ts";
import type { FileInfo, FileRefusal, Files, GuestPath } from "./files.ts";

export function isMissing(error: unknown): error is Failure {
  return error instanceof Failure && error.kind === "file_not_found";
}

/** For one of `reasons`. */
export function isRefusedAs(error: unknown, ...reasons: readonly FileRefusal[]): error is Failure {
  if (!(error instanceof Failure) || error.kind !== "file_refused") return false;
  return reasons.some((reason) => reason === error.context.reason);
}

/** Undefined if nothing is there. Throws what `Files.stat` throws for anything else. */
export async function statIfThere(files: Files, path: GuestPath, signal: AbortSignal): Promise<FileInfo | undefined> {
  try {
    return await files.stat(path, signal);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
