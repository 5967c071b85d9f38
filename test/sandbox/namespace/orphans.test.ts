// The server as the only init of a container: nobody else asks for the end of what a launcher leaves.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { patienceMs } from "./machine.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("SKIPPED: the server as the first process of a pid namespace: that takes root");

test.skipIf(!isRoot)(
  "a sandbox ends in which a program was ended by force, where the server is the only init, and no zombie is left",
  async () => {
    const script = [process.execPath, "--no-env-file", join(import.meta.dir, "as-init.ts")];
    const first = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    // Only what would never end is ended so.
    const bound = { timeout: 2 * patienceMs, killSignal: "SIGKILL" } as const;
    const child = Bun.spawn([...first, ...script], { stdout: "pipe", stderr: "inherit", ...bound });
    const said = await new Response(child.stdout).text();
    expect(said).not.toBe("");
    expect(JSON.parse(said)).toEqual({ pid: 1, isReplaced: true, left: [] });
  },
  3 * patienceMs,
);
