// Now and sleep: the seam that makes time testable. Nothing else of ours reads the time or sets a timer for a rule of time.

export interface Clock {
  /** Milliseconds since the epoch, for what is shown to people. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back, for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`. Rejects with the signal's reason as soon as it aborts; leaves no timer behind. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};

/** Waits for the promise, but no longer than `ms`; which of the two it was is not told. Rejects as the promise does; leaves no timer behind. */
export async function within(promise: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([promise, clock.sleep(ms, done.signal).catch(() => undefined)]);
  } finally {
    done.abort();
  }
}
