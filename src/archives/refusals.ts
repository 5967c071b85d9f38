// Whether a Failure is one of these refusals of a file operation.

import { Failure } from "../failure.ts";
import type { FileRefusal } from "../sandbox/files.ts";

export function isNamed(error: unknown, reasons: readonly FileRefusal[]): boolean {
  return (
    error instanceof Failure &&
    error.kind === "file_refused" &&
    reasons.some((reason) => reason === error.context.reason)
  );
}
