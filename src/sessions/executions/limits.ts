// How much of an execution's output is told, and how much is kept; and all that bounds a run.

import type { Flavor } from "../../sandbox/flavors.ts";

export type ExecutionLimits = {
  /** Bytes of each stream in an answer. */
  readonly maxOutputBytes: number;
  /** What is kept of an execution's output, both streams together. A run that writes more is stopped: nothing is left out unseen. */
  readonly maxKeptOutputBytes: number;
};

/** The size of the sandbox that it runs in. */
export type RunSize = { readonly flavor: Flavor; readonly memoryMib: number };

/** What one run may take: for the words of its end. */
export type RunLimits = RunSize & Pick<ExecutionLimits, "maxKeptOutputBytes"> & { readonly timeoutMs: number };
