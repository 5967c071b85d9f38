// Boots that a killed server left half done are found by what they have inherited, and nobody else's are.

import { expect, test } from "bun:test";
import { closeSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLibc } from "../../../src/sandbox/namespace/libc.ts";
import { readProcess } from "../../../src/sandbox/namespace/processes.ts";
import { killStranded, memoryLabel } from "../../../src/sandbox/namespace/stranded.ts";
import { eventually, patienceMs } from "./machine.ts";

/** A process that a server of this label has started, and that looks like a bubblewrap on its way. */
function startBoot(folder: string, label: string, program = "bwrap") {
  const path = join(folder, program);
  if (!existsSync(path)) symlinkSync(Bun.which("sleep") ?? "/bin/sleep", path);
  const file = openLibc(label).memoryFile(new TextEncoder().encode("x"));
  try {
    return Bun.spawn([path, "300"], { stdio: ["ignore", "ignore", "ignore", file] });
  } finally {
    closeSync(file);
  }
}

test(
  "a boot of a dead server of this installation is ended; those of the living, of others, and other programs are not",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "msb-mcp-stranded-"));
    const dead = Bun.spawn(["true"]);
    const deadLabel = memoryLabel("0a1b2c3d", dead.pid);
    await dead.exited;
    const boots = [
      startBoot(folder, deadLabel),
      // A process id that was given anew: the server of that time is no more.
      startBoot(folder, `msb-mcp-0a1b2c3d-${process.pid}-1`),
      startBoot(folder, memoryLabel("0a1b2c3d", process.pid)),
      startBoot(folder, deadLabel.replace("0a1b2c3d", "ffffffff")),
      startBoot(folder, deadLabel, "another"),
    ] as const;
    try {
      const [stranded, renumbered, ...others] = boots;
      // A process has its program's name only once it has become it.
      await eventually("both are found", () => {
        killStranded(openLibc(), "0a1b2c3d");
        return readProcess(stranded.pid) === null && readProcess(renumbered.pid) === null;
      });
      expect(killStranded(openLibc(), "0a1b2c3d")).toBe(true);
      expect(others.map(({ pid }) => readProcess(pid) !== null)).toEqual([true, true, true]);
    } finally {
      for (const boot of boots) boot.kill("SIGKILL");
      await Promise.all(boots.map(({ exited }) => exited));
      rmSync(folder, { recursive: true });
    }
  },
  patienceMs,
);
