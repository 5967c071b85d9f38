// Every fenced command of the documents is run by a test, or has a reason why none can run it.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { documentBlocks, documents, root } from "./blocks.ts";
import { registry } from "./registry.ts";

const files = await documents();

test.each(files)("every command of %s has a name, and every name is in the registry", async (file) => {
  const found = await documentBlocks(file);
  const unnamed = found.filter(({ name, isCommand }) => isCommand && name === undefined);
  expect(unnamed.map(({ line }) => `${file}:${line} has no <!-- test: NAME --> before it`)).toEqual([]);
  const names = found.flatMap(({ name }) => (name === undefined ? [] : [name]));
  expect(Object.keys(registry[file] ?? {}).sort()).toEqual(names.sort());
});

test("no name stands for two blocks", () => {
  const names = Object.values(registry).flatMap((entries) => Object.keys(entries));
  expect(new Set(names).size).toBe(names.length);
});

test("the registry has no document that is gone", () => {
  expect(Object.keys(registry).filter((file) => !files.includes(file))).toEqual([]);
});

test("a test that is said to run a block names it", async () => {
  const claims = Object.values(registry).flatMap((entries) =>
    Object.entries(entries).flatMap(([name, entry]) => ("by" in entry ? [{ name, by: entry.by }] : [])),
  );
  expect(claims.length).toBeGreaterThan(0);
  for (const { name, by } of claims) {
    const path = join(root, by);
    expect({ by, isThere: existsSync(path) }).toEqual({ by, isThere: true });
    expect({ by, name, isNamed: (await Bun.file(path).text()).includes(`"${name}"`) }).toEqual({
      by,
      name,
      isNamed: true,
    });
  }
});
