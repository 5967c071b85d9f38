// A container's only init is the server itself, unless there is one before it (`docker run --init`). A program of a sandbox whose launcher was ended by
// force, or by the kernel for want of memory, then becomes the server's child, and is there until somebody asks for its end: until then, its
// sandbox does not end either, as the kernel waits for every member of a pid namespace.

import { readFileSync } from "node:fs";
import type { Clock } from "../../clock.ts";
import type { Libc } from "./libc.ts";
import { childrenOf } from "./processes.ts";

const intervalMs = 100;

/** Asks for the end of orphans again and again, until the signal aborts. Never rejects. */
export async function reapOrphans(pid: number, libc: Libc, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const orphan of endedOrphansOf(pid)) libc.reap(orphan);
    await clock.sleep(intervalMs, signal).catch(() => undefined);
  }
}

/**
 * Children that have ended, and that the runtime does not know of: what it starts itself is in the server's own pid namespace, and what was in a
 * sandbox is in one below it, with a number in each of them.
 */
function endedOrphansOf(pid: number): readonly number[] {
  const own = numbersOf(pid).length;
  return childrenOf(pid).filter((child) => numbersOf(child, "Z").length > own);
}

/** What a process is called in each pid namespace from /proc's on; empty if it is not there, or not in this state (proc(5), /proc/PID/status). */
function numbersOf(pid: number, state = ""): readonly string[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    if (!new RegExp(`^State:\\s+${state}`, "m").test(status)) return [];
    return /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
  } catch {
    return [];
  }
}
