// Whatever one run has started, told by its sandbox's members, and signalled or ended.

import type { Clock } from "../../clock.ts";
import type { RunSignal } from "../port.ts";
import type { LimitGroup } from "./cgroups.ts";
import { type Libc, signals } from "./libc.ts";
import type { Process } from "./processes.ts";

/** Killed processes take a moment to vanish. */
const lookIntervalMs = 5;
const looks = 600;
/** How many of these may find new ones: those of a bomb start more as fast as they are ended, until everybody's forks are stopped. */
const patientLooks = 20;

export class RunScope {
  readonly #options: RunScopeOptions;

  constructor(options: RunScopeOptions) {
    this.#options = options;
  }

  /** To all of its processes. False if there are none. */
  send(signal: RunSignal): boolean {
    const { libc, started } = this.#options;
    const processes = started();
    for (const { pid } of processes) libc.kill(pid, signals[signal]);
    return processes.length > 0;
  }

  /** Ends its processes by force. Resolves to false if some are still there after a bounded time. */
  async end(): Promise<boolean> {
    const { libc, group, clock, started, mayForbidForks } = this.#options;
    const seen = new Set<string>();
    let looksWithNew = 0;
    try {
      for (let look = 0; look < looks; look++) {
        const processes = started();
        if (processes.length === 0) return true;
        const seenBefore = seen.size;
        for (const { pid, startTicks } of processes) seen.add(`${pid} ${startTicks}`);
        if (seen.size > seenBefore) looksWithNew += 1;
        const may = mayForbidForks();
        if (may === "yes" || (may === "late" && looksWithNew > patientLooks)) group.forbidForks(true);
        for (const { pid } of processes) libc.kill(pid, signals.kill);
        await clock.sleep(lookIntervalMs);
      }
      return false;
    } finally {
      group.forbidForks(false);
    }
  }
}

export type RunScopeOptions = {
  readonly libc: Libc;
  readonly group: Pick<LimitGroup, "forbidForks">;
  readonly clock: Clock;
  /** The run's processes now. */
  readonly started: () => readonly Process[];
  /** Asked each time: forbidding also stops whoever else starts something in the sandbox. `late`: only if there is no other way. */
  readonly mayForbidForks: () => "yes" | "late" | "no";
};
