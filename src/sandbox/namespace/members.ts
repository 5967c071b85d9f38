// Whose the processes of a sandbox are: each command has a control group of its own or, where there are none, a mark that is inherited. Neither
// can be shaken off by a new session, a second fork or another environment. All others are the interpreter's.

import { readFileSync } from "node:fs";
import type { LimitGroup } from "./cgroups.ts";
import { allPids, type Process, processesIn } from "./processes.ts";

/** A command's share of the sandbox. */
export type Membership = {
  /** As `LimitGroup.joinFiles`. */
  readonly joinFiles: readonly string[];
  /** The soft limit of RLIMIT_RTTIME, microseconds, which its program gets; null where it needs none. */
  readonly markUs: number | null;
  /** Its program, and all that this has started. */
  processes(): readonly Process[];
  /** As `CommandGroup.refusedForks`; 0 where it has none. */
  refusedForks(): number;
  /** The command is over; what it has left running stays. */
  leave(): void;
};

/**
 * The limit of a time that no process in a sandbox can take, because none gets the kernel's real-time scheduling: as good as any number. This and as
 * much as the commands of one sandbox count.
 */
const firstMarkUs = 1_000_000_000_000;

export class Members {
  readonly #group: LimitGroup;
  readonly #pidLink: string;
  #marks = 0;

  /** `pidLink` as in "pid:[4026532184]". */
  constructor(group: LimitGroup, pidLink: string) {
    this.#group = group;
    this.#pidLink = pidLink;
  }

  /** Without a control group that lists its own, they are among the candidates. */
  all(candidates: () => readonly number[] = allPids): readonly Process[] {
    return processesIn(this.#pidLink, this.#group.pids() ?? candidates());
  }

  /** Those of no command: the sandbox's own two, the interpreter, and all that it has started. */
  ofInterpreter(): readonly Process[] {
    const { commands } = this.#group;
    if (commands !== null) return processesIn(this.#pidLink, commands.pidsOfNone());
    return this.all().filter(({ pid }) => markOf(pid) === null);
  }

  enter(): Membership {
    const { commands, joinFiles } = this.#group;
    if (commands !== null) {
      const own = commands.open();
      return {
        joinFiles: own.joinFiles,
        markUs: null,
        processes: () => processesIn(this.#pidLink, own.pids()),
        refusedForks: () => own.refusedForks(),
        leave: () => commands.close(own),
      };
    }
    this.#marks += 1;
    const markUs = firstMarkUs + this.#marks;
    const isOwn = ({ pid }: Process) => markOf(pid) === markUs;
    const processes = () => this.all().filter(isOwn);
    return { joinFiles, markUs, processes, refusedForks: () => 0, leave: () => {} };
  }
}

/** What a command's program has been given and has passed on; null if it is none's. */
function markOf(pid: number): number | null {
  try {
    const soft = /^Max realtime timeout +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1"))?.[1];
    return soft !== undefined && Number(soft) > firstMarkUs ? Number(soft) : null;
  } catch {
    return null;
  }
}
