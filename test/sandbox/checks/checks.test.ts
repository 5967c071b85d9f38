// Each check by itself, over files in place of this machine's.

import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { checkStateDir } from "../../../src/commands/doctor/state-dir.ts";
import { Failure } from "../../../src/failure.ts";
import { bootDeadlineMs, checkBoot } from "../../../src/sandbox/checks/boot.ts";
import { createBootMemory } from "../../../src/sandbox/checks/boot-memory.ts";
import { checkCloudKey } from "../../../src/sandbox/checks/cloud.ts";
import { checkCpu } from "../../../src/sandbox/checks/cpu.ts";
import { lineOf, missingBecause } from "../../../src/sandbox/checks/finding.ts";
import { checkKvm } from "../../../src/sandbox/checks/kvm.ts";
import { checkRuntime } from "../../../src/sandbox/checks/runtime.ts";
import type { Runtime } from "../../../src/sandbox/microvm/runtime/runtime.ts";
import { FakeClock } from "../../fakes/fake-clock.ts";

const pc = { os: "linux", cpu: "x64" };
const signal = new AbortController().signal;

async function scratch() {
  const path = await mkdtemp(join(tmpdir(), "msb-mcp-doctor-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test.each([
  ["flags\t\t: fpu vme svm avic\n", "ok", "svm (AMD-V)"],
  ["processor: 0\nflags\t\t: fpu vmx\nprocessor: 1\nflags\t\t: fpu vmx\n", "ok", "vmx (Intel VT-x)"],
  ["flags\t\t: fpu svm_lock notvmx\nvmx flags\t: vnmi\n", "missing", "neither the flag vmx (Intel) nor svm (AMD)"],
  ["", "missing", "neither"],
])("of /proc/cpuinfo only the CPU's flags count, as whole words: %j", async (text, status, found) => {
  await using folder = await scratch();
  const cpuinfo = join(folder.path, "cpuinfo");
  await writeFile(cpuinfo, text);
  const finding = await checkCpu(pc, cpuinfo);
  expect(finding.status).toBe(status as "ok");
  expect(finding.found).toContain(found);
});

test("on ARM and elsewhere than on Linux the CPU's flags are not asked", async () => {
  expect((await checkCpu({ os: "linux", cpu: "arm64" }, "/nowhere")).status).toBe("skipped");
  expect((await checkCpu({ os: "darwin", cpu: "arm64" }, "/nowhere")).status).toBe("skipped");
  expect((await checkKvm({ os: "darwin", cpu: "arm64" }, { device: "/nowhere" })).status).toBe("skipped");
});

test("a device that opens is ok, one that is not there is mended by a module, or by an option of the container", async () => {
  expect(await checkKvm(pc, { device: "/dev/null" })).toMatchObject({ status: "ok" });
  const gone = await checkKvm(pc, { device: "/nowhere/kvm" });
  expect(gone).toMatchObject({ status: "missing", found: "is not there" });
  expect(gone.mend).toContain("modprobe kvm_intel or kvm_amd");
  expect(gone.mend).toContain("--device /dev/kvm");
});

test("a plain file in the device's place is not taken for it", async () => {
  await using folder = await scratch();
  const device = join(folder.path, "kvm");
  await writeFile(device, "");
  expect(await checkKvm(pc, { device })).toMatchObject({ status: "missing", found: "is not a device" });
});

function refuse(code: string) {
  return () => Promise.reject(Object.assign(new Error(code), { code }));
}

test("a device that may not be opened is mended by joining its group, or by giving it one", async () => {
  const denied = refuse("EACCES");
  // Owned by the group tty nearly everywhere, which may read and write it.
  const inGroup = await checkKvm(pc, { device: "/dev/tty", tryOpen: denied });
  expect(inGroup).toMatchObject({ status: "missing", found: "may not be opened (EACCES)" });
  expect(inGroup.mend).toMatch(/^(?:Join its group: sudo usermod -aG \S+ \S+, then log in anew|Let a group use it: )/);
  const rootsOwn = await checkKvm(pc, { device: "/dev/null", tryOpen: denied });
  expect(rootsOwn.mend).toContain("Let a group use it: chgrp kvm");
  const broken = await checkKvm(pc, { device: "/dev/null", tryOpen: refuse("ENODEV") });
  expect(broken).toMatchObject({ status: "missing", found: "does not open (ENODEV)" });
});

test("a runtime that cannot be had is told in the failure's words, its advice apart", async () => {
  const failure = new Failure("configuration", "There is none.", { advice: ["Get one.", "Or go without."] });
  const finding = await checkRuntime(() => Promise.reject(failure));
  expect(finding).toEqual({
    check: "microVM runtime",
    status: "missing",
    found: "There is none.",
    mend: "Get one. Or go without.",
  });
  expect(lineOf(finding)).toBe("microVM runtime: There is none. Get one. Or go without.");
  const unadvised = new Failure("configuration", "Nothing helps.", { advice: [] });
  expect(missingBecause("namespaces", unadvised)).toEqual({
    check: "namespaces",
    status: "missing",
    found: "Nothing helps.",
  });
});

test("a runtime some of whose parts the environment replaces is told with a warning", async () => {
  const runtime = { version: "0.6.18", folder: "/cache/runtime", overridden: { msb: "/opt/msb" } } as Runtime;
  const finding = await checkRuntime(async () => runtime);
  expect(finding).toMatchObject({
    status: "warning",
    found: "microsandbox 0.6.18 in /cache/runtime, but with /opt/msb",
  });
  expect(finding.mend).toContain("Unset MSB_PATH");
});

test("a boot that does not end is given up after its deadline, and told to end", async () => {
  const clock = new FakeClock();
  let end: AbortSignal | undefined;
  const finding = checkBoot(
    (signal) => {
      end = signal;
      return new Promise(() => undefined);
    },
    clock,
    signal,
  );
  await clock.advance(bootDeadlineMs);
  expect(await finding).toMatchObject({ status: "missing", found: "did not end within 120 s" });
  expect(end?.aborted).toBe(true);
});

test("a boot that fails is told on one line, one that works with its time, and neither leaves a timer", async () => {
  const clock = new FakeClock();
  const failed = await checkBoot(() => Promise.reject(new Error("no\n  luck")), clock, signal);
  expect(failed).toMatchObject({ status: "missing", found: "failed: no luck" });
  const booted = await checkBoot(() => Promise.resolve(), clock, signal);
  expect(booted).toMatchObject({ status: "ok", found: "booted and ended in 0 ms" });
  expect(clock.sleeping).toBe(0);
});

test("a boot whose asker leaves rejects with the asker's reason", async () => {
  const reason = new Error("left");
  const left = checkBoot((signal) => Promise.reject(signal.reason), systemClock, AbortSignal.abort(reason));
  await expect(left).rejects.toBe(reason);
});

test("a boot is remembered for its runtime until the machine is started anew", async () => {
  await using folder = await scratch();
  const bootId = join(folder.path, "boot_id");
  await writeFile(bootId, "first\n");
  const memory = createBootMemory(folder.path, bootId);
  expect(await memory.recall("0.6.18")).toBe(false);
  await memory.keep("0.6.18");
  expect(await createBootMemory(folder.path, bootId).recall("0.6.18")).toBe(true);
  expect(await memory.recall("0.6.19")).toBe(false);
  await writeFile(bootId, "second\n");
  expect(await memory.recall("0.6.18")).toBe(false);
});

test("where the machine's starts cannot be told apart, or nothing can be kept, no boot is remembered and nothing fails", async () => {
  await using folder = await scratch();
  const memory = createBootMemory(folder.path, "/nowhere/boot_id");
  await memory.keep("0.6.18");
  expect(await memory.recall("0.6.18")).toBe(false);
  const bootId = join(folder.path, "boot_id");
  await writeFile(bootId, "first");
  await createBootMemory(join(folder.path, "gone"), bootId).keep("0.6.18");
});

test("the state directory is made and left empty; one that cannot be made is told", async () => {
  await using folder = await scratch();
  const stateDir = join(folder.path, "state");
  expect(await checkStateDir(stateDir)).toMatchObject({ status: "ok" });
  expect([...new Bun.Glob("**").scanSync({ cwd: stateDir, dot: true })]).toEqual([]);
  await writeFile(join(folder.path, "file"), "");
  const unusable = await checkStateDir(join(folder.path, "file"));
  expect(unusable).toMatchObject({
    status: "missing",
    mend: expect.stringContaining("Name a folder that this user can write to"),
  });
  expect(unusable.found).toContain("EEXIST");
});

test("the cloud's key is never shown", () => {
  expect(JSON.stringify(checkCloudKey("hunter2"))).not.toContain("hunter2");
  expect(checkCloudKey(undefined)).toMatchObject({ status: "missing" });
});
