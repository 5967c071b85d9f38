// Who shares what, and that it stays within its limits: with folders as sandboxes would have left them.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Event } from "../../../src/events.ts";
import { Caches, type CacheUse } from "../../../src/sandbox/cache/caches.ts";
import { lockFile } from "../../../src/state/file-lock.ts";
import { FakeClock } from "../../fakes/fake-clock.ts";

let folder: string;
let clock: FakeClock;
let events: Event[];

beforeEach(() => {
  mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
  folder = join(mkdtempSync("/tmp/msb-mcp-tests/caches-"), "cache");
  clock = new FakeClock();
  events = [];
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

const mebibyte = 1024 ** 2;

function open(maxBytes: number, shareBytes = maxBytes, freeBytes = 10 * 1024 ** 3): Caches {
  const limits = { maxBytes, shareBytes, freeBytes: async () => freeBytes };
  return new Caches({ folder, ...limits, clock, emit: (event) => void events.push(event) });
}

function take(caches: Caches, principal: string): CacheUse {
  const use = caches.use(principal, "namespace");
  if (use === null) throw new Error("there is no cache");
  return use;
}

/** The newer, the higher the number. */
function download({ folder: of }: Pick<CacheUse, "folder">, name: string, mebibytes: number, age = 1): void {
  const path = join(of, name);
  writeFileSync(path, Buffer.alloc(mebibytes * mebibyte, 1));
  utimesSync(path, 1_000_000 + age, 1_000_000 + age);
}

const removals = () => events.flatMap((event) => (event.type === "cache.removed" ? [event] : []));

describe.skipIf(process.platform !== "linux")("caches of principals (Linux)", () => {
  test("sessions of one principal share a folder, those of others have their own, nobody else of this machine reaches any", async () => {
    await using caches = open(mebibyte);
    const [one, again, other] = [take(caches, "one"), take(caches, "one"), take(caches, "other")];
    expect(again.folder).toBe(one.folder);
    expect(other.folder).not.toBe(one.folder);
    expect(caches.use("one", "microvm")?.folder).not.toBe(one.folder);
    for (const path of [folder, one.folder]) expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test("no two names are the same folder, whatever is in them", async () => {
    await using caches = open(mebibyte);
    const names = ["a", "A", "../a", "a/b", "", ".", "a\0b", "https://issuer a", "ä"];
    const folders = names.map((name) => take(caches, name).folder);
    expect(new Set(folders).size).toBe(names.length);
    for (const path of folders) expect(path.slice(0, folder.length + 1)).toBe(`${folder}/`);
  });

  test("what is in it is there after a restart", async () => {
    {
      await using before = open(mebibyte);
      using use = take(before, "one");
      writeFileSync(join(use.folder, "kept"), "");
    }
    await using after = open(mebibyte);
    using use = take(after, "one");
    expect(readdirSync(use.folder)).toEqual(["kept"]);
  });

  test("one that is over its share loses its oldest files, while it is used", async () => {
    await using caches = open(8 * mebibyte, 4 * mebibyte);
    using use = take(caches, "one");
    for (const age of [1, 2, 3, 4, 5]) download(use, `file-${age}`, 1, age);
    await caches.look();
    expect(readdirSync(use.folder).toSorted()).toEqual(["file-3", "file-4", "file-5"]);
    expect(removals()).toMatchObject([{ maxBytes: 4 * mebibyte, why: "share" }]);
  });

  test("one that is far beyond its share is emptied", async () => {
    await using caches = open(100 * mebibyte, 2 * mebibyte);
    using use = take(caches, "one");
    download(use, "flood", 5);
    await caches.look();
    expect(readdirSync(use.folder)).toEqual([]);
    expect(removals()).toMatchObject([{ why: "flood" }]);
  });

  // Elsewhere the size of a folder tells less of the names that it had.
  test.skipIf(process.platform !== "linux" || statfsSync("/tmp").type !== 0xef53)(
    "one whose own folder has become large by many names is made anew once nobody uses it (ext4 below /tmp)",
    async () => {
      await using caches = open(100 * mebibyte);
      const { folder: path, [Symbol.dispose]: giveBack } = take(caches, "one");
      const names = Array.from({ length: 33_000 }, (_, at) => join(path, String(at).padStart(255, "0")));
      download({ folder: path }, "file", 1);
      for (const name of names) linkSync(join(path, "file"), name);
      for (const name of names) unlinkSync(name);
      await caches.look();
      expect(readdirSync(path)).toEqual([]);
      giveBack();
      await caches.look();
      expect(existsSync(path)).toBe(false);
    },
  );

  test("when all are too much, those that were used least recently go as a whole, and none that is used", async () => {
    await using caches = open(4 * mebibyte);
    const folders: string[] = [];
    for (const principal of ["first", "second", "third"]) {
      using use = take(caches, principal);
      download(use, "file", 1);
      folders.push(use.folder);
      clock.setForward(60_000);
    }
    using first = take(caches, "first");
    download(first, "more", 2);
    await caches.look();
    expect(folders.map((path) => existsSync(path))).toEqual([true, false, true]);
    expect(readdirSync(first.folder).toSorted()).toEqual(["file", "more"]);
    expect(removals()).toMatchObject([{ why: "total" }]);
  });

  test("when those that are used are too much together, they lose their oldest files", async () => {
    await using caches = open(6 * mebibyte, 4 * mebibyte);
    using one = take(caches, "one");
    using two = take(caches, "two");
    for (const use of [one, two]) for (const age of [1, 2, 3, 4]) download(use, `file-${age}`, 0.9, age);
    await caches.look();
    const left = [one, two].flatMap((use) => readdirSync(use.folder));
    expect(left.length).toBeLessThanOrEqual(6);
    expect(left).toContain("file-4");
    expect(removals()).toMatchObject([{ why: "total" }]);
  });

  test("on a disk that is nearly full, all have less: what they take in place of the last gibibyte goes", async () => {
    await using caches = open(100 * mebibyte, 100 * mebibyte, 1024 ** 3 - 2.5 * mebibyte);
    using use = take(caches, "one");
    for (const age of [1, 2, 3, 4, 5, 6]) download(use, `file-${age}`, 1, age);
    await caches.look();
    expect(readdirSync(use.folder).toSorted()).toEqual(["file-5", "file-6"]);
    expect(removals()).toMatchObject([{ why: "disk" }]);
  });

  test("sandboxes are asked to free removed files where the disk gets full, those of one principal within one share", async () => {
    const asked: unknown[] = [];
    for (const freeMebibytes of [1034, 1033, 1023]) {
      await using caches = open(10 * mebibyte, 4 * mebibyte, freeMebibytes * mebibyte);
      for (const principal of ["one", "one", "two"]) {
        take(caches, principal).onLook(async (limits) => {
          asked.push({ principal, freeMebibytes, ...limits });
          return 0;
        });
      }
      await caches.look();
    }
    const one = { principal: "one", freeMebibytes: 1033, maxBytes: 4 * mebibyte, endsUnknown: false };
    const two = { ...one, principal: "two", maxBytes: 8 * mebibyte };
    const full = { freeMebibytes: 1023, endsUnknown: true };
    expect(asked).toEqual([one, one, two, { ...one, ...full }, { ...one, ...full }, { ...two, ...full }]);
  });

  test("a sandbox that cannot be looked into keeps nobody from looking at the caches, and that is told", async () => {
    await using caches = open(100 * mebibyte, 2 * mebibyte, 0);
    for (const principal of ["one", "two"]) {
      const use = take(caches, principal);
      use.onLook(() => Promise.reject(new Error("unseen")));
      download(use, "flood", 5);
    }
    await caches.look();
    expect(removals()).toHaveLength(2);
    expect(events.filter(({ type }) => type === "server.warning")).toHaveLength(1);
  });

  test("one that was used and left between two looks is looked at again", async () => {
    await using caches = open(10 * mebibyte, 2 * mebibyte);
    const { folder: path, [Symbol.dispose]: giveBack } = take(caches, "one");
    giveBack();
    await caches.look();
    using use = take(caches, "one");
    expect(use.folder).toBe(path);
    download(use, "old", 1, 1);
    download(use, "new", 1.5, 2);
    use[Symbol.dispose]();
    await caches.look();
    expect(readdirSync(path)).toEqual(["new"]);
  });

  test("one that another process uses is not removed, and is when that has ended", async () => {
    await using caches = open(mebibyte);
    const { folder: path } = take(caches, "one");
    const key = path.slice(folder.length + 1);
    await caches[Symbol.asyncDispose]();
    download({ folder: path }, "file", 2);
    const lock = lockFile(join(folder, `${key}.lock`), "shared");
    if (typeof lock === "string") throw new Error(lock);
    // Beyond what all may have, not beyond its own share.
    await using later = open(mebibyte, 10 * mebibyte);
    await later.look();
    expect(existsSync(path)).toBe(true);
    lock[Symbol.dispose]();
    await later.look();
    expect(existsSync(path)).toBe(false);
  });

  test("what another process has downloaded meanwhile counts, while it uses its cache and after", async () => {
    await using here = open(3 * mebibyte);
    await using there = open(100 * mebibyte);
    const use = take(there, "one");
    download(use, "file", 2);
    await here.look();
    download(use, "more", 2);
    clock.setForward(1_000);
    // As there, too, it is looked all the while.
    await there.look();
    await here.look();
    expect(readdirSync(use.folder)).not.toContain("file");
    clock.setForward(1_000);
    use[Symbol.dispose]();
    download(use, "last", 2);
    await here.look();
    expect(readdirSync(use.folder)).not.toContain("more");
  });

  test("one with nothing in it that nobody has used for a month leaves nothing, and others stay", async () => {
    await using caches = open(mebibyte);
    for (const principal of ["empty", "gone", "full", "used"]) {
      const use = take(caches, principal);
      if (principal === "full") download(use, "file", 0.1);
      if (principal === "gone") rmSync(use.folder, { recursive: true });
      if (principal !== "used") use[Symbol.dispose]();
    }
    await caches.look();
    expect(readdirSync(folder)).toHaveLength(7);
    clock.setForward(31 * 24 * 60 * 60 * 1000);
    await caches.look();
    expect(readdirSync(folder)).toHaveLength(4);
    using again = take(caches, "empty");
    expect(existsSync(again.folder)).toBe(true);
    expect(readdirSync(folder)).toHaveLength(6);
  });

  test("with a limit of 0 nobody has one, and what was there is removed", async () => {
    {
      await using before = open(mebibyte);
      using use = take(before, "one");
      writeFileSync(join(use.folder, "file"), "");
    }
    await using caches = open(0);
    expect(caches.use("one", "namespace")).toBeNull();
    await caches.look();
    expect(readdirSync(folder).filter((name) => !name.endsWith(".lock"))).toEqual([]);
  });

  test("what a killed process was removing is removed", async () => {
    const left = join(folder, `removing-${"0".repeat(32)}-1`);
    mkdirSync(join(left, "deep"), { recursive: true });
    await using caches = open(mebibyte);
    await caches.look();
    expect(existsSync(left)).toBe(false);
  });

  test("while any is used all are looked at by and by, once more after the last, and then no more", async () => {
    await using caches = open(8 * mebibyte, mebibyte);
    const use = take(caches, "one");
    download(use, "file", 3);
    await clock.advance(5_000);
    while (removals().length === 0) await Bun.sleep(1);
    while (clock.sleeping === 0) await Bun.sleep(1);
    download(use, "file", 3);
    use[Symbol.dispose]();
    await clock.advance(30_000);
    while (removals().length === 1) await Bun.sleep(1);
    while (clock.sleeping === 1) {
      await clock.advance(30_000);
      await Bun.sleep(1);
    }
    expect(clock.sleeping).toBe(0);
  });

  test("where it cannot be, sandboxes do without, and the operator is told once", async () => {
    writeFileSync(folder, "in the way");
    await using caches = open(mebibyte);
    expect(caches.use("one", "namespace")).toBeNull();
    expect(caches.use("one", "namespace")).toBeNull();
    expect(events.map(({ type }) => type)).toEqual(["server.warning"]);
  });
});
