// The executables of other platforms: each is a program of its platform, and the one for Linux on arm64 runs in an emulated processor.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { buildTarget } from "../../scripts/releasing/executables.ts";
import { readLock } from "../../scripts/releasing/lock.ts";
import { targets } from "../../scripts/releasing/targets.ts";
import { root, run, scratch } from "./scratch.ts";

// Downloads a Bun, 40 MB. Milliseconds.
const patienceMs = 280_000;

/** Where Debian puts the C library of another processor. */
const library = "/usr/aarch64-linux-gnu";
const emulator = Bun.which("qemu-aarch64-static");
const reason = whyNoEmulator();

let folder: Awaited<ReturnType<typeof scratch>> | undefined;
beforeAll(async () => {
  folder = await scratch();
});
afterAll(() => folder?.[Symbol.asyncDispose]());

async function build(id: (typeof targets)[number]["id"]): Promise<string> {
  const target = targets.find((it) => it.id === id);
  if (target === undefined || folder === undefined) throw new Error(`there is no ${id}`);
  const lock = await readLock(root);
  const { path } = await buildTarget(target, {
    ...{ root, outDir: join(folder.path, id), commit: "test", compression: "quick", lock, tell: () => undefined },
  });
  return path;
}

test(
  "the executable for Windows is one, and nothing lies beside it",
  async () => {
    const path = await build("windows-x64");
    expect((await run(["ls", join(path, "..")])).stdout).toBe("msb-mcp-windows-x64.exe\n");
    expect(await Bun.file(path).slice(0, 2).text()).toBe("MZ");
  },
  patienceMs,
);

test.skipIf(reason !== undefined)(
  "the executable for Linux on arm64 starts (requires qemu-user-static and libc6-arm64-cross)",
  async () => {
    const path = await build("linux-arm64");
    const { status, stdout } = await run([emulator ?? "", "-L", library, path, "--version"], { timeoutMs: patienceMs });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `msb-mcp ${packageJson.version} (test)\n` });
  },
  patienceMs,
);

/** Undefined where there is one. */
function whyNoEmulator(): string | undefined {
  if (process.arch === "arm64") return "this is an arm64 machine itself";
  if (emulator !== null && existsSync(library)) return undefined;
  return "qemu-aarch64-static or the C library for arm64 is not installed";
}
