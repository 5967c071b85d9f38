// The unpacking of the runtime, over one of three small files. The real one is unpacked in test/binary.

import { expect, test } from "bun:test";
import { chmod, chown, lstat, mkdir, readdir, rename, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { partNames } from "../../../src/sandbox/microvm/runtime/platform.ts";
import { DamagedExecutable, unfinished, unpackRuntime } from "../../../src/sandbox/microvm/runtime/unpack.ts";
import { type SmallRuntime, smallRuntime } from "./small-runtime.ts";

const isRoot = process.getuid?.() === 0;

async function contentsOf(paths: Readonly<Record<string, string>>) {
  const texts = await Promise.all(partNames.map(async (name) => [name, await Bun.file(paths[name] ?? "").text()]));
  return Object.fromEntries(texts);
}

test("the first start unpacks every part into folders of its own user's alone, the next one writes nothing", async () => {
  await using small = await smallRuntime();
  const first = await unpackRuntime(small.runtime, small.cacheDir);
  expect(await contentsOf(first.paths)).toEqual(small.contents);
  expect(first.written).toBe(3);
  for (const path of [small.cacheDir, first.folder, ...Object.values(first.paths)]) {
    expect((await lstat(path)).mode & 0o777).toBe(0o700);
  }
  const second = await unpackRuntime(small.runtime, small.cacheDir);
  expect(second).toEqual({ ...first, written: 0 });
});

test("ten that unpack at once all get whole parts, and leave nothing unfinished", async () => {
  await using small = await smallRuntime();
  const unpacked = await Promise.all(Array.from({ length: 10 }, () => unpackRuntime(small.runtime, small.cacheDir)));
  for (const { paths } of unpacked) expect(await contentsOf(paths)).toEqual(small.contents);
  const left = await readdir(small.cacheDir, { recursive: true });
  expect(left.filter((name) => name.includes(unfinished))).toEqual([]);
});

const damages: readonly (readonly [what: string, damage: (path: string) => Promise<unknown>])[] = [
  ["cut short", (path) => truncate(path, 3)],
  ["empty", (path) => truncate(path, 0)],
  ["of another content and the same length", async (path) => writeFile(path, "x".repeat((await lstat(path)).size))],
  ["gone", (path) => rename(path, `${path}.gone`)],
  ["writable by everybody", (path) => chmod(path, 0o777)],
  [
    "a link to a file elsewhere",
    async (path) => {
      await rename(path, `${path}.elsewhere`);
      await symlink(`${path}.elsewhere`, path);
    },
  ],
];

test.each(damages)("a part that is %s is written anew, and the others are not", async (_, damage) => {
  await using small = await smallRuntime();
  const { paths } = await unpackRuntime(small.runtime, small.cacheDir);
  await damage(paths.msb);
  const mended = await unpackRuntime(small.runtime, small.cacheDir);
  expect(mended.written).toBe(1);
  expect(await contentsOf(mended.paths)).toEqual(small.contents);
  expect((await lstat(paths.msb)).isFile()).toBe(true);
  expect((await lstat(paths.msb)).mode & 0o777).toBe(0o700);
});

test("a forged modification time does not hide a change", async () => {
  await using small = await smallRuntime();
  const { paths } = await unpackRuntime(small.runtime, small.cacheDir);
  const { size, atime, mtime } = await lstat(paths.msb);
  await writeFile(paths.msb, "x".repeat(size));
  await utimes(paths.msb, atime, mtime);
  expect(await unpackRuntime(small.runtime, small.cacheDir)).toMatchObject({ written: 1 });
});

test.each(["", "not JSON", "null", "[]", '{"msb":7}'])(
  "a record of what was found whole that says %j is not relied on, and mended",
  async (text) => {
    await using small = await smallRuntime();
    const { folder, paths } = await unpackRuntime(small.runtime, small.cacheDir);
    await writeFile(join(folder, "imprints.json"), text);
    await writeFile(paths.addon, small.contents.addon.replace("n", "m"));
    const mended = await unpackRuntime(small.runtime, small.cacheDir);
    expect(mended.written).toBe(1);
    expect(await contentsOf(mended.paths)).toEqual(small.contents);
  },
);

test("an executable whose own copy is damaged is told so, and nothing of it is put in place", async () => {
  await using small = await smallRuntime();
  await writeFile(small.runtime.file, Bun.zstdCompressSync("something else"));
  await expect(unpackRuntime(small.runtime, small.cacheDir)).rejects.toThrow(DamagedExecutable);
  await writeFile(small.runtime.file, "not even compressed");
  await expect(unpackRuntime(small.runtime, small.cacheDir)).rejects.toThrow(DamagedExecutable);
  expect((await readdir(small.cacheDir, { recursive: true })).filter((name) => name.endsWith(".node"))).toEqual([]);
});

const badFolders: readonly (readonly [what: string, why: string, make: (small: SmallRuntime) => Promise<unknown>])[] = [
  [
    "a symbolic link",
    "is a symbolic link",
    async ({ directory, cacheDir }) => {
      await mkdir(join(directory, "elsewhere"), { mode: 0o700 });
      await symlink(join(directory, "elsewhere"), cacheDir);
    },
  ],
  ["a file", "is not a folder", ({ cacheDir }) => writeFile(cacheDir, "")],
  [
    "writable by everybody",
    "may be written to by others",
    async ({ cacheDir }) => {
      await mkdir(cacheDir);
      await chmod(cacheDir, 0o777);
    },
  ],
  [
    "in a folder that everybody may write to",
    "which everybody may write to",
    ({ cacheDir }) => chmod(dirname(cacheDir), 0o777),
  ],
];

test.each(badFolders)("a cache folder that is %s is refused, because it %s", async (_, why, make) => {
  await using small = await smallRuntime();
  await make(small);
  await expect(unpackRuntime(small.runtime, small.cacheDir)).rejects.toThrow(why);
});

test("a runtime's folder that is a symbolic link is refused", async () => {
  await using small = await smallRuntime();
  const { folder } = await unpackRuntime(small.runtime, small.cacheDir);
  await rename(folder, join(small.directory, "moved"));
  await symlink(join(small.directory, "moved"), folder);
  await expect(unpackRuntime(small.runtime, small.cacheDir)).rejects.toThrow("is a symbolic link");
});

test.skipIf(!isRoot)("folders of another user are refused, with both users' ids", async () => {
  await using small = await smallRuntime();
  const { folder } = await unpackRuntime(small.runtime, small.cacheDir);
  await chown(folder, 12_345, 12_345);
  await expect(unpackRuntime(small.runtime, small.cacheDir)).rejects.toThrow("the user with id 12345, and not to 0");
  await chown(small.cacheDir, 12_345, 12_345);
  await expect(unpackRuntime(small.runtime, small.cacheDir)).rejects.toThrow("the user with id 12345, and not to 0");
});

test.skipIf(!isRoot)("a part that belongs to another user is written anew", async () => {
  await using small = await smallRuntime();
  const { paths } = await unpackRuntime(small.runtime, small.cacheDir);
  await chown(paths.addon, 12_345, 12_345);
  expect(await unpackRuntime(small.runtime, small.cacheDir)).toMatchObject({ written: 1 });
  expect((await lstat(paths.addon)).uid).toBe(0);
});
