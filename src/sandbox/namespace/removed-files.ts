// Files that have no name any more, and whose room is not free while a process has them open or mapped: what the host's /proc tells of them.

import { readdirSync, readlinkSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";

export type Removed = {
  /** Of all of them. What is mapped counts as a whole. */
  readonly bytes: number;
  readonly holders: readonly number[];
};

/** Those that were below `folder`, a path in the sandbox of these processes. What is on its way through a socket is not seen. */
export async function removedFiles(pids: readonly number[], folder: string): Promise<Removed> {
  const sizes = new Map<number, number>();
  const holders: number[] = [];
  for (const pid of pids) {
    const found = [...openFiles(pid, folder), ...(await mappedFiles(pid, folder))];
    for (const { inode, bytes } of found) sizes.set(inode, Math.max(bytes, sizes.get(inode) ?? 0));
    if (found.length > 0) holders.push(pid);
  }
  return { bytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0), holders };
}

type Found = { readonly inode: number; readonly bytes: number };

function openFiles(pid: number, folder: string): readonly Found[] {
  const descriptors = `/proc/${pid}/fd`;
  try {
    return readdirSync(descriptors).flatMap((name) => {
      if (!isRemoved(linkOf(`${descriptors}/${name}`), folder)) return [];
      const stats = statSync(`${descriptors}/${name}`, { throwIfNoEntry: false });
      // One may be called so.
      return stats === undefined || stats.nlink > 0 ? [] : [{ inode: stats.ino, bytes: stats.blocks * 512 }];
    });
  } catch {
    // It has ended.
    return [];
  }
}

async function mappedFiles(pid: number, folder: string): Promise<readonly Found[]> {
  const maps = await readFile(`/proc/${pid}/maps`, "latin1").catch(() => "");
  const bytes = new Map<number, number>();
  for (const line of maps.split("\n")) {
    const [, from = "", to = "", inode = "", path = ""] =
      /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+) +(.*)$/.exec(line) ?? [];
    if (!isRemoved(path, folder)) continue;
    const size = Number.parseInt(to, 16) - Number.parseInt(from, 16);
    bytes.set(Number(inode), size + (bytes.get(Number(inode)) ?? 0));
  }
  return [...bytes].map(([inode, size]) => ({ inode, bytes: size }));
}

function isRemoved(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`) && path.endsWith(" (deleted)");
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
