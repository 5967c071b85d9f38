// The processes of a sandbox as the host's /proc shows them: which there are, which of them belong to a run, and their end.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { HeldFile } from "./held-file.ts";
import { type Libc, signals } from "./libc.ts";

export type Process = {
  /** In the host's numbers. */
  readonly pid: number;
  readonly parent: number;
  /** Clock ticks since boot; with `pid` it identifies a process for all time. */
  readonly startTicks: number;
};

/** Processes that have died but are not yet reaped are none. */
export function readProcess(pid: number): Process | null {
  try {
    return parseStat(pid, readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return null;
  }
}

/** `stat` as in /proc/PID/stat, proc(5). */
function parseStat(pid: number, stat: string): Process | null {
  // The second field is the program's name in brackets, and may have blanks and brackets of its own.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent] = fields;
  if (["", "Z", "X"].includes(state)) return null;
  return { pid, parent: Number(parent), startTicks: Number(fields[19]) };
}

/** CPU time that a process and its children that have ended have used; 0 for one that is not there. Milliseconds. */
export async function cpuTimeOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime, stime, cutime and cstime of proc(5), in ticks of USER_HZ, which is 100.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

/** A process that is looked at again and again. */
export class HeldProcess implements Disposable {
  readonly #pid: number;
  readonly #stat: HeldFile;

  constructor(pid: number) {
    this.#pid = pid;
    this.#stat = new HeldFile(`/proc/${pid}/stat`);
  }

  get isAlive(): boolean {
    return parseStat(this.#pid, this.#stat.read()) !== null;
  }

  [Symbol.dispose](): void {
    this.#stat[Symbol.dispose]();
  }
}

/** Every process id of the machine. */
export function allPids(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Every process id of the machine, by the link of its pid namespace. */
export type Census = ReadonlyMap<string, readonly number[]>;

export function takeCensus(): Census {
  const census = Map.groupBy(allPids(), (pid) => pidNamespaceOf(pid) ?? "");
  census.delete("");
  return census;
}

/** `link` as in "pid:[4026532184]"; candidates may contain processes of other namespaces (the host's ends of ours do). */
export function processesIn(link: string, candidates: readonly number[]): readonly Process[] {
  return candidates
    .filter((pid) => pidNamespaceOf(pid) === link)
    .map(readProcess)
    .filter((process) => process !== null);
}

export function pidNamespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return null;
  }
}

/**
 * Of `processes`, those that a run has started, however they detached themselves. `wasThere` tells of those that were there before it. Not among
 * them: `kept` (the interpreter, the sandbox's own two), and the offspring of older processes, such as a server's workers.
 */
export function startedBy(
  wasThere: (process: Process) => boolean,
  processes: readonly Process[],
  kept: ReadonlySet<number>,
): readonly Process[] {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const hasOldAncestor = (process: Process): boolean => {
    const seen = new Set<number>();
    for (let at = byPid.get(process.parent); at !== undefined && !seen.has(at.pid); at = byPid.get(at.parent)) {
      if (kept.has(at.pid)) return false;
      if (wasThere(at)) return true;
      seen.add(at.pid);
    }
    return false;
  };
  return processes.filter((process) => !kept.has(process.pid) && !wasThere(process) && !hasOldAncestor(process));
}

/**
 * Ends the program behind a launcher by force. The launcher stands outside and only waits; it is stopped first, so that it
 * cannot fork between the look for its child and its own end.
 */
export function killEntered(libc: Libc, enteredPid: number): void {
  if (!libc.kill(enteredPid, signals.stop)) return;
  for (const child of childrenOf(enteredPid)) libc.kill(child, signals.kill);
  libc.kill(enteredPid, signals.kill);
}

export function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
  } catch {
    // Kernels without CONFIG_PROC_CHILDREN.
    return allPids().filter((candidate) => readProcess(candidate)?.parent === pid);
  }
}

export function isSame(one: Process, other: Process): boolean {
  return one.pid === other.pid && one.startTicks === other.startTicks;
}
