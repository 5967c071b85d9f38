// The launcher of guests' programs, whole, on a bubblewrap of its own. QEMU's user mode has threads, and a process with threads may not
// enter a user namespace: for arm64 this shows the steps up to there, and launcher.test.ts each kind of instruction.

import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, closeSync, openSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { enteredNamespaces, launcherBytes } from "../../../src/sandbox/namespace/launcher/launcher.ts";
import { joinCount } from "../../../src/sandbox/namespace/launcher/steps.ts";
import { openLibc } from "../../../src/sandbox/namespace/libc.ts";
import { childrenOf } from "../../../src/sandbox/namespace/processes.ts";
import { patienceMs } from "./machine.ts";

setDefaultTimeout(patienceMs);

const isRoot = process.getuid?.() === 0;

const bubblewrap = [
  ...["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"],
  ...["--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"],
  ...["--tmpfs", "/home", "--dir", "/home/user", "sh", "-c", "echo ready; exec cat"],
];

/** What a program prints that the launcher has taken into the bubblewrap's namespaces. */
async function enter(launcher: Uint8Array, through: readonly string[]) {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-launcher-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "launcher");
  writeFileSync(file, launcher);
  chmodSync(file, 0o700);
  const holder = Bun.spawn(bubblewrap, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  stack.defer(async () => {
    holder.kill("SIGKILL");
    await holder.exited;
  });
  const { value } = await holder.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("ready\n");
  const [init = -1] = childrenOf(holder.pid);
  const user = openSync(`/proc/${init}/ns/user`, "r");
  const owner = openLibc().parentNamespace(user);
  stack.defer(() => [user, owner].forEach(closeSync));
  const paths = enteredNamespaces.map((name) =>
    name === "owner" ? `/proc/${process.pid}/fd/${owner}` : `/proc/${init}/ns/${name}`,
  );
  const inside = "pwd; id -u; echo $A $$; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status";
  const child = Bun.spawn(
    [
      ...[...through, file, ...Array.from({ length: joinCount + 2 }, () => "/dev/null"), ...paths],
      ...["A=set", "PATH=/usr/bin:/bin", "", "/bin/sh", "-c", inside],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { status: child.exitCode, out, error };
}

test("a program is inside, without rights, behind the filter, with its own environment", async () => {
  const { status, out, error } = await enter(launcherBytes({ isRoot }), []);
  expect({ status, error }).toEqual({ status: 0, error: "" });
  const [folder, user, set, ...rights] = out.trimEnd().split("\n");
  expect([folder, user]).toEqual(["/home/user", "1000"]);
  expect(set).toMatch(/^set \d$/);
  expect(rights).toEqual(["CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"]);
});

const emulator = arch() === "x64" ? Bun.which("qemu-aarch64-static") : null;

test.skipIf(emulator === null)(
  "on arm64 (qemu-user-static), it joins, sets limits and opens, and what it cannot enter ends it",
  async () => {
    const entered = await enter(launcherBytes({ architecture: "arm64", isRoot }), [emulator ?? ""]);
    expect(entered).toEqual({
      status: 125,
      out: "",
      error: "msb-mcp: the sandbox's namespace owner cannot be entered\n",
    });
  },
);
