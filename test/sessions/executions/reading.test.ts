import { describe, expect, test } from "bun:test";
import { readBytes, readLines, readTail } from "../../../src/sessions/executions/reading.ts";
import { compile, search } from "../../../src/sessions/executions/search.ts";
import { bytesOf, openSpools } from "./spools.ts";

function spoolOf({ spools }: ReturnType<typeof openSpools>, text: string) {
  const spool = spools.open("session-1", crypto.randomUUID());
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length; at += 1000) spool.append("stdout", bytes.subarray(at, at + 1000));
  return spool;
}

const rangeOf = { source: "stdout" as const, limit: undefined, maxBytes: 1000, isEnded: true };

describe("a range of bytes", () => {
  test("that is followed by its next one gives every character once, whole", async () => {
    using at = openSpools();
    const text = "aé漢😀\n".repeat(3000);
    const spool = spoolOf(at, text);
    for (const maxBytes of [7, 10, 999]) {
      let read = "";
      for (let offset = 0; ; ) {
        const window = await readBytes(spool, { ...rangeOf, offset, maxBytes });
        read += window.text;
        expect(window.text).not.toContain("\uFFFD");
        if (!window.hasMore) break;
        offset = window.nextOffset;
      }
      expect(read).toBe(text);
    }
  });

  test("does not end in a character whose rest is yet to come, and does where none will", async () => {
    using at = openSpools();
    const spool = at.spools.open("session-1", "execution-1");
    spool.append("stdout", bytesOf("abcd😀").subarray(0, 6));
    expect(await readBytes(spool, { ...rangeOf, offset: 0, isEnded: false })).toMatchObject({
      text: "abcd",
      nextOffset: 4,
    });
    expect(await readBytes(spool, { ...rangeOf, offset: 0 })).toMatchObject({ text: "abcd\uFFFD", nextOffset: 6 });
  });

  test("behind the end is empty, and goes on from the end", async () => {
    using at = openSpools();
    const spool = spoolOf(at, "short\n");
    expect(await readBytes(spool, { ...rangeOf, offset: 100 })).toEqual({
      text: "",
      offset: 6,
      nextOffset: 6,
      hasMore: false,
    });
  });
});

describe("a range of lines", () => {
  const text = Array.from({ length: 5000 }, (_, line) => `line ${line}\n`).join("");

  test("has those lines and no other, and goes on behind them", async () => {
    using at = openSpools();
    const spool = spoolOf(at, text);
    expect(await readLines(spool, { ...rangeOf, offset: 100, limit: 3 })).toEqual({
      text: "line 100\nline 101\nline 102\n",
      offset: 100,
      nextOffset: 103,
      hasMore: true,
    });
    let read = "";
    let offset = 0;
    for (let hasMore = true; hasMore; ) {
      const window = await readLines(spool, { ...rangeOf, offset });
      read += window.text;
      ({ nextOffset: offset, hasMore } = window);
    }
    expect([read, offset]).toEqual([text, 5000]);
  });

  test("has whole lines behind one whose end came first in a piece", async () => {
    using at = openSpools();
    const spool = at.spools.open("session-1", "execution-1");
    for (const text of ["a".repeat(65_536), "a".repeat(65_536), "\nneedle\nlast\n"])
      spool.append("stdout", bytesOf(text));
    expect((await readLines(spool, { ...rangeOf, offset: 1 })).text).toBe("needle\nlast\n");
  });

  test("has a last line without an end only once no more can come", async () => {
    using at = openSpools();
    const spool = spoolOf(at, "one\ntwo");
    expect(await readLines(spool, { ...rangeOf, offset: 0, isEnded: false })).toMatchObject({
      text: "one\n",
      nextOffset: 1,
    });
    expect(await readLines(spool, { ...rangeOf, offset: 1 })).toMatchObject({ text: "two", nextOffset: 2 });
  });

  test("tells the beginning of a line that is too long, how much is missing, and comes to the next one", async () => {
    using at = openSpools();
    const spool = spoolOf(at, `${"x".repeat(200_000)}\nnext\n`);
    const first = await readLines(spool, { ...rangeOf, offset: 0 });
    expect(first.text).toStartWith("x".repeat(900));
    expect(first.text).toContain("199000 bytes of this line left out");
    expect([first.nextOffset, first.hasMore]).toEqual([1, true]);
    expect(await readLines(spool, { ...rangeOf, offset: 1 })).toMatchObject({ text: "next\n", hasMore: false });
  });
});

describe("the last lines", () => {
  test("are so many, or as many as there are, or as fit", async () => {
    using at = openSpools();
    const spool = spoolOf(at, "one\ntwo\nthree\n");
    expect((await readTail(spool, "stdout", 2, 1000)).text).toBe("two\nthree\n");
    expect((await readTail(spool, "stdout", 10, 1000)).text).toBe("one\ntwo\nthree\n");
    expect((await readTail(spool, "stdout", 2, 8)).text).toBe("three\n");
    expect((await readTail(spoolOf(at, "one\ntwo"), "stdout", 1, 1000)).text).toBe("two");
    expect((await readTail(spoolOf(at, "漢".repeat(100)), "stdout", 1, 10)).text).toBe("漢漢漢");
  });
});

