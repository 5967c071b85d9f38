// A wait that ends: by what it waits for, when its time is over, or when the one who waits leaves.

import type { Clock } from "../clock.ts";

export type Patience = {
  readonly clock: Clock;
  readonly limitMs: number;
  readonly signal: AbortSignal;
  /** Both are to settle `awaited`, and are called at most once; `onLeave` at once where the signal has aborted before. */
  readonly onLate: () => void;
  readonly onLeave: () => void;
};

/** Settles as `awaited` does. */
export async function waitFor<T>(
  awaited: Promise<T>,
  { clock, limitMs, signal, onLate, onLeave }: Patience,
): Promise<T> {
  const done = new AbortController();
  clock.sleep(limitMs, done.signal).then(onLate, () => undefined);
  signal.addEventListener("abort", onLeave, { once: true });
  if (signal.aborted) onLeave();
  try {
    return await awaited;
  } finally {
    done.abort();
    signal.removeEventListener("abort", onLeave);
  }
}
