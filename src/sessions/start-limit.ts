// How long a boot may take: what it waits for together with other boots of its template is not its own time.

import type { Clock } from "../clock.ts";
import type { SandboxSpec } from "../sandbox/port.ts";

export type StartLimit = Disposable & Required<Pick<SandboxSpec, "onPreparing">>;

/** From now on. `onLate` is called once at most, and never after its disposal. */
export function limitStart(clock: Clock, startTimeoutMs: number, onLate: () => void): StartLimit {
  let running = new AbortController();
  let isOver = false;
  const begin = () => {
    running = new AbortController();
    clock.sleep(startTimeoutMs, running.signal).then(onLate, () => undefined);
  };
  begin();
  return {
    onPreparing: (ready) => {
      running.abort();
      void ready.then(() => {
        if (!isOver) begin();
      });
    },
    [Symbol.dispose]: () => {
      isOver = true;
      running.abort();
    },
  };
}
