// Failures that tests expect.

import { Failure } from "../../src/failure.ts";

/** The Failure that a promise rejects with. Throws if it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error;
  throw new Error(`expected a Failure, got ${String(error)}`);
}
