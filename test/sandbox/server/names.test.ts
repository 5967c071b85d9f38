// Names that a sweep can read.

import { expect, test } from "bun:test";
import { incarnations, installationTag, parseSandboxName, sandboxName } from "../../../src/sandbox/server/names.ts";

test("a name carries the whole session id, and what it was made of can be read from it", () => {
  const sessionId = `session-${crypto.randomUUID()}`;
  const name = sandboxName("0a1b2c3d", sessionId, "abc12");
  expect(name).toHaveLength(63);
  expect(parseSandboxName(name)).toEqual({ installation: "0a1b2c3d", sessionId, incarnation: "abc12" });
});

test("a session id that does not fit still makes a valid name, another one for another id", () => {
  const names = ["a".repeat(100), `${"a".repeat(99)}b`, "über/mut", "x y"].map((id) =>
    sandboxName("0a1b2c3d", id, "00000"),
  );
  expect(new Set(names).size).toBe(4);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/);
});

test("a stranger's name is not taken for one of ours", () => {
  for (const name of ["default", "session-7bfb2496", "msb-1-2-3", "msb-0a1b2c3d-x", ""]) {
    expect(parseSandboxName(name)).toBeNull();
  }
});

test("an installation id of any shape becomes eight characters, always the same", () => {
  expect(installationTag("0a1b2c3d")).toBe("0a1b2c3d");
  expect(installationTag("Some Host")).toMatch(/^[a-z0-9]{8}$/);
  expect(installationTag("Some Host")).toBe(installationTag("Some Host"));
});

test("incarnations differ from one another, and from those of a process that started earlier", () => {
  const earlier = incarnations(1_700_000_000_000);
  const later = incarnations(1_700_000_100_000);
  const seen = Array.from({ length: 50 }, () => [earlier.next().value, later.next().value]).flat();
  expect(new Set(seen).size).toBe(100);
});
