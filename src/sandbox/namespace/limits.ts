// Which mechanism holds sandboxes to their size on this machine: control groups, or for whatever those do not cover, resource
// limits and a watch that looks a few times a second and ends the biggest.

import { readFileSync } from "node:fs";
import type { Clock } from "../../clock.ts";
import type { Resources } from "../flavors.ts";
import {
  claimHierarchy,
  clearStale,
  createGroup,
  type Hierarchy,
  type LimitGroup,
  releaseHierarchy,
} from "./cgroups.ts";
import { type CgroupView, findHierarchy, ownMemoryBytes } from "./hierarchy.ts";
import { type Census, type Process, takeCensus } from "./processes.ts";
import { memoryBytes, processLimit } from "./sizes.ts";

/** "cgroup" is exact and the kernel's; "watch" is ours and late by up to `watchIntervalMs`. */
export type LimitMechanism = {
  readonly memory: "cgroup" | "watch";
  readonly processes: "cgroup" | "watch";
  readonly cpu: "cgroup" | "none";
};

export type Limits = {
  readonly mechanism: LimitMechanism;
  /** One phrase for people. */
  readonly description: string;
  /** What all sandboxes and the server may have together, where something says so, as a container's engine does. */
  readonly totalMemoryBytes: number | null;
  group(name: string, resources: Resources): LimitGroup;
  /** Removes what killed servers of this installation have left. False if some of it is still there. */
  clearStale(): boolean;
  release(): void;
};

export const watchIntervalMs = 250;
/** Sandboxes, each of which takes a fraction of a millisecond; then whoever waits for this thread has a turn. */
const looksAtOnce = 8;

/** Throws a file system's error if control groups that could be made a moment ago cannot be any more. */
export function createLimits(options: {
  readonly view: CgroupView;
  readonly installation: string;
  readonly clock: Clock;
}): Limits {
  const found = findHierarchy(options.view);
  const claimed = found === null ? null : claimHierarchy(found, options.installation, options.view.serverPid);
  const mechanism: LimitMechanism = {
    memory: claimed?.folders.memory === undefined ? "watch" : "cgroup",
    processes: claimed?.folders.pids === undefined ? "watch" : "cgroup",
    cpu: claimed?.folders.cpu === undefined ? "none" : "cgroup",
  };
  return {
    mechanism,
    description: describe(mechanism, claimed),
    totalMemoryBytes: ownMemoryBytes(options.view),
    group: (name, resources) => (claimed === null ? noGroup : createGroup(claimed, name, resources, options.clock)),
    clearStale: () => found === null || clearStale(found, options.installation),
    release: () => {
      if (claimed !== null) releaseHierarchy(claimed);
    },
  };
}

/** A sandbox as the watch sees it. */
export type Watched = {
  readonly resources: Resources;
  /** All but the two that hold the sandbox. */
  watchedProcesses(census: () => Census): readonly Process[];
  /** Ends one of them for exceeding the sandbox's memory, or without that reason. */
  endProcess(pid: number, reason: "memory" | "processes"): void;
};

/** Looks at all sandboxes until the signal aborts; for what the mechanism leaves to a watch. Never rejects. */
export async function watch(options: {
  readonly mechanism: LimitMechanism;
  /** May change while it is gone through. */
  readonly sandboxes: () => ReadonlySet<Watched>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { mechanism, sandboxes, clock, signal } = options;
  if (mechanism.memory === "cgroup" && mechanism.processes === "cgroup") return;
  while (!signal.aborted) {
    let taken: Census | undefined;
    // One for all: it reads every process of the machine.
    const census = () => (taken ??= takeCensus());
    let looks = 0;
    for (const sandbox of sandboxes()) {
      look(sandbox, mechanism, census);
      looks += 1;
      if (looks % looksAtOnce === 0) await clock.sleep(0, signal).catch(() => {});
    }
    await clock.sleep(watchIntervalMs, signal).catch(() => {});
  }
}

function look(sandbox: Watched, mechanism: LimitMechanism, census: () => Census): void {
  const processes = sandbox.watchedProcesses(census);
  if (mechanism.processes === "watch" && processes.length > processLimit(sandbox.resources)) {
    for (const { pid } of processes) sandbox.endProcess(pid, "processes");
    return;
  }
  if (mechanism.memory !== "watch") return;
  const limit = memoryBytes(sandbox.resources);
  if (measure(processes, residentBytes).total <= limit) return;
  // Forked processes share most of theirs; looking closer costs too much to do it always.
  const { total, biggest } = measure(processes, proportionalBytes);
  if (biggest !== null && total > limit) sandbox.endProcess(biggest.pid, "memory");
}

function measure(processes: readonly Process[], bytesOf: (pid: number) => number) {
  let total = 0;
  let biggest: { readonly pid: number; readonly bytes: number } | null = null;
  for (const { pid } of processes) {
    const bytes = bytesOf(pid);
    total += bytes;
    if (biggest === null || bytes > biggest.bytes) biggest = { pid, bytes };
  }
  return { total, biggest };
}

function residentBytes(pid: number): number {
  return readKib(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB$/m);
}

/** What is shared counts in parts. */
function proportionalBytes(pid: number): number {
  return readKib(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+) kB$/m);
}

function readKib(file: string, line: RegExp): number {
  try {
    return 1024 * Number(line.exec(readFileSync(file, "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const noGroup: LimitGroup = {
  joinFiles: [],
  commands: null,
  pids: () => null,
  outOfMemoryKills: () => 0,
  refusedForks: () => 0,
  forbidForks: () => {},
  remove: async () => true,
};

function describe({ memory, processes, cpu }: LimitMechanism, hierarchy: Hierarchy | null): string {
  const names = { cgroup: `cgroup v${hierarchy?.version ?? 2}`, watch: "a watch", none: "no limit" };
  const held = `memory by ${names[memory]}, processes by ${names[processes]}, CPU by ${names[cpu]}`;
  const late = [...(memory === "watch" ? ["memory"] : []), ...(processes === "watch" ? ["processes"] : [])];
  const gaps = [
    ...(late.length > 0 ? [`${late.join(" and ")} may exceed their limit for up to ${watchIntervalMs} ms`] : []),
    ...(cpu === "none" ? ["CPU is not limited"] : []),
  ];
  // Whatever is missing has the same reason: there is a group for each controller, or one for all.
  return gaps.length === 0
    ? held
    : `${held}; ${gaps.join(", ")}, as there is no control group that this process may divide`;
}
