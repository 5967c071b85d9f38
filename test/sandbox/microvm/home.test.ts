import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepPrivate } from "../../../src/sandbox/microvm/runtime/home.ts";

test("the runtime's folder is closed to others, whether it was there or not", async () => {
  const root = mkdtempSync(join(tmpdir(), "home-"));
  try {
    const [there, missing] = [join(root, "there"), join(root, "a/missing")];
    mkdirSync(there);
    chmodSync(there, 0o755);
    for (const folder of [there, missing]) {
      await keepPrivate(folder);
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("a folder that others may write to is left as it is, and refused", async () => {
  const root = mkdtempSync(join(tmpdir(), "home-"));
  try {
    chmodSync(root, 0o1777);
    await expect(keepPrivate(root)).rejects.toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("mode 1777"),
    });
    expect(statSync(root).mode & 0o7777).toBe(0o1777);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("a folder that cannot be one is a fault of the configuration", async () => {
  const root = mkdtempSync(join(tmpdir(), "home-"));
  try {
    writeFileSync(join(root, "file"), "");
    await expect(keepPrivate(join(root, "file/below"))).rejects.toMatchObject({ kind: "configuration" });
  } finally {
    rmSync(root, { recursive: true });
  }
});
