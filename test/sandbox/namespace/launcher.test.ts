// Launchers as processes: for this machine's processor, and for arm64 under QEMU where that is here.

import { describe, expect, test } from "bun:test";
import { chmodSync, closeSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { arch, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { arm64 } from "../../../src/sandbox/namespace/launcher/arm64.ts";
import { assembleLauncher, type Step } from "../../../src/sandbox/namespace/launcher/assemble.ts";
import { launcherBytes } from "../../../src/sandbox/namespace/launcher/launcher.ts";
import { listeningSteps } from "../../../src/sandbox/namespace/launcher/listener.ts";
import { launcherCalls, type Value } from "../../../src/sandbox/namespace/launcher/steps.ts";
import { x64 } from "../../../src/sandbox/namespace/launcher/x64.ts";
import { openLibc } from "../../../src/sandbox/namespace/libc.ts";
import { eventually } from "./machine.ts";

const encoders = { x64, arm64 };

/** Where groups of version 2 can be made, with or without controllers. */
const unified = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].find((folder) => existsSync(join(folder, "cgroup.procs")));

function tryRemove(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
const getppid = { x64: 110, arm64: 173 };

type Ended = {
  readonly status: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly error: string;
};

for (const architecture of ["x64", "arm64"] as const) {
  const isNative = arch() === architecture;
  const emulator = Bun.which(`qemu-${architecture === "x64" ? "x86_64" : "aarch64"}-static`);
  const number = launcherCalls[architecture];

  describe.skipIf(!isNative && emulator === null)(
    `a launcher for ${architecture} (here or in qemu-user-static)`,
    () => {
      /** The command line is the launcher, one string for its steps, the environment, "", and the program. */
      async function launch(steps: readonly Step[], line: readonly string[], inherited?: number): Promise<Ended> {
        const folder = await mkdtemp(join(tmpdir(), "msb-mcp-launcher-"));
        try {
          const file = join(folder, "launcher");
          writeFileSync(file, assembleLauncher(encoders[architecture], steps, 2));
          chmodSync(file, 0o700);
          const child = Bun.spawn([...(isNative ? [] : [emulator ?? ""]), file, ...line], {
            stdio: ["ignore", "pipe", "pipe", ...(inherited === undefined ? [] : [inherited])],
            env: { SECRET: "of the caller" },
          });
          const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
          return {
            status: child.exitCode,
            signal: child.signalCode === null ? null : `${child.signalCode}`,
            out,
            error,
          };
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      }

      const data = (words: string) => ({ data: { bytes: new TextEncoder().encode(words) } });
      const become: Step = {
        call: number.execve,
        with: [{ program: "path" }, { program: "arguments" }, { program: "environment" }],
        failure: "the program cannot be started",
      };
      /** With what is no group's in its slots. */
      const [folder, members] = [8, 9];
      const open = (saveAs: number, path: Value, flags: number): Step => ({
        ...{ call: number.openat, with: [-100, path, flags], saveAs, failure: "not opened" },
      });
      const fork: Step = { fork: { folder, members }, failure: "no process" };
      const forkAnywhere = [open(folder, data("/dev/null\0"), 0), open(members, data("/dev/null\0"), 1), fork];

      test("becomes the program, with the arguments and the environment of its command line and no other", async () => {
        const program = ["/usr/bin/env", "sh", "-c", 'printf "%s|" "$A" "$B" "$SECRET" "$@"', "sh", "1 2", "", "3"];
        const ended = await launch([become], ["unused", "A=x", "B=y z", "PATH=/usr/bin:/bin", "", ...program]);
        expect(ended).toEqual({ status: 0, signal: null, out: "x|y z||1 2||3|", error: "" });
      });

      test("hands a call constants, data, strings of its command line and earlier answers", async () => {
        const folder = await mkdtemp(join(tmpdir(), "msb-mcp-launcher-"));
        try {
          const created = 0o101;
          const steps: readonly Step[] = [
            { call: number.openat, with: [-100, { argument: 1 }, created, 0o600], saveAs: 6, failure: "no file" },
            { call: getppid[architecture], with: [], saveAs: 7, failure: "no parent" },
            { call: number.write, with: [{ slot: 6 }, data("hello"), 5], failure: "not written" },
            { call: number.close, with: [{ slot: 6 }], failure: "not closed" },
            { call: number.chdir, with: [data("/usr/bin\0")], failure: "no folder" },
            become,
          ];
          const file = join(folder, "written");
          expect(await launch(steps, [file, "", "/bin/pwd"])).toMatchObject({ status: 0, out: "/usr/bin\n" });
          expect(readFileSync(file, "utf8")).toBe("hello");
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      });

      test("says which step has failed, and goes no further", async () => {
        const steps: readonly Step[] = [
          { call: number.chdir, with: [data("/nowhere\0")], failure: null },
          { call: number.chdir, with: [{ argument: 1 }], failure: "the folder is not there" },
          become,
        ];
        const ended = await launch(steps, ["/nowhere", "", "/bin/echo", "reached"]);
        expect(ended).toEqual({ status: 125, signal: null, out: "", error: "msb-mcp: the folder is not there\n" });
        expect(await launch([become], ["unused", "", "/nowhere"])).toMatchObject({
          ...{ status: 125, error: "msb-mcp: the program cannot be started\n" },
        });
      });

      test("makes a listening socket", async () => {
        const libc = openLibc();
        const [ours, theirs] = libc.socketPair();
        const ended = await launch(listeningSteps(architecture, 0), ["unused", ""], theirs);
        for (const end of [ours, theirs]) closeSync(end);
        expect(ended).toEqual({ status: 0, signal: null, out: "", error: "" });
      });

      // QEMU 7 takes a message that has no bytes for sent, and sends none.
      test.skipIf(!isNative)(`hands a listening socket over (on ${architecture} itself)`, async () => {
        const libc = openLibc();
        const [ours, theirs] = libc.socketPair();
        const ended = await launch(listeningSteps(architecture, 0), ["unused", ""], theirs);
        expect(ended).toEqual({ status: 0, signal: null, out: "", error: "" });
        const descriptor = libc.receivedDescriptor(ours);
        for (const end of [ours, theirs]) closeSync(end);
        if (descriptor === undefined) throw new Error("nothing was handed over");
        const server = createServer((socket) => socket.end("heard"));
        await new Promise<void>((resolve) => server.listen({ fd: descriptor }, resolve));
        const address = server.address();
        const port = typeof address === "object" && address !== null ? address.port : 0;
        const heard = await new Promise((resolve, reject) => {
          connect({ host: "127.0.0.1", port })
            .once("data", (piece) => resolve(`${piece}`))
            .once("error", reject);
        });
        server.close();
        expect(heard).toBe("heard");
      });

      test("waits outside for what it has forked, and ends as that ends", async () => {
        const sh = (script: string) => launch([...forkAnywhere, become], ["unused", "", "/bin/sh", "-c", script]);
        expect(await sh("echo out; echo err >&2; exit 7")).toEqual({
          status: 7,
          signal: null,
          out: "out\n",
          error: "err\n",
        });
        expect(await sh("exit 0")).toMatchObject({ status: 0 });
        expect(await sh("exit 255")).toMatchObject({ status: 255 });
        for (const signal of ["KILL", "TERM", "USR1"]) {
          expect(await sh(`kill -${signal} $$`)).toMatchObject({ status: null, signal: `SIG${signal}` });
        }
        const [pid = "", parent] = (await sh("echo $$ $PPID")).out.split(/\s/);
        expect(Number(parent)).toBeGreaterThan(0);
        expect(pid).not.toBe(parent ?? "");
      });

      test.skipIf(unified === undefined)(
        "what it has forked is in a control group of version 2, born there or moved, and it is not (/sys/fs/cgroup, version 2)",
        async () => {
          const group = join(unified ?? "", `msb-mcp-launcher-${Bun.nanoseconds()}`);
          mkdirSync(group);
          try {
            const script = "cat /proc/self/cgroup /proc/$PPID/cgroup | grep ^0::";
            for (const born of [group, "/dev/null"]) {
              const steps = [
                open(folder, { argument: 1 }, 0),
                open(members, data(`${group}/cgroup.procs\0`), 1),
                fork,
                become,
              ];
              const { out, error } = await launch(steps, [born, "", "/bin/sh", "-c", script]);
              const [inside = "", outside = ""] = out.split("\n");
              expect(error).toBe("");
              expect(inside.endsWith(basename(group))).toBe(true);
              expect(outside.endsWith(basename(group))).toBe(false);
            }
            const steps = [open(folder, { argument: 1 }, 0), open(members, data("/dev/full\0"), 1), fork, become];
            // QEMU does not know of such births.
            if (isNative) expect(await launch(steps, [group, "", "/bin/true"])).toMatchObject({ status: 0, error: "" });
            expect(await launch(steps, ["/dev/null", "", "/bin/echo", "reached"])).toMatchObject({
              ...{ status: 125, out: "", error: "msb-mcp: the sandbox's control group cannot be joined\n" },
            });
          } finally {
            await eventually("the group is empty", () => tryRemove(group));
          }
        },
      );

      test("is a small file that a machine of its kind would load", () => {
        const bytes = launcherBytes({ architecture, isRoot: true });
        expect([...bytes.subarray(0, 4)]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
        expect(bytes.length).toBeLessThan(16_384);
        expect(launcherBytes({ architecture, isRoot: false }).length).toBeLessThan(bytes.length);
      });
    },
  );
}
