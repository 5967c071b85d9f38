// Paths as they are shown and given back.

import { expect, test } from "bun:test";
import { meantPath, shownPath } from "../../src/sandbox/shown-paths.ts";

test.each([
  ["/home/user/a.txt", "/home/user/a.txt"],
  ["with spaces, 漢字 and 'quotes'", "with spaces, 漢字 and 'quotes'"],
  ["a\\nb", "a\\nb"],
  ["a\nb\tc\u001b[31m", "$'a\\nb\\tc\\e[31m'"],
  ["bell\u0007 and back\\slash\n", "$'bell\\x07 and back\\\\slash\\n'"],
  ["no UTF-8: \udc80\udcff", "$'no UTF-8: \\x80\\xff'"],
  ["turned\u202egpj.exe", "$'turned\\u202egpj.exe'"],
  ["next\u0085line", "$'next\\u0085line'"],
  [" in front", "$' in front'"],
  ["$'quoted'", "$'$\\'quoted\\''"],
  ["~/in a folder of this name", "$'~/in a folder of this name'"],
])("%j is shown as %s, in one line, and meant by it", (path, shown) => {
  expect(shownPath(path)).toBe(shown);
  expect(meantPath(shown)).toBe(path);
});

test.each([
  ["~/out/a.csv", "out/a.csv"],
  ["~//a", "a"],
  ["~", "."],
  ["~/", "."],
  ["~other/a", "~other/a"],
])("%s means %s, from the home on", (text, path) => {
  expect(meantPath(text)).toBe(path);
});

test("every name of one or two bytes and its like can be given back", () => {
  for (let one = 1; one < 256; one++) {
    for (const other of ["'", "\\", "n", "x", "\udc80"]) {
      const path = String.fromCharCode(one < 128 ? one : 0xdc00 + one) + other;
      expect(meantPath(shownPath(path))).toBe(path);
    }
  }
});
