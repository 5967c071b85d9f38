// The runs that are on in a sandbox: what is remembered of the beginning of each, to tell at its end what the sandbox's limits made of it.

import type { RunEnd } from "../port.ts";
import type { LimitGroup } from "./cgroups.ts";
import { signals } from "./libc.ts";
import type { Membership } from "./members.ts";

/** What a shell gives as the status of a program that SIGKILL ended. */
const killedStatus = 128 + signals.kill;

export type OngoingRun = {
  /** No other run has been on while it was. */
  isAlone: boolean;
  /** Its caller has sent it SIGKILL. */
  wasSentKill: boolean;
  /** How many processes had been killed for want of memory when it began, and since in others that were told so. */
  kills: number;
  /** The sandbox's crowding (`OngoingRuns`) when it began. */
  readonly crowding: number;
  /** How many processes had been ended for what they kept on the disk when it began. */
  readonly hoarders: number;
  /** Some of its processes could not be started, or were ended, as there were as many as may be; undefined until that is looked at. */
  isCrowded: boolean | undefined;
};

/** Why a process of the sandbox was ended by the server. */
export type WatchReason = "memory" | "processes" | "hoard";

export class OngoingRuns {
  readonly #group: LimitGroup;
  readonly #runs = new Set<OngoingRun>();
  /** Processes that the watch has ended, where no kernel does. */
  #watchKills = 0;
  #watchedCrowds = 0;
  #hoarders = 0;

  constructor(group: LimitGroup) {
    this.#group = group;
  }

  get size(): number {
    return this.#runs.size;
  }

  begin(): OngoingRun {
    const run: OngoingRun = {
      ...{ isAlone: this.#runs.size === 0, wasSentKill: false, kills: this.#kills },
      ...{ crowding: this.#crowding, isCrowded: undefined, hoarders: this.#hoarders },
    };
    for (const other of this.#runs) other.isAlone = false;
    this.#runs.add(run);
    return run;
  }

  leave(run: OngoingRun): void {
    this.#runs.delete(run);
  }

  endedByWatch(reason: WatchReason): void {
    if (reason === "memory") this.#watchKills += 1;
    else if (reason === "processes") this.#watchedCrowds += 1;
    else this.#hoarders += 1;
  }

  /** Whether, while it was on, a process was ended for what it kept on the disk. */
  hasLostHoarders(run: OngoingRun): boolean {
    return this.#hoarders > run.hoarders;
  }

  /** Once, before the run's processes are ended: meanwhile the kernel refuses all others. */
  noteCrowd(run: OngoingRun, membership: Membership | null): void {
    run.isCrowded ??= this.#crowding > run.crowding || (membership?.refusedForks() ?? 0) > 0;
  }

  /** Has the run ended for want of memory? Then those beside it have not. */
  tellKilled(end: RunEnd, run: OngoingRun): boolean {
    const wasKilled = this.#kills > run.kills && wasKilledForMemory(end, run);
    if (wasKilled) for (const other of this.#runs) other.kills += 1;
    return wasKilled;
  }

  get #kills(): number {
    return this.#group.outOfMemoryKills() + this.#watchKills;
  }

  /** How often a process could not be started or was ended, as there were as many as may be: in all, but for those of commands on version 1. */
  get #crowding(): number {
    return this.#group.refusedForks() + this.#watchedCrowds;
  }
}

/** Of several runs, only that whose own program was killed, and not by its caller. */
function wasKilledForMemory(
  { ended, success, signal, exitCode }: RunEnd,
  { isAlone, wasSentKill }: OngoingRun,
): boolean {
  if (success || ended === "interrupted" || wasSentKill) return false;
  return isAlone || signal === "SIGKILL" || exitCode === killedStatus;
}
