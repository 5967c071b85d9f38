// What Linux says of time spent: by a process and those it started, and by the machine while something is measured.

import { existsSync, readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";

/** Milliseconds of a tick of /proc, on every Linux in use. */
const tickMs = 10;

/** Milliseconds of processor time that a process and its living descendants have used. Undefined where there is no /proc. */
export function processorMs(pid: number): number | undefined {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  // The name in brackets may hold anything, so the fields are counted from behind it: utime, stime, cutime, cstime.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * tickMs;
  return childrenOf(pid).reduce((sum, child) => sum + (processorMs(child) ?? 0), own);
}

function childrenOf(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8").split(" ").filter(Boolean).map(Number);
}

export type Machine = { readonly busyMs: number; readonly stolenMs: number; readonly atMs: number };

export function lookAtMachine(): Machine {
  const stat = existsSync("/proc/stat") ? readFileSync("/proc/stat", "utf8") : "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu +(.*)/.exec(stat)?.[1] ?? "")
    .split(" ")
    .map(Number);
  return {
    busyMs: (user + nice + system + irq + softirq) * tickMs,
    stolenMs: steal * tickMs,
    atMs: performance.now(),
  };
}

/** One line: how much of the machine was others', and how much the hypervisor took. `ownMs` is what the measurement itself used. */
export function tellNoise(before: Machine, after: Machine, ownMs: number): string {
  const capacityMs = (after.atMs - before.atMs) * cpus().length;
  const percent = (ms: number) => `${Math.max(0, (100 * ms) / capacityMs).toFixed(1)} %`;
  const load = loadavg()
    .map((average) => average.toFixed(2))
    .join(", ");
  return (
    `${cpus().length} processors; other processes used ${percent(after.busyMs - before.busyMs - ownMs)} of them, ` +
    `${percent(after.stolenMs - before.stolenMs)} were stolen; load average ${load}.`
  );
}
