import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Spools } from "../../../src/sessions/executions/spools.ts";
import { bytesOf, openSpools, textOf } from "./spools.ts";

/** Numbered lines on both streams in turn, of many sizes: what is on each, and both as they came. */
function written(lines: number) {
  const texts = { all: "", stdout: "", stderr: "" };
  const pieces = Array.from({ length: lines }, (_, at) => {
    const stream = at % 3 === 0 ? ("stderr" as const) : ("stdout" as const);
    const text = `${at} ${"x".repeat((at * 37) % 500)}\n`;
    texts.all += text;
    texts[stream] += text;
    return { stream, text };
  });
  return { pieces, texts };
}

describe("the output of an execution", () => {
  test("is read whole and in order, each stream and both, from any offset, in memory and from the file", async () => {
    using at = openSpools();
    const { pieces, texts } = written(5000);
    const spool = at.spools.open("session-1", "execution-1");
    for (const [index, { stream, text }] of pieces.entries()) {
      spool.append(stream, bytesOf(text));
      if (index === 10) expect(await textOf(spool, "all")).toBe(texts.all.slice(0, spool.counts.all));
    }
    for (const isEnded of [false, true]) {
      if (isEnded) spool.rest(false);
      for (const source of ["all", "stdout", "stderr"] as const) {
        const text = texts[source];
        for (const offset of [0, 1, 1000, 65_536, 262_144, text.length - 1, text.length, text.length + 5]) {
          expect(await textOf(spool, source, offset)).toBe(text.slice(offset));
        }
      }
    }
    expect(spool.counts).toEqual({ all: texts.all.length, stdout: texts.stdout.length, stderr: texts.stderr.length });
  });

  test("is read once and in order by a reader who comes again and again while it grows", async () => {
    using at = openSpools();
    const { pieces, texts } = written(3000);
    const spool = at.spools.open("session-1", "execution-1");
    let read = "";
    for (const [index, { stream, text }] of pieces.entries()) {
      spool.append(stream, bytesOf(text));
      if (index % 250 === 0) {
        const reading = textOf(spool, "all", read.length);
        spool.append("stdout", new Uint8Array());
        read += await reading;
      }
    }
    read += await textOf(spool, "all", read.length);
    expect(read).toBe(texts.all);
  });

  test("is whole where it grows while it is being read", async () => {
    using at = openSpools();
    const spool = at.spools.open("session-1", "execution-1");
    let text = "";
    const write = (count: number) => {
      for (let line = 0; line < count; line++) {
        const one = `${text.length} ${"y".repeat(100)}\n`;
        text += one;
        spool.append("stdout", bytesOf(one));
      }
    };
    write(5000);
    let read = "";
    for await (const { bytes, offset } of spool.read("stdout", 0)) {
      expect(offset).toBe(read.length);
      read += Buffer.from(bytes).toString();
      if (read.length < 300_000) write(700);
    }
    expect(read).toBe(text);
  });

  test("lies in a file of its owner's alone, and makes none while it is short", () => {
    using at = openSpools();
    const short = at.spools.open("session-1", "execution-1");
    short.append("stdout", bytesOf("short\n"));
    short.rest(false);
    expect(existsSync(at.folder)).toBe(false);
    const long = at.spools.open("session-1", "execution-2");
    long.append("stdout", bytesOf("long ".repeat(2000)));
    long.rest(false);
    expect(statSync(join(at.folder, "session-1", "execution-2")).mode & 0o777).toBe(0o600);
    expect(statSync(join(at.folder, "session-1")).mode & 0o777).toBe(0o700);
  });

  test("that comes late is there too, behind what was written before", async () => {
    using at = openSpools();
    const spool = at.spools.open("session-1", "execution-1");
    spool.append("stdout", bytesOf("a".repeat(100_000)));
    spool.rest(false);
    spool.append("stderr", bytesOf("late"));
    spool.append("stdout", bytesOf("b".repeat(100_000)));
    expect(await textOf(spool, "all")).toBe(`${"a".repeat(100_000)}late${"b".repeat(100_000)}`);
    expect(await textOf(spool, "stderr")).toBe("late");
  });

  test("that has no room on the disk is kept in memory, as far as that goes, and the operator is told once", async () => {
    using at = openSpools();
    // Where the folder should be, a file is.
    writeFileSync(at.folder, "");
    for (const id of ["execution-1", "execution-2"]) {
      const spool = at.spools.open("session-1", id);
      for (let part = 0; part < 30; part++) spool.append("stdout", bytesOf(`${part % 10}`.repeat(100_000)));
      spool.rest(false);
      const kept = await textOf(spool, "stdout");
      expect(kept).toBe(Array.from({ length: 10 }, (_, part) => `${part}`.repeat(100_000)).join(""));
      expect(spool.missing).toEqual({ why: "disk", bytes: 2_000_000 });
    }
    const warnings = at.events.filter(({ type }) => type === "server.warning");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ message: expect.stringContaining("memory keeps the first 1 MiB") });
  });

  test("of all together is bounded: the oldest goes first, and says so", async () => {
    using at = openSpools(250_000);
    const spools = ["a", "b", "c"].map((name) => {
      const spool = at.spools.open("session-1", `execution-${name}`);
      spool.append("stdout", bytesOf(name.repeat(100_000)));
      spool.rest(false);
      return spool;
    });
    expect(spools.map(({ isDropped }) => isDropped)).toEqual([true, false, false]);
    const texts = await Promise.all(spools.map((spool) => textOf(spool, "stdout")));
    expect(texts.map((text) => text.length)).toEqual([0, 100_000, 100_000]);
    expect(at.spools.fileBytes).toBeLessThanOrEqual(250_000);
    expect(readdirSync(join(at.folder, "session-1")).sort()).toEqual(["execution-b", "execution-c"]);
  });

  test("of all together is what lies on the disk, whatever comes, goes and is found again", () => {
    using at = openSpools(400_000);
    const onDisk = () =>
      readdirSync(at.folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith(".json"))
        .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
    mkdirSync(at.folder);
    const spools = Array.from({ length: 9 }, (_, nth) => {
      const spool = at.spools.open("session-1", `execution-${nth}`);
      for (let part = 0; part <= nth; part++) spool.append("stdout", bytesOf("x".repeat(30_000)));
      if (nth % 3 !== 0) spool.rest(false);
      expect(at.spools.fileBytes).toBe(onDisk());
      return spool;
    });
    expect(spools.filter(({ isDropped }) => isDropped).length).toBeWithin(1, 9);
    for (const nth of [0, 4, 8]) {
      at.spools.forget("session-1", `execution-${nth}`, spools[nth] ?? expect.unreachable());
      expect(at.spools.fileBytes).toBe(onDisk());
    }
    const id = "execution-kept";
    const kept = at.spools.open("session-2", id);
    kept.append("stderr", bytesOf("y".repeat(70_000)));
    kept.rest(true);
    const own = { id, sessionId: "session-2", principal: "alice", kind: "code", preview: "", timeoutMs: 1 } as const;
    at.spools.writeDown({ ...own, createdAt: 1, startedAt: 1, endedAt: null, outcome: null, failure: null });
    const { folder } = at;
    const next = new Spools({ folder, maxTotalBytes: 400_000, emit: () => undefined });
    next.reopen("session-2");
    expect(next.fileBytes).toBe(statSync(join(folder, "session-2", id)).size);
  });

  test("of one alone that is larger than all may be is dropped, and nothing of it stays", async () => {
    using at = openSpools(150_000);
    const spool = at.spools.open("session-1", "execution-1");
    for (let part = 0; part < 4; part++) spool.append("stdout", bytesOf("x".repeat(70_000)));
    expect([spool.isDropped, await textOf(spool, "all"), at.spools.fileBytes]).toEqual([true, "", 0]);
  });

  test("of an ended session, and what an earlier process has left, is removed", async () => {
    using at = openSpools();
    for (const session of ["session-1", "session-2", "session-3"]) {
      const spool = at.spools.open(session, "execution-1");
      spool.append("stdout", bytesOf("x".repeat(70_000)));
      spool.rest(false);
      if (session !== "session-1") continue;
      at.spools.forget(session, "execution-1", spool);
      at.spools.removeSession(session);
    }
    expect(readdirSync(at.folder).sort()).toEqual(["session-2", "session-3"]);
    await at.spools.sweep((sessionId) => sessionId === "session-3");
    expect(readdirSync(at.folder)).toEqual(["session-3"]);
  });

  test("that somebody has damaged is told as damaged, not as output", async () => {
    using at = openSpools();
    const spool = at.spools.open("session-1", "execution-1");
    spool.append("stdout", bytesOf("x".repeat(70_000)));
    spool.rest(false);
    const path = join(at.folder, "session-1", "execution-1");
    chmodSync(path, 0o600);
    writeFileSync(path, Buffer.alloc(70_010, 7));
    await expect(textOf(spool, "stdout")).rejects.toThrow("damaged");
  });
});
