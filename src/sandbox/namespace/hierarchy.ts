// Finds the control groups that this process may divide further: version 1 where the memory controller is mounted so, else a
// delegated subtree of version 2. Reads /proc/self/cgroup and mountinfo, handed in as text; touches only our own group.

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Controller, Hierarchy } from "./cgroups.ts";

export type CgroupView = {
  /** /proc/self/cgroup, cgroups(7). */
  readonly membership: string;
  /** /proc/self/mountinfo, proc(5). */
  readonly mounts: string;
  readonly serverPid: number;
};

const controllers: readonly Controller[] = ["memory", "pids", "cpu"];

/** Our own processes go there where version 2 asks for a leaf. */
const leafName = "msb-mcp-server";

/** Null if there is no group that we may divide. */
export function findHierarchy(view: CgroupView): Hierarchy | null {
  const mounts = parseMounts(view.mounts);
  const version1 = findVersion1(view, mounts);
  return version1.folders.memory === undefined ? (findVersion2(view, mounts) ?? nonEmpty(version1)) : version1;
}

/**
 * What this process and all that it starts may have together: the limit of its own group, such as a container's; null if there is none. Bytes.
 */
export function ownMemoryBytes(view: CgroupView): number | null {
  const mounts = parseMounts(view.mounts);
  const files = [
    {
      name: "memory.limit_in_bytes",
      isOurs: (mount: CgroupMount) => mount.controllers.includes("memory"),
      is: "memory",
    },
    { name: "memory.max", isOurs: (mount: CgroupMount) => mount.version === 2, is: "" },
  ];
  for (const { name, isOurs, is } of files) {
    const mount = mounts.find(isOurs);
    const path = membershipPath(view.membership, (names) => names.split(",").includes(is));
    if (mount === undefined || path === null) continue;
    const [limit = ""] = words(join(ownFolder(mount, path), name));
    // Version 1 has a number of its own for "none": the biggest multiple of a page.
    if (/^\d+$/.test(limit) && Number(limit) < 2 ** 62) return Number(limit);
  }
  return null;
}

type CgroupMount = {
  readonly version: 1 | 2;
  /** The group that is mounted. */
  readonly root: string;
  readonly point: string;
  readonly controllers: readonly string[];
};

function findVersion1(view: CgroupView, mounts: readonly CgroupMount[]): Hierarchy {
  const folders: Partial<Record<Controller, string>> = {};
  for (const controller of controllers) {
    const mount = mounts.find((candidate) => candidate.version === 1 && candidate.controllers.includes(controller));
    const path = membershipPath(view.membership, (names) => names.split(",").includes(controller));
    if (mount === undefined || path === null) continue;
    const folder = ownFolder(mount, path);
    if (canDivide(folder, view.serverPid)) folders[controller] = folder;
  }
  return { version: 1, folders };
}

function findVersion2(view: CgroupView, mounts: readonly CgroupMount[]): Hierarchy | null {
  const mount = mounts.find((candidate) => candidate.version === 2);
  const path = membershipPath(view.membership, (names) => names === "");
  if (mount === undefined || path === null) return null;
  const folder = ownFolder(mount, path);
  const available = controllers.filter((name) => words(join(folder, "cgroup.controllers")).includes(name));
  if (!available.includes("memory") || !available.includes("pids")) return null;
  if (!canDivide(folder, view.serverPid) || !handDown(folder, available, view.serverPid)) return null;
  return { version: 2, folders: Object.fromEntries(available.map((name) => [name, folder])) };
}

/**
 * Enables controllers for the groups below `folder`. A group that has groups with controllers may not have processes itself
 * ("no internal processes", cgroups(7)), so we move to a leaf, but only if nobody else is there: others are not ours to move.
 */
function handDown(folder: string, available: readonly Controller[], serverPid: number): boolean {
  const control = join(folder, "cgroup.subtree_control");
  const enabled = words(control);
  if (available.every((name) => enabled.includes(name))) return true;
  const members = words(join(folder, "cgroup.procs"));
  if (members.some((member) => member !== `${serverPid}`)) return false;
  const leaf = join(folder, leafName);
  try {
    if (members.length > 0) {
      mkdirSync(leaf, { recursive: true });
      writeFileSync(join(leaf, "cgroup.procs"), `${serverPid}`);
    }
    writeFileSync(control, available.map((name) => `+${name}`).join(" "));
    return true;
  } catch {
    if (members.length > 0) moveBack(folder, leaf, serverPid);
    return false;
  }
}

function moveBack(folder: string, leaf: string, serverPid: number): void {
  try {
    writeFileSync(join(folder, "cgroup.procs"), `${serverPid}`);
    rmdirSync(leaf);
  } catch {
    // We stay in the leaf: the same limits hold there.
  }
}

/** Whether groups can be made there is told only by making one. */
function canDivide(folder: string, serverPid: number): boolean {
  const probe = join(folder, `msb-mcp-probe-${serverPid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

function parseMounts(mountinfo: string): readonly CgroupMount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "/", point = ""] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") return [];
    return [{ version: type === "cgroup2" ? 2 : 1, root, point, controllers: options.split(",") } as const];
  });
}

function membershipPath(membership: string, isOurs: (controllers: string) => boolean): string | null {
  for (const line of membership.split("\n")) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names !== undefined && path !== undefined && isOurs(names)) return path;
  }
  return null;
}

/** In a container the mount may show only a part of the tree, and the membership may be told from its root or from ours. */
function ownFolder({ root, point }: CgroupMount, path: string): string {
  if (path === "/") return point;
  if (root === "/" && !path.startsWith("/..")) return join(point, path);
  return path === root || path.startsWith(`${root}/`) ? join(point, path.slice(root.length)) : point;
}

function words(file: string): readonly string[] {
  try {
    return readFileSync(file, "latin1").split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

function nonEmpty(hierarchy: Hierarchy): Hierarchy | null {
  return Object.keys(hierarchy.folders).length === 0 ? null : hierarchy;
}
