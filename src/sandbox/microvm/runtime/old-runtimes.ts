// Removes the unpacked runtimes of other versions of this program, 90 MB each, once nobody uses them.

import { randomUUID } from "node:crypto";
import { readdir, readFile, readlink, rename, rm, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { unfinished } from "./unpack.ts";

/** A runtime that has been started within this time stays: its process may not have loaded it yet. Milliseconds. */
const freshMs = 3_600_000;
/** As long where it cannot be seen which processes use it, elsewhere than on Linux. Milliseconds. */
const unseenMs = 30 * 24 * 3_600_000;

export type OldRuntimesOptions = {
  /** The runtime in use now; its neighbours are looked at. */
  readonly folder: string;
  readonly cacheDir: string;
  readonly nowMs: number;
  /** Where processes can be seen; for tests. */
  readonly procDir?: string;
};

/** The names of what was removed. Never rejects: it is for a later start what cannot be removed now. */
export async function removeOldRuntimes(options: OldRuntimesOptions): Promise<readonly string[]> {
  try {
    await removeUnfinished(options);
    return await removeNeighbours(options);
  } catch {
    return [];
  }
}

async function removeNeighbours({ folder, cacheDir, nowMs, procDir = "/proc" }: OldRuntimesOptions): Promise<string[]> {
  const names = (await readdir(cacheDir)).filter((name) => name.startsWith("runtime-"));
  const others = names.map((name) => join(cacheDir, name)).filter((path) => path !== folder);
  const ages = await Promise.all(others.map(async (path) => ({ path, ageMs: nowMs - (await stat(path)).mtimeMs })));
  const old = ages.filter(({ ageMs }) => ageMs > freshMs);
  if (old.length === 0) return [];
  const inUse = await pathsInUse(procDir);
  const unused = old.filter(({ path, ageMs }) =>
    inUse === undefined ? ageMs > unseenMs : !inUse.some((used) => used.startsWith(path + sep)),
  );
  for (const { path } of unused) {
    // Moved away first, so that nobody finds one half removed.
    const away = join(cacheDir, `${unfinished}${randomUUID()}`);
    await rename(path, away);
    await rm(away, { recursive: true, force: true });
  }
  return unused.map(({ path }) => path);
}

/** The files that processes of this machine run or have loaded, of those that may be looked at; undefined where none can be. */
async function pathsInUse(procDir: string): Promise<readonly string[] | undefined> {
  const pids = await readdir(procDir).catch(() => undefined);
  if (pids === undefined) return undefined;
  const paths = new Set<string>();
  for (const pid of pids.filter((name) => /^\d+$/.test(name))) {
    const exe = await readlink(join(procDir, pid, "exe")).catch(() => "");
    if (exe !== "") paths.add(exe);
    const maps = await readFile(join(procDir, pid, "maps"), "utf8").catch(() => "");
    for (const [, path] of maps.matchAll(/^\S+ \S+ \S+ \S+ \S+ +(\/.*runtime-.*)$/gm)) paths.add(path ?? "");
  }
  return [...paths];
}

/** What processes that were killed while they wrote have left. */
async function removeUnfinished({ folder, cacheDir, nowMs }: OldRuntimesOptions): Promise<void> {
  for (const place of [cacheDir, folder, join(folder, "bin"), join(folder, "lib")]) {
    const names = await readdir(place).catch(() => []);
    for (const name of names.filter((name) => name.startsWith(unfinished))) {
      const path = join(place, name);
      if (nowMs - (await stat(path)).mtimeMs > freshMs) await rm(path, { recursive: true, force: true });
    }
  }
}
