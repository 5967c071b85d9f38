// Which came first, a moment or a process: by the clock tick in which the process was started, and within a tick by the order in which
// the kernel hands out process ids. So nobody has to list the processes that there are before a run begins.

import { HeldFile } from "./held-file.ts";
import type { Libc } from "./libc.ts";
import type { Process } from "./processes.ts";

export type Moment = {
  /** As `Process.startTicks`. */
  readonly ticks: number;
  /** The process id that was handed out last; null where the kernel does not tell (no CONFIG_CHECKPOINT_RESTORE). */
  readonly lastPid: number | null;
};

/**
 * Far more processes than are started in a tick of 10 ms, and half of the smallest usual pid_max: process ids that are further apart than that
 * have begun anew between them.
 */
const halfOfPids = 16_384;

export class Moments implements Disposable {
  readonly #libc: Libc;
  readonly #lastPid = new HeldFile("/proc/sys/kernel/ns_last_pid");

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  now(): Moment {
    // In this order: what is started between the two readings has a higher number, and counts as later.
    const lastPid = this.#lastPid.read().trim();
    return { ticks: this.#libc.ticksSinceBoot(), lastPid: lastPid === "" ? null : Number(lastPid) };
  }

  [Symbol.dispose](): void {
    this.#lastPid[Symbol.dispose]();
  }
}

/** Whether the process was there at that moment. Without `lastPid`, one that was started in the very tick was not. */
export function isOlder({ pid, startTicks }: Process, { ticks, lastPid }: Moment): boolean {
  if (startTicks !== ticks) return startTicks < ticks;
  if (lastPid === null) return false;
  const distance = pid - lastPid;
  return distance > 0 ? distance > halfOfPids : distance >= -halfOfPids;
}
