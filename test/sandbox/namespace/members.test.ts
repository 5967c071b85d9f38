// Whose a process of a sandbox is: by a control group for each command, or without those by a mark.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { bootOne, command, eventually, foldersBelow, namespaceHost, patienceMs } from "./machine.ts";

const groupsOf = (name: string) =>
  foldersBelow("/sys/fs/cgroup").filter((folder) => new RegExp(`-${process.pid}/${name}/command-\\d+$`).test(folder));

const canDoWithout = Bun.spawnSync(["unshare", "--mount", "umount", "-R", "/sys/fs/cgroup"]).success;
if (!canDoWithout)
  console.warn("skipped: runs beside each other without control groups, for want of a way to hide those");

test(
  "control groups of commands that are over do not add up, whatever they have left running",
  async () => {
    await using host = namespaceHost();
    await using sandbox = await bootOne(host, "groups");
    if (!host.limits?.description.includes("processes by cgroup")) {
      console.warn("skipped: control groups of commands, for want of control groups");
      return;
    }
    for (let count = 0; count < 30; count++) await command(sandbox, "true");
    await eventually("one is left, for the next command", async () => groupsOf("groups").length === 1);
    for (let count = 0; count < 10; count++) await command(sandbox, "sleep 300 &");
    expect(groupsOf("groups").length).toBeGreaterThanOrEqual(10);
    await command(sandbox, "pkill sleep || killall sleep || kill $(grep -lx sleep /proc/[0-9]*/comm | cut -d/ -f3)");
    await eventually("those whose processes have ended are gone", async () => {
      await command(sandbox, "true");
      return groupsOf("groups").length === 1;
    });
  },
  patienceMs,
);

test.skipIf(!canDoWithout)(
  "without control groups an interrupt ends all of its own run and nothing of the others' as well",
  async () => {
    const script = [process.execPath, "--no-env-file", join(import.meta.dir, "without-groups.ts")];
    const hidden = ["unshare", "--mount", "sh", "-c", 'umount -R /sys/fs/cgroup && exec "$@"', "sh", ...script];
    const child = Bun.spawn(hidden, { stdout: "pipe", stderr: "inherit" });
    expect(JSON.parse(await new Response(child.stdout).text())).toEqual({
      mechanism: expect.stringContaining("processes by a watch"),
      ended: "interrupted",
      left: [6, 0, 6],
    });
  },
  patienceMs,
);
