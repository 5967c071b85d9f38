// Paths of a guest as text and as bytes: one for the other, and back.

import { expect, test } from "bun:test";
import { bytesOfGuestPath, guestPathOf } from "../../src/sandbox/guest-paths.ts";
import { compareGuestPaths } from "../fakes/fake-files.ts";

test("any bytes come back as they were, and UTF-8 is read as such", () => {
  const texts = ["plain", "é", "😀", "\u{1f480}", "\u{1f4ff}a", "\ufffd"];
  for (const text of texts) {
    expect(guestPathOf(Buffer.from(text))).toBe(text);
    expect(Buffer.from(bytesOfGuestPath(text)).toString()).toBe(text);
  }
  const all = Uint8Array.from({ length: 255 }, (_, index) => index + 1);
  for (const bytes of [all, all.toReversed(), Uint8Array.of(0xed, 0xb2, 0x80), Uint8Array.of(0xf0, 0x9f, 0x98)]) {
    expect(Buffer.compare(bytesOfGuestPath(guestPathOf(bytes)), bytes)).toBe(0);
  }
  expect(guestPathOf(Uint8Array.of(0x61, 0xff, 0xc3, 0xa9))).toBe("a\udcffé");
});

test("what can be no path is refused", () => {
  for (const path of ["", "a\0", "\ud800", "a\udbff", "\udc7f"])
    expect(() => bytesOfGuestPath(path)).toThrow("is not a path");
  expect(() => bytesOfGuestPath("é".repeat(2049))).toThrow("is too long");
});

test("names are compared by their bytes", () => {
  const names = ["\u{1f480}", "\uffff", "a", "é", "\udcff"];
  expect(names.sort(compareGuestPaths)).toEqual(["a", "é", "\uffff", "\u{1f480}", "\udcff"]);
});
