// Names that a sweep can read, and of which there are only so many.

import { expect, test } from "bun:test";
import {
  cleanerName,
  heldName,
  installationTag,
  parseHeldName,
  parsePlaceName,
  placeName,
  sandboxName,
} from "../../../src/sandbox/server/names.ts";

test("a name tells whose it is and which place it has, and keeps to the server's rules", () => {
  const common = { installation: "0a1b2c3d", place: 7, turn: 0, isCleaner: false };
  expect(parsePlaceName(placeName("0a1b2c3d", 7))).toEqual(common);
  expect(parsePlaceName(sandboxName("0a1b2c3d", 7, 12))).toEqual({ ...common, turn: 12 });
  expect(parsePlaceName(cleanerName("0a1b2c3d", 7))).toEqual({ ...common, isCleaner: true });
  expect(parsePlaceName(placeName("0a1b2c3d", 12345))).toEqual({ ...common, place: 12345 });
  for (const name of [sandboxName("0a1b2c3d", 999_999, 999_999), cleanerName("0a1b2c3d", 999_999)]) {
    expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/);
  }
});

test("a name in this program tells the session too, so that two sessions of one place have two", () => {
  const name = heldName("msb-0a1b2c3d-007", "session-x");
  expect(parseHeldName(name)).toEqual({ sandbox: "msb-0a1b2c3d-007", sessionId: "session-x" });
  expect(parseHeldName("msb-0a1b2c3d-007")).toEqual({ sandbox: "msb-0a1b2c3d-007", sessionId: null });
  expect(heldName("msb-0a1b2c3d-007", "session-y")).not.toBe(name);
});

test("a stranger's name is not taken for one of ours", () => {
  for (const name of ["default", "session-7bfb2496", "msb-1-2", "msb-0a1b2c3d-x", "msb-0a1b2c3d-007-other", ""]) {
    expect(parsePlaceName(name)).toBeNull();
  }
});

test("an installation id of any shape becomes eight characters, always the same", () => {
  expect(installationTag("0a1b2c3d")).toBe("0a1b2c3d");
  expect(installationTag("Some Host")).toMatch(/^[a-z0-9]{8}$/);
  expect(installationTag("Some Host")).toBe(installationTag("Some Host"));
});
