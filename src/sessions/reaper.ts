// The one timer of the sessions.

import type { Clock } from "../clock.ts";

/** Calls `reap` every `intervalMs` until disposed. */
export function startReaper(clock: Clock, intervalMs: number, reap: () => void): AsyncDisposable {
  const stop = new AbortController();
  const loop = async () => {
    while (!stop.signal.aborted) {
      try {
        await clock.sleep(intervalMs, stop.signal);
      } catch {
        return;
      }
      reap();
    }
  };
  const looping = loop();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await looping;
    },
  };
}
