// Lines of a file: which are shown, what is told of the others, and how little is read for it.

import { describe, expect, test } from "bun:test";
import { contentOf } from "../../../src/mcp/files/content.ts";
import { type LinesRequest, readLines } from "../../../src/mcp/files/reading.ts";
import type { OpenedFile } from "../../../src/sandbox/files.ts";
import { openedFile, repeated } from "./opened.ts";

async function linesOf(file: OpenedFile, request: Partial<LinesRequest> = {}) {
  const content = contentOf(await file.read(0, 65_536));
  if (content.kind !== "text") throw new Error(`it is taken for ${content.kind}`);
  const all = { offset: 1, limit: undefined, numbered: false, maxBytes: 32_768, maxEncodedBytes: 880_000 };
  return await readLines(file, content, { ...all, isOver: () => false, ...request });
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join("");

describe("a window onto lines", () => {
  test("has all of a small file, and says how many lines that is", async () => {
    const { text, ...told } = await linesOf(openedFile("one\ntwo\nthree"));
    expect(text).toBe("one\ntwo\nthree");
    expect(told).toMatchObject({ first: 1, count: 3, total: 3 });
    expect(told).not.toHaveProperty("nextOffset");
  });

  test("begins and ends where it is asked to, and tells where to go on", async () => {
    const file = openedFile(numbered(1, 500));
    expect(await linesOf(file, { offset: 100, limit: 21 })).toMatchObject({
      text: numbered(100, 120),
      first: 100,
      count: 21,
      nextOffset: 121,
    });
    expect(await linesOf(file, { offset: 499, limit: 2 })).toMatchObject({ text: numbered(499, 500), total: 500 });
    expect(await linesOf(file, { offset: 501 })).toMatchObject({ text: "", count: 0, total: 500 });
  });

  test("is cut at the end of a line where the answer is full", async () => {
    const seen = await linesOf(openedFile(numbered(1, 20_000)), { maxBytes: 1000 });
    expect(seen.text).toBe(numbered(1, seen.count));
    expect(seen.text.length).toBeGreaterThan(980);
    expect(seen.text.length).toBeLessThanOrEqual(1000);
    expect(seen.nextOffset).toBe(seen.count + 1);
    const escaped = await linesOf(openedFile("\u001b\n".repeat(100)), { maxEncodedBytes: 200 });
    expect(JSON.stringify(escaped.text).length).toBeLessThanOrEqual(200);
  });

  test("has the numbers of its lines, if they are wanted", async () => {
    const file = openedFile("a\nb\nc\n");
    expect((await linesOf(file, { offset: 2, numbered: true })).text).toBe("2\tb\n3\tc\n");
    expect((await linesOf(file, { offset: -1, numbered: true })).text).toBe("3\tc\n");
  });

  test("cuts long lines, but none in a file that fits as a whole", async () => {
    const long = `${"x".repeat(20_000)}\nshort\n`;
    expect((await linesOf(openedFile(long))).text).toBe(long);
    const seen = await linesOf(openedFile(long.repeat(10)), { limit: 2 });
    expect(seen.text).toBe(`${"x".repeat(4000)}[… 16001 bytes of this line left out]\nshort\n`);
    expect(seen.cutLines).toBe(1);
    const wide = await linesOf(openedFile(`x${"漢".repeat(20_000)}\n`));
    expect(wide.text).toMatch(/^x漢+\[… \d+ bytes/);
  });

  test.each([1, 2, 3])("has whole lines wherever the pieces of the file end (%d)", async (shift) => {
    const text = `${"-".repeat(65_533 + shift)}\n${numbered(1, 60_000)}`;
    expect(await linesOf(openedFile(text), { offset: 2, limit: 3 })).toMatchObject({ text: numbered(1, 3) });
    expect(await linesOf(openedFile(text), { offset: 59_999 })).toMatchObject({ text: numbered(59_998, 60_000) });
  });
});

describe("the last lines", () => {
  test("are counted from the end, and numbered from the beginning in a file that is not large", async () => {
    const file = openedFile(numbered(1, 500));
    expect(await linesOf(file, { offset: -3 })).toMatchObject({ text: numbered(498, 500), first: 498, total: 500 });
    expect(await linesOf(file, { offset: -3, limit: 1 })).toMatchObject({ text: numbered(498, 498), nextOffset: 499 });
    expect(await linesOf(file, { offset: -1000 })).toMatchObject({ first: 1, count: 500 });
    expect(await linesOf(openedFile("a\nb"), { offset: -1 })).toMatchObject({ text: "b", first: 2 });
    expect(await linesOf(openedFile(""), { offset: -1 })).toMatchObject({ text: "", count: 0, total: 0 });
  });

  test("of a file of 2 GB are found without reading it", async () => {
    const file = repeated("fifteen letters\n", 134_217_728);
    const seen = await linesOf(file, { offset: -100, numbered: true });
    expect(seen).toMatchObject({ first: -100, count: 100 });
    expect(seen.text.startsWith("-100\tfifteen letters\n-99\t")).toBe(true);
    expect(file.readBytes()).toBeLessThan(1_000_000);
    expect(await linesOf(file, { offset: -100, limit: 10 })).toMatchObject({ count: 10, nextOffset: -90 });
  });

  test("of a large file with fewer lines than that are all lines", async () => {
    const seen = await linesOf(openedFile(`${"x".repeat(1_500_000)}\nlast\n`), { offset: -5 });
    expect(seen).toMatchObject({ first: 1, count: 2, total: 2, cutLines: 1 });
  });
});

describe("of a large file", () => {
  test("no more is read than the lines take", async () => {
    const file = repeated("fifteen letters\n", 134_217_728);
    expect(await linesOf(file, { limit: 10 })).toMatchObject({ count: 10, nextOffset: 11 });
    expect(file.readBytes()).toBeLessThan(300_000);
  });

  test("lines behind many others are reached, while memory stays as it is", async () => {
    const file = repeated("fifteen letters\n", 16_777_216);
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    expect(await linesOf(file, { offset: 16_000_000, limit: 2 })).toMatchObject({ count: 2, first: 16_000_000 });
    expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000);
  });

  test("lines that are not reached in time are told as that, with how far it came", async () => {
    const file = repeated("fifteen letters\n", 16_777_216);
    const reading = linesOf(file, { offset: 16_000_000, isOver: () => file.readBytes() > 10_000_000 });
    await expect(reading).rejects.toThrow(
      /^File operation refused: Line 16000000 of \/home\/user\/a\.txt was not reached in time: \d+ lines were passed\. Look/,
    );
    const end = linesOf(repeated("x", 16_777_216), { offset: -1, isOver: () => true });
    await expect(end).rejects.toThrow("The end of /home/user/a.txt was not reached in time.");
  });
});

describe("other encodings", () => {
  test("are read as what they are: UTF-16 by its mark, UTF-8 without it, and older ones", async () => {
    const text = "erste Zeile: größer\r\nzweite: 漢\r\n";
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]);
    expect(await linesOf(openedFile(utf16))).toMatchObject({ text, total: 2, hasCrlf: true });
    expect(await linesOf(openedFile(utf16), { offset: -1 })).toMatchObject({ text: "zweite: 漢\r\n", first: 2 });
    expect(await linesOf(openedFile(Buffer.from(utf16).swap16()))).toMatchObject({ text, total: 2 });
    expect(await linesOf(openedFile(`\ufeff${text}`))).toMatchObject({ text, total: 2 });
    expect(await linesOf(openedFile(Buffer.from("größer\n", "latin1")))).toMatchObject({ text: "größer\n" });
  });

  test("damaged UTF-8 is shown with what is wrong replaced, and told", async () => {
    const damaged = Buffer.concat([Buffer.from("größer, schöner, übler "), Buffer.from([0xff]), Buffer.from(" end\n")]);
    expect(await linesOf(openedFile(damaged))).toMatchObject({
      text: "größer, schöner, übler \ufffd end\n",
      hasForeignBytes: true,
    });
    expect(await linesOf(openedFile("a real \ufffd\n"))).toMatchObject({ hasForeignBytes: false });
  });

  test.each([
    ["a zero byte", Buffer.from("a\0b")],
    ["control characters", Buffer.from("\u0001\u0002\u0003\u0004abc")],
    ["anything but text", Buffer.from(Array.from({ length: 300 }, (_, at) => 128 + ((at * 37) % 128)))],
  ])("%s is not text", (_, bytes) => {
    expect(contentOf(bytes).kind).toBe("binary");
  });

  test("a file that says it is empty and is not, as in /proc, is read", async () => {
    expect(await linesOf(openedFile("MemTotal: 1 kB\nMemFree: 1 kB\n", 0))).toMatchObject({ count: 2, total: 2 });
    expect(await linesOf(openedFile("a\nb\n", 0), { offset: -1 })).toMatchObject({ text: "b\n" });
  });
});
