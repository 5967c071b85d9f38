// Limits by control groups: where this process may make groups (version 1 or 2 of the kernel's interface), one group a sandbox,
// and what dead servers of this installation have left. Everything is made beneath our own group, so that its limits hold for all.

import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import type { Resources } from "../flavors.ts";
import { CommandGroups } from "./command-groups.ts";
import { HeldFile } from "./held-file.ts";
import { refusalsFile, refusedIn } from "./refused-forks.ts";
import { memoryBytes, processLimit } from "./sizes.ts";

export type Controller = "memory" | "pids" | "cpu";

/** A folder a controller, which on version 2 is the same for all; a controller that is not there is not in force. */
export type Hierarchy = {
  readonly version: 1 | 2;
  readonly folders: Readonly<Partial<Record<Controller, string>>>;
};

export type LimitGroup = {
  /**
   * A process of one thread that writes 0 into each of these comes under the limits, and so does all that it starts. Thread by thread where version
   * 1 has a file for that: a whole process, or one told by its id, waits there until every CPU has gone through the kernel's scheduler (20 ms).
   */
  readonly joinFiles: readonly string[];
  /** The members, in the host's numbers; null where nobody keeps a list. */
  pids(): readonly number[] | null;
  /** A group for each command; null where there can be none. */
  readonly commands: CommandGroups | null;
  /** How many processes have been killed so far for want of memory. */
  outOfMemoryKills(): number;
  /** How many processes could not be started so far, as there were as many as may be: of no command on version 1, of all on version 2. */
  refusedForks(): number;
  /** While on, nothing in the group can start a process: a fork bomb stands still to be killed. */
  forbidForks(on: boolean): void;
  /** Resolves to false if the group is still in use after a bounded time. */
  remove(): Promise<boolean>;
};

const cpuPeriodUs = 100_000;

/** Until the kernel has let go of the last process, a group cannot be removed. */
const removeRetryMs = 10;
const removeTries = 300;

const own = (installation: string) => `msb-mcp-${installation}-`;

/** Makes this server's groups' parent. */
export function claimHierarchy(hierarchy: Hierarchy, installation: string, serverPid: number): Hierarchy {
  const folders: Partial<Record<Controller, string>> = {};
  for (const [controller, folder] of entriesOf(hierarchy)) {
    // In a container each server may have the same process id: what is there under ours is from before.
    removeGroups(join(folder, `${own(installation)}${serverPid}`));
    const claimed = join(folder, `${own(installation)}${serverPid}`);
    mkdirSync(claimed, { recursive: true });
    folders[controller] = claimed;
  }
  if (hierarchy.version === 2) {
    // Version 2 hands controllers down a level at a time; a group of version 1 has them all.
    const names = entriesOf(hierarchy).map(([controller]) => `+${controller}`);
    for (const folder of foldersOf({ ...hierarchy, folders })) {
      writeFileSync(join(folder, "cgroup.subtree_control"), names.join(" "));
    }
  }
  return { version: hierarchy.version, folders };
}

/**
 * Removes the groups of servers of this installation that are no more. False if some are still there: the kernel lets go of a group a moment after its
 * last process.
 */
export function clearStale(hierarchy: Hierarchy, installation: string): boolean {
  return foldersOf(hierarchy)
    .map((folder) => removeStale(folder, own(installation)))
    .every(Boolean);
}

/** Removes what claimHierarchy() made. The groups of its sandboxes must have gone before. */
export function releaseHierarchy(hierarchy: Hierarchy): void {
  for (const folder of foldersOf(hierarchy)) removeFolder(folder);
}

