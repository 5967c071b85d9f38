import { expect, test } from "bun:test";
import { readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { hostileDirectory } from "./executable.ts";

test("scripts/run starts from any directory, through a link, and takes nothing from that directory", async () => {
  const directory = await hostileDirectory();
  try {
    const link = join(directory, "run");
    await symlink(join(import.meta.dir, "../../scripts/run"), link);
    const child = Bun.spawn([link, "--version"], {
      cwd: directory,
      stdout: "pipe",
      stderr: "inherit",
      stdin: "ignore",
    });
    const [stdout, status] = await Promise.all([child.stdout.text(), child.exited]);
    expect({ stdout, status }).toEqual({ stdout: `msb-mcp ${packageJson.version} (source)\n`, status: 0 });
    expect((await readdir(directory)).filter((name) => name.startsWith("planted-"))).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
