// Whatever one run has started, found among the processes of its sandbox and ended.

import type { Clock } from "../../clock.ts";
import type { LimitGroup } from "./cgroups.ts";
import { type Libc, signals } from "./libc.ts";
import { isOlder, type Moment } from "./moments.ts";
import { isSame, type Process, startedBy } from "./processes.ts";

/** Killed processes take a moment to vanish. */
const lookIntervalMs = 5;
const looks = 600;

export class RunScope {
  readonly #options: RunScopeOptions;

  constructor(options: RunScopeOptions) {
    this.#options = options;
  }

  /** Asks its processes to end. */
  terminate(): void {
    for (const { pid } of this.#started()) this.#options.libc.kill(pid, signals.terminate);
  }

  /** Ends its processes by force. Resolves to false if some are still there after a bounded time. */
  async end(): Promise<boolean> {
    const { libc, group, clock, mayForbidForks } = this.#options;
    try {
      for (let look = 0; look < looks; look++) {
        const started = this.#started();
        if (started.length === 0) return true;
        if (mayForbidForks()) group.forbidForks(true);
        for (const { pid } of started) libc.kill(pid, signals.kill);
        await clock.sleep(lookIntervalMs);
      }
      return false;
    } finally {
      group.forbidForks(false);
    }
  }

  #started(): readonly Process[] {
    const { begin, interpreters, processes, kept } = this.#options;
    // Without the interpreter: when it has died in the run, what it started is still the run's.
    const wasThere = (process: Process) =>
      isOlder(process, begin) && !interpreters.some((interpreter) => isSame(process, interpreter));
    return startedBy(wasThere, processes(), kept());
  }
}

export type RunScopeOptions = {
  readonly libc: Libc;
  readonly group: LimitGroup;
  readonly clock: Clock;
  /** Right before the run. */
  readonly begin: Moment;
  /** The sandbox's interpreters of that moment. */
  readonly interpreters: readonly Process[];
  /** All processes of the sandbox. */
  readonly processes: () => readonly Process[];
  /** Those that no run ends: the sandbox's own two and its interpreter. */
  readonly kept: () => ReadonlySet<number>;
  /** Asked each time: forbidding also stops whoever else starts something in the sandbox. */
  readonly mayForbidForks: () => boolean;
};
