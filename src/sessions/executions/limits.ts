// How much of an execution's output is told, and how much is kept.

export type ExecutionLimits = {
  /** Bytes of each stream in an answer. */
  readonly maxOutputBytes: number;
  /** What is kept of an execution's output, both streams together. A run that writes more is stopped: nothing is left out unseen. */
  readonly maxKeptOutputBytes: number;
};
