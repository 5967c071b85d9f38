// The memory limit of a stub's sandbox, by a control group where this machine lets us have one.

import { mkdir, rmdir } from "node:fs/promises";

export type MemoryGroup = AsyncDisposable & {
  /** Makes a command line of one that starts in the group. */
  readonly within: (argv: readonly string[]) => readonly string[];
  /** Has a line "oom_kill N" for this sandbox alone, as a microVM's /proc/vmstat has for its own kernel. */
  readonly counters: string;
};

type Version = { readonly root: string; readonly limit: string; readonly counters: string };

const versions: readonly Version[] = [
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", counters: "memory.oom_control" },
  { root: "/sys/fs/cgroup", limit: "memory.max", counters: "memory.events" },
];

const unlimited: MemoryGroup = {
  within: (argv) => argv,
  counters: "/dev/null",
  [Symbol.asyncDispose]: async () => {},
};

/** Without control groups, one that limits nothing. */
export async function memoryGroup(limitMib: number): Promise<MemoryGroup> {
  for (const { root, limit, counters } of versions) {
    const folder = `${root}/stub-microsandbox-${crypto.randomUUID()}`;
    try {
      await mkdir(folder);
    } catch {
      continue;
    }
    try {
      await Bun.write(`${folder}/${limit}`, `${limitMib * 2 ** 20}`);
    } catch {
      await rmdir(folder);
      continue;
    }
    return {
      within: (argv) => ["/bin/sh", "-c", `echo $$ > ${folder}/cgroup.procs; exec "$@"`, "sh", ...argv],
      counters: `${folder}/${counters}`,
      [Symbol.asyncDispose]: () => removeWhenEmpty(folder),
    };
  }
  return unlimited;
}

/** Whether sandboxes of a stub on this machine are held to their memory. */
export async function canLimitMemory(): Promise<boolean> {
  await using group = await memoryGroup(64);
  return group !== unlimited;
}

/** A process that was killed leaves its group a moment later. */
async function removeWhenEmpty(folder: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    try {
      await rmdir(folder);
      return;
    } catch {
      await Bun.sleep(10);
    }
  }
}
