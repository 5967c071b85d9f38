// Which unpacked runtimes are removed, and which are left alone.

import { expect, test } from "bun:test";
import { mkdir, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeOldRuntimes } from "../../../src/sandbox/microvm/runtime/old-runtimes.ts";
import { unfinished, unpackRuntime } from "../../../src/sandbox/microvm/runtime/unpack.ts";
import { smallRuntime } from "./small-runtime.ts";

const nowMs = Date.UTC(2030, 0, 1);
const hourMs = 3_600_000;

async function machine() {
  const small = await smallRuntime();
  const { folder } = await unpackRuntime(small.runtime, small.cacheDir);
  const procDir = join(small.directory, "proc");
  await mkdir(procDir);
  return {
    ...{ small, folder, procDir },
    /** A folder of the cache that was last used so long ago. */
    async add(name: string, ageMs: number) {
      const path = join(small.cacheDir, name);
      await mkdir(join(path, "bin"), { recursive: true });
      await writeFile(join(path, "bin/msb"), "");
      const then = new Date(nowMs - ageMs);
      await utimes(path, then, then);
      return path;
    },
    async addProcess(pid: string, exe: string, maps: string) {
      await mkdir(join(procDir, pid));
      await symlink(exe, join(procDir, pid, "exe"));
      await writeFile(join(procDir, pid, "maps"), maps);
    },
    remove: (seen = procDir) => removeOldRuntimes({ folder, cacheDir: small.cacheDir, nowMs, procDir: seen }),
    left: async () => (await readdir(small.cacheDir)).sort(),
    [Symbol.asyncDispose]: () => small[Symbol.asyncDispose](),
  };
}

const own = "runtime-0.6.18-0123456789ab";

test("a runtime that no process uses is removed, and nothing but runtimes is", async () => {
  await using cache = await machine();
  await cache.add("runtime-0.6.1-aa", 2 * hourMs);
  await cache.add("something-else", 1000 * hourMs);
  expect(await cache.remove()).toEqual([join(cache.small.cacheDir, "runtime-0.6.1-aa")]);
  expect(await cache.left()).toEqual([own, "something-else"]);
});

test("a runtime stays while a microVM runs its program or a process has its addon loaded", async () => {
  await using cache = await machine();
  const run = await cache.add("runtime-0.6.1-aa", 2 * hourMs);
  const loaded = await cache.add("runtime-0.6.2-bb", 2 * hourMs);
  await cache.addProcess("7", join(run, "bin/msb"), "");
  await cache.addProcess("8", "/usr/bin/other", `7f00-7f01 r-xp 00000000 08:01 42    ${loaded}/microsandbox.node\n`);
  expect(await cache.remove()).toEqual([]);
  expect(await cache.left()).toEqual(["runtime-0.6.1-aa", own, "runtime-0.6.2-bb"]);
});

test("a runtime that was started less than an hour ago stays", async () => {
  await using cache = await machine();
  await cache.add("runtime-0.6.1-aa", hourMs / 2);
  expect(await cache.remove()).toEqual([]);
});

test("where processes cannot be seen, a runtime stays for 30 days after its last start", async () => {
  await using cache = await machine();
  await cache.add("runtime-0.6.1-aa", 29 * 24 * hourMs);
  await cache.add("runtime-0.6.2-bb", 31 * 24 * hourMs);
  expect(await cache.remove("/nowhere")).toEqual([join(cache.small.cacheDir, "runtime-0.6.2-bb")]);
});

test("what a process that was killed while it unpacked has left is removed after an hour", async () => {
  await using cache = await machine();
  const fresh = join(cache.folder, "bin", `${unfinished}1`);
  const old = join(cache.folder, "bin", `${unfinished}2`);
  for (const [path, ageMs] of [
    [fresh, hourMs / 2],
    [old, 2 * hourMs],
  ] as const) {
    await writeFile(path, "half");
    await utimes(path, new Date(nowMs - ageMs), new Date(nowMs - ageMs));
  }
  await cache.remove();
  expect(await readdir(join(cache.folder, "bin"))).toEqual([`${unfinished}1`, "msb"]);
});