describe("a search", () => {
  const never = new AbortController().signal;
  const asked = {
    source: "stdout" as const,
    around: 0,
    fromLine: 0,
    limit: 20,
    maxBytes: 10_000,
    isEnded: true,
    signal: never,
  };

  test("finds one line in 40 MB, with the lines around it and their numbers", async () => {
    using at = openSpools();
    const spool = at.spools.open("session-1", "execution-1");
    const block = `${"compiling some module with its options\n".repeat(1000)}`;
    for (let part = 0; part < 1000; part++) {
      spool.append("stdout", bytesOf(block));
      if (part === 700) spool.append("stdout", bytesOf("error: undefined reference to `foo'\n"));
    }
    const found = await search(spool, { ...asked, pattern: "undefined ref.*foo", around: 1 });
    expect(found).toMatchObject({ matches: 1, hasMore: false, nextLine: 1_000_001 });
    expect(found.text).toBe(
      "701000-compiling some module with its options\n701001:error: undefined reference to `foo'\n701002-compiling some module with its options\n",
    );
  });

  test("tells what is apart, stops at its limit, and goes on from there", async () => {
    using at = openSpools();
    const spool = spoolOf(at, Array.from({ length: 100 }, (_, line) => `line ${line}\n`).join(""));
    const first = await search(spool, { ...asked, pattern: "[05]$", limit: 3, around: 1 });
    expect(first.text).toBe(
      "1:line 0\n2-line 1\n--\n5-line 4\n6:line 5\n7-line 6\n--\n10-line 9\n11:line 10\n12-line 11\n",
    );
    expect(first).toMatchObject({ matches: 3, nextLine: 15, hasMore: true });
    const rest = await search(spool, { ...asked, pattern: "[05]$", fromLine: first.nextLine, limit: 100 });
    expect(rest).toMatchObject({ matches: 17, nextLine: 100, hasMore: false });
  });

  test("tells every match, however long the lines around it are, and those before the line that it goes on from", async () => {
    using at = openSpools();
    const spool = spoolOf(at, `${`${"x".repeat(3000)}\n`.repeat(5)}here\nbefore\nhere\n${"y".repeat(3000)}\nhere\n`);
    const first = await search(spool, { ...asked, pattern: "here", around: 5, maxBytes: 2000 });
    expect(first).toMatchObject({ matches: 2, nextLine: 9, hasMore: true });
    expect(first.text).toMatch(/^6:here\n7-before\n8:here\n9-y+ \[… the rest of this line left out …\]\n$/);
    const second = await search(spool, { ...asked, pattern: "here", around: 1, fromLine: first.nextLine });
    expect(second).toMatchObject({ text: `9-${"y".repeat(3000)}\n10:here\n`, matches: 1, hasMore: false });
  });

  test.each([
    ...["b", "^b", "b$", "^$", "^a*b?$", "(?i)B A", "a\\s*b", "[^c]+d", "\\bab\\b", "(?s)a.*d"],
    ...["\\Ab", "b\\z", "(?-m:^b)", "(?s-i:b.d)", "\\\\A", "c|(?:d$)", "a\\n?b"],
  ])("for %s tells the lines that it matches when they are looked at one by one", async (pattern) => {
    using at = openSpools();
    const lines = Array.from({ length: 400 }, (_, nth) =>
      Array.from(
        { length: (nth * 7) % 6 },
        (_, place) => "ab cd\\A"[(nth * 31 + place * 17 + ((nth * nth) % 13)) % 7],
      ).join(""),
    );
    const spool = at.spools.open("session-1", "execution-1");
    const bytes = bytesOf(lines.join("\n"));
    for (let begin = 0; begin < bytes.length; begin += 11) {
      spool.append("stdout", bytes.subarray(begin, begin + 11));
      // Keeps the pieces apart, so that there are many blocks.
      spool.append("stderr", bytesOf("-"));
    }
    const regex = compile(pattern);
    const expected = lines.flatMap((line, nth) => (nth >= 5 && regex.test(line) ? [`${nth + 1}:${line}\n`] : []));
    const { text } = await search(spool, { ...asked, pattern, fromLine: 5, limit: 1000 });
    expect(text.replaceAll("--\n", "")).toBe(expected.join(""));
  });

  test("says of how many lines only the beginning was searched", async () => {
    using at = openSpools();
    const spool = spoolOf(at, `${"a".repeat(100_000)}needle\nneedle\n`);
    const found = await search(spool, { ...asked, pattern: "needle$" });
    expect([found.text, found.matches, found.cutLines]).toEqual(["2:needle\n", 1, 1]);
    const large = await search(spool, { ...asked, pattern: "a{900}b|e$" });
    expect([found.matches, large.cutLines]).toEqual([1, 1]);
  });

  test("refuses a pattern whose steps would hold up everybody", () => {
    expect(() => compile("a[ab]{999}[0-9]|b[ab]{999}")).toThrow("at most 1000 are allowed");
  });

  test("takes linear time for patterns that take others for ever", async () => {
    using at = openSpools();
    const spool = spoolOf(at, `${"a".repeat(50_000)}!\n`);
    expect(await search(spool, { ...asked, pattern: "^(a+)+$" })).toMatchObject({ matches: 0 });
  });

  test("says what is wrong with a pattern that is none", () => {
    expect(() => compile("(unclosed")).toThrow("search is not a regular expression");
    expect(() => compile("(?<=look)behind")).toThrow("search is not a regular expression");
    expect(() => compile("x".repeat(1001))).toThrow("1001 characters");
  });

  test("ends when its caller leaves", async () => {
    using at = openSpools();
    const spool = at.spools.open("session-1", "execution-1");
    for (let part = 0; part < 300; part++) spool.append("stdout", bytesOf("a line of output\n".repeat(3000)));
    const leaving = new AbortController();
    const searching = search(spool, { ...asked, pattern: "(x|y|z)+never", signal: leaving.signal });
    leaving.abort(new Error("left"));
    await expect(searching).rejects.toThrow("left");
  });
});
