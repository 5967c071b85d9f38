// Files that have no name any more, and whose room is not free while a process has them open or mapped: what the host's /proc tells of them.

import { readdirSync, readlinkSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Process, readProcess } from "./processes.ts";

export type Removed = {
  /** Of all of them. What is mapped counts as a whole. */
  readonly bytes: number;
  readonly holders: readonly Process[];
  /** Those that let nobody see what they have open, as this server is not root. */
  readonly unknown: readonly Process[];
};

/** Descriptors and mappings that one look reads: what the guest has beyond that is for the next one. */
const maxReadings = 16_384;

/** Between so many of them, others have their turn. */
const readingsAtOnce = 512;

/** Of a line of /proc/PID/maps, about. */
const bytesPerMapping = 100;

const removedMark = " (deleted)";

/** Of the processes of one sandbox. */
export class RemovedFiles {
  readonly #sizes = new Map<number, number>();
  readonly #holders = new Map<number, Process>();
  readonly #unknown = new Map<number, Process>();
  /** Processes whose mappings have been read. */
  readonly #mapped = new Set<number>();
  /** The last thread that was looked at, where a look has not come to the end of all. */
  #after = -1;

  /** What was below `folder`, a path in the sandbox. What is on its way through a socket is not seen. Never rejects. */
  async look(processes: readonly Process[], folder: string): Promise<Removed> {
    if (this.#after < 0) for (const found of [this.#sizes, this.#holders, this.#unknown, this.#mapped]) found.clear();
    let readings = 0;
    const left = processes.flatMap(threadsOf).filter(({ thread }) => thread > this.#after);
    this.#after = -1;
    for (const { process, thread } of left.toSorted((a, b) => a.thread - b.thread)) {
      readings += await this.#lookAt(process, thread, folder);
      if (readings < maxReadings) continue;
      this.#after = thread;
      break;
    }
    return {
      bytes: [...this.#sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
      holders: [...this.#holders.values()],
      unknown: [...this.#unknown.values()],
    };
  }

  /** Each thread may have descriptors of its own. Tells how much it has read. */
  async #lookAt(process: Process, thread: number, folder: string): Promise<number> {
    const of = `/proc/${process.pid}/task/${thread}`;
    let readings = 1;
    try {
      const names = readdirSync(`${of}/fd`);
      for (const name of names) {
        this.#note(process, openFile(`${of}/fd/${name}`, folder));
        readings++;
        if (readings % readingsAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      // A thread that has ended before the others has none.
      if (this.#mapped.has(process.pid)) return readings;
      const maps = await readFile(`${of}/maps`, "latin1");
      if (maps !== "") this.#mapped.add(process.pid);
      for (const found of mappedFiles(maps, folder)) this.#note(process, found);
      return readings + maps.length / bytesPerMapping;
    } catch (error) {
      if (!isGone(error) && readProcess(process.pid)?.startTicks === process.startTicks) {
        this.#unknown.set(process.pid, process);
      }
      return readings;
    }
  }

  #note(process: Process, found: Found | null): void {
    if (found === null) return;
    const { inode, bytes } = found;
    this.#sizes.set(inode, Math.max(bytes, this.#sizes.get(inode) ?? 0));
    this.#holders.set(process.pid, process);
  }
}

type Found = { readonly inode: number; readonly bytes: number };

function threadsOf(process: Process): readonly { readonly process: Process; readonly thread: number }[] {
  try {
    return readdirSync(`/proc/${process.pid}/task`).map((name) => ({ process, thread: Number(name) }));
  } catch {
    // It has ended.
    return [];
  }
}

/** Throws where that cannot be seen. */
function openFile(descriptor: string, folder: string): Found | null {
  try {
    if (!isRemoved(readlinkSync(descriptor), folder)) return null;
  } catch (error) {
    if (isGone(error)) return null;
    // Longer than the kernel tells: no name that anybody else needs.
    if (codeOf(error) !== "ENAMETOOLONG") throw error;
  }
  const stats = statSync(descriptor, { throwIfNoEntry: false });
  // One may be called so.
  return stats === undefined || stats.nlink > 0 ? null : { inode: stats.ino, bytes: stats.blocks * 512 };
}

/** `maps` as in /proc/PID/maps, proc(5). */
function mappedFiles(maps: string, folder: string): readonly Found[] {
  const bytes = new Map<number, number>();
  for (let end = maps.indexOf(`${removedMark}\n`); end >= 0; end = maps.indexOf(`${removedMark}\n`, end + 1)) {
    const line = maps.slice(maps.lastIndexOf("\n", end) + 1, end + removedMark.length);
    const [, from = "", to = "", inode = "", path = ""] =
      /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+) +(.*)$/.exec(line) ?? [];
    if (!isRemoved(path, folder)) continue;
    const size = Number.parseInt(to, 16) - Number.parseInt(from, 16);
    bytes.set(Number(inode), size + (bytes.get(Number(inode)) ?? 0));
  }
  return [...bytes].map(([inode, size]) => ({ inode, bytes: size }));
}

function isRemoved(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`) && path.endsWith(removedMark);
}

function isGone(error: unknown): boolean {
  return ["ENOENT", "ESRCH"].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