/** Throws a file system's error if the group cannot be made. */
export function createGroup(hierarchy: Hierarchy, name: string, resources: Resources, clock: Clock): LimitGroup {
  const folders: Partial<Record<Controller, string>> = {};
  for (const [controller, parent] of entriesOf(hierarchy)) {
    const folder = join(parent, name);
    mkdirSync(folder, { recursive: true });
    folders[controller] = folder;
  }
  const group = { version: hierarchy.version, folders };
  for (const [file, value, optional] of settings(group, resources)) {
    try {
      writeFileSync(file, value);
    } catch (error) {
      if (!optional) throw error;
    }
  }
  const list = folders.pids ?? folders.memory;
  const pidsMax = folders.pids === undefined ? null : join(folders.pids, "pids.max");
  const kills = openKills(group);
  const refusals = folders.pids === undefined ? undefined : new HeldFile(join(folders.pids, refusalsFile));
  let areForksForbidden = false;
  const joinFile = group.version === 1 ? "tasks" : "cgroup.procs";
  const joinFiles = foldersOf(group).map((folder) => join(folder, joinFile));
  // On version 1, a group for the memory below that of the sandbox would be another account, and on old kernels not even under its limit.
  const parent = group.version === 1 ? folders.pids : list;
  const commands = parent === undefined ? null : new CommandGroups(parent, joinFile, joinFiles);
  return {
    joinFiles,
    commands,
    pids: () => (list === undefined ? null : [...readNumbers(join(list, "cgroup.procs")), ...(commands?.pids() ?? [])]),
    outOfMemoryKills: () => Number(/^oom_kill (\d+)$/m.exec(kills?.read() ?? "")?.[1] ?? 0),
    refusedForks: () => refusedIn(refusals?.read() ?? ""),
    forbidForks: (on) => {
      if (pidsMax === null || on === areForksForbidden) return;
      areForksForbidden = on;
      tryWrite(pidsMax, on ? "0" : `${processLimit(resources)}`);
    },
    remove: () => {
      kills?.[Symbol.dispose]();
      refusals?.[Symbol.dispose]();
      return removeGroup(foldersOf(group), clock);
    },
  };
}

type Setting = readonly [file: string, value: string, optional: boolean];

function settings({ version, folders }: Hierarchy, resources: Resources): readonly Setting[] {
  const { memory, pids, cpu } = folders;
  const bytes = `${memoryBytes(resources)}`;
  const quotaUs = Math.ceil(resources.cpus * cpuPeriodUs);
  const all: Setting[] = [];
  if (version === 2) {
    if (memory !== undefined) all.push([join(memory, "memory.max"), bytes, false]);
    if (memory !== undefined) all.push([join(memory, "memory.swap.max"), "0", true]);
    if (cpu !== undefined) all.push([join(cpu, "cpu.max"), `${quotaUs} ${cpuPeriodUs}`, false]);
  } else {
    if (memory !== undefined) all.push([join(memory, "memory.limit_in_bytes"), bytes, false]);
    // Memory and swap together, where the kernel counts swap: no more than memory alone, so no swap.
    if (memory !== undefined) all.push([join(memory, "memory.memsw.limit_in_bytes"), bytes, true]);
    if (cpu !== undefined) all.push([join(cpu, "cpu.cfs_period_us"), `${cpuPeriodUs}`, false]);
    if (cpu !== undefined) all.push([join(cpu, "cpu.cfs_quota_us"), `${quotaUs}`, false]);
  }
  if (pids !== undefined) all.push([join(pids, "pids.max"), `${processLimit(resources)}`, false]);
  return all;
}

/** Read before each run. */
function openKills({ version, folders }: Hierarchy): HeldFile | undefined {
  if (folders.memory === undefined) return undefined;
  return new HeldFile(join(folders.memory, version === 2 ? "memory.events" : "memory.oom_control"));
}

async function removeGroup(folders: readonly string[], clock: Clock): Promise<boolean> {
  for (let attempt = 0; attempt < removeTries; attempt++) {
    if (folders.map(removeGroups).every(Boolean)) return true;
    await clock.sleep(removeRetryMs);
  }
  return false;
}

/** Only folders whose name ends with the id of a process that does not exist. True once there is none. */
function removeStale(folder: string, prefix: string): boolean {
  const stale = subfolders(folder).filter((name) => {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    return /^\d+$/.test(pid) && tryRead(`/proc/${pid}/stat`) === "";
  });
  return stale.map((name) => removeGroups(join(folder, name))).every(Boolean);
}

/** The groups in it first. True once it is not there any more. */
function removeGroups(folder: string): boolean {
  for (const child of subfolders(folder)) removeGroups(join(folder, child));
  return removeFolder(folder);
}

/** True once it is not there any more. Never removes a file: the kernel's own are no obstacle to it. */
function removeFolder(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT";
  }
}

function subfolders(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

function entriesOf(hierarchy: Hierarchy): readonly (readonly [Controller, string])[] {
  const names: readonly Controller[] = ["memory", "pids", "cpu"];
  return names.flatMap((name) => {
    const folder = hierarchy.folders[name];
    return folder === undefined ? [] : [[name, folder] as const];
  });
}

function foldersOf(hierarchy: Hierarchy): readonly string[] {
  return [...new Set(entriesOf(hierarchy).map(([, folder]) => folder))];
}

function readNumbers(file: string): readonly number[] {
  return tryRead(file).split("\n").filter(Boolean).map(Number);
}

function tryRead(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function tryWrite(file: string, value: string): void {
  try {
    writeFileSync(file, value);
  } catch {
    // The group has gone, and its processes with it.
  }
}
