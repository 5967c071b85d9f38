// What one caller may leave running, where nobody has said.

import { expect, test } from "bun:test";
import { leftRunningOfOne } from "../../src/config/callers.ts";
import { loadConfig } from "../../src/config/load.ts";
import { onlyCaller } from "../../src/http/auth/only-caller.ts";

test.each([
  ["no token", [], 200],
  ["one token", ["--auth-token", "x".repeat(32)], 200],
  ["two callers", ["--auth-token", `ada=${"x".repeat(32)}`, "--auth-token", `bob=${"y".repeat(32)}`], 100],
  ["a file of tokens", ["--auth-token-file", "/etc/tokens"], 100],
  ["a file of tokens and stdio", ["--auth-token-file", "/etc/tokens", "--transport", "stdio"], 200],
  ["a number of the operator's", ["--max-left-running-per-principal", "7"], 7],
] as const)("with %s it is what others leave", (_, flags, expected) => {
  const loaded = loadConfig(flags, {}, { cwd: "/work", homeDir: "/home/ada" });
  if (loaded.kind !== "config") throw new Error(JSON.stringify(loaded));
  expect(leftRunningOfOne(loaded.config, onlyCaller(loaded.config) !== undefined)).toBe(expected);
});
