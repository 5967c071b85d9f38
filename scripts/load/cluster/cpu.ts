// Where the time of the machine's processors went: by process, from /proc.

import { readdir } from "node:fs/promises";

export type CpuSeconds = {
  readonly own: number;
  /** Of all that it has started, directly or not, also of what has ended. */
  readonly below: number;
};

type Row = { readonly pid: number; readonly parent: number; readonly own: number; readonly ended: number };

/** Of the kernel's clock in /proc, the same on all Linux. */
const ticksASecond = 100;

/** One for each of these processes; 0 for one that has ended. */
export async function cpuSecondsOf(pids: readonly number[]): Promise<readonly CpuSeconds[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    names.map((name) =>
      Bun.file(`/proc/${name}/stat`)
        .text()
        .catch(() => ""),
    ),
  );
  const rows = stats.flatMap(rowOf);
  const below = (pid: number): number =>
    rows.filter(({ parent }) => parent === pid).reduce((sum, row) => sum + row.own + row.ended + below(row.pid), 0);
  return pids.map((pid) => {
    const row = rows.find((each) => each.pid === pid);
    return row === undefined ? { own: 0, below: 0 } : { own: row.own, below: row.ended + below(pid) };
  });
}

function rowOf(stat: string): readonly Row[] {
  // The name is in parentheses and may have any character in it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields.length < 15) return [];
  const seconds = (from: number) => (Number(fields[from]) + Number(fields[from + 1])) / ticksASecond;
  return [{ pid: Number.parseInt(stat, 10), parent: Number(fields[1]), own: seconds(11), ended: seconds(13) }];
}
