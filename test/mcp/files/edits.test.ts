// Edits of a text: all or none, exactly where they are meant.

import { describe, expect, test } from "bun:test";
import { diffOf } from "../../../src/mcp/files/diff.ts";
import { applyEdits } from "../../../src/mcp/files/edits.ts";

test("each is made in the text as those before have left it", () => {
  const edits = [
    { old: "a", new: "b" },
    { old: "bc", new: "d" },
  ];
  expect(applyEdits("ac\n", edits)).toBe("d\n");
});

test("what replaces has no meaning but itself", () => {
  expect(applyEdits("price: X\n", [{ old: "X", new: "$& $1 \\n" }])).toBe("price: $& $1 \\n\n");
});

describe("an edit that cannot be made says why", () => {
  test.each([
    ["x = 1\ny\nx = 1\n", "x = 1", "old matches 2 times, at lines 1, 3. Nothing was written. Take in more"],
    ["aaa", "aa", "old matches 2 times, at lines 1, 1."],
    [
      "def first():\n    return 1\n",
      "def firsst():",
      'old was not found. The most similar place is line 1: "def first():". Nothing was written. Read that part',
    ],
    ["if x:\n\treturn\n", "    return", 'line 2: "\\treturn". It differs in white space only.'],
    ["one\n", "entirely different", "old was not found. Nothing was written."],
    ["one\n", "", "old is empty."],
  ])("in %j: %j", (text, old, message) => {
    expect(() => applyEdits(text, [{ old, new: "z" }])).toThrow(message);
  });

  test("and which of several it is", () => {
    const edits = [
      { old: "one", new: "two" },
      { old: "three", new: "four" },
    ];
    expect(() => applyEdits("one\n", edits)).toThrow("Invalid arguments: edit 2 of 2: old was not found.");
  });

  test("in a text of 1 MiB as well, before long", () => {
    const text = "the quick brown fox jumps over the lazy dog\n".repeat(23_000);
    expect(() => applyEdits(text, [{ old: "the quick brown fox jumps over a lazy cat", new: "" }])).toThrow("line 1");
  });
});

test("what is sought in a text that is nearly made of it is found, or not, before long", () => {
  const half = "a".repeat(65_536);
  const text = `${"a".repeat(131_067)}b`.repeat(8);
  const edit = { old: `${half}ba${half}`, new: "c" };
  expect(() => applyEdits(text, [edit])).toThrow("old matches 7 times");
  expect(() => applyEdits("a".repeat(1_000_000), [{ old: half, new: "c" }])).toThrow("old matches more than 100 times");
  const all = applyEdits("a".repeat(1_000_000), [{ old: "a", new: "bb", replace_all: true }]);
  expect(all.length).toBe(2_000_000);
}, 5000);

test("replace_all replaces every place", () => {
  expect(applyEdits("a b a\n", [{ old: "a", new: "aa", replace_all: true }])).toBe("aa b aa\n");
});

describe("line breaks", () => {
  test("stay CRLF where all are, however they are given", () => {
    const text = "one\r\ntwo\r\nthree\r\n";
    expect(applyEdits(text, [{ old: "one\ntwo", new: "1\n2\n2b" }])).toBe("1\r\n2\r\n2b\r\nthree\r\n");
    expect(applyEdits(text, [{ old: "one\r\ntwo", new: "1" }])).toBe("1\r\nthree\r\n");
    expect(applyEdits(text, [{ old: "two", new: "2\n2b" }])).toBe("one\r\n2\r\n2b\r\nthree\r\n");
  });

  test("are as they are given where they are mixed, and none is added at the end", () => {
    expect(applyEdits("one\r\ntwo\nthree", [{ old: "three", new: "3\n4" }])).toBe("one\r\ntwo\n3\n4");
  });
});

describe("the diff", () => {
  test("is a unified one, with three lines around", () => {
    const before = "1\n2\n3\n4\n5\n6\n7\n8\n9";
    expect(diffOf("a.txt", before, before.replace("5", "five"), 10_000)).toBe(
      "--- a.txt\n+++ a.txt\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
    );
  });

  test("does not take long for a file that is another one now, and is cut where the answer is full", () => {
    const text = (word: string) => Array.from({ length: 20_000 }, (_, index) => `${word} ${index}\n`).join("");
    const diff = diffOf("a.txt", text("before"), text("after"), 1000);
    expect(diff.length).toBeLessThan(1100);
    expect(diff).toMatch(/^--- a\.txt\n\+\+\+ a\.txt\n@@ -1,20000 \+1,20000 @@\n-before 0\n/);
    expect(diff).toMatch(/\n\[… \d+ lines of the diff left out\]\n$/);
  });
});
