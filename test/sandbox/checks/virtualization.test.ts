// What is tried, in which order, and what is remembered.

import { expect, test } from "bun:test";
import type { BootMemory } from "../../../src/sandbox/checks/boot-memory.ts";
import type { CheckName, Finding } from "../../../src/sandbox/checks/finding.ts";
import { createVirtualization, obstacles } from "../../../src/sandbox/checks/virtualization.ts";
import { FakeClock } from "../../fakes/fake-clock.ts";

const signal = new AbortController().signal;

/** A machine on which all is well but for what is named; counts what was tried. */
function machine(...broken: readonly CheckName[]) {
  const tried: CheckName[] = [];
  const kept = new Set<string>();
  const clock = new FakeClock();
  const isBroken = new Set<CheckName>(broken);
  const look = async (check: CheckName): Promise<Finding> => {
    tried.push(check);
    return { check, status: isBroken.has(check) ? "missing" : "ok", found: "" };
  };
  const memory: BootMemory = {
    recall: async (runtime) => kept.has(runtime),
    keep: async (runtime) => void kept.add(runtime),
  };
  const open = () =>
    createVirtualization({
      checks: {
        cpu: () => look("CPU virtualization"),
        kvm: () => look("/dev/kvm"),
        runtime: () => look("microVM runtime"),
        boot: () => look("microVM boot"),
      },
      memory,
      runtimeName: async () => "0.6.18",
      clock,
    });
  return {
    ...{ tried, clock, isBroken, kept, open },
    boots: () => tried.filter((check) => check === "microVM boot").length,
  };
}

const names = (findings: readonly Finding[]) => findings.map(({ check, status }) => `${check} ${status}`);

test("where nothing rules it out, a microVM is booted", async () => {
  const { open, boots } = machine();
  expect(names(await open().examine(signal))).toEqual([
    "CPU virtualization ok",
    "/dev/kvm ok",
    "microVM runtime ok",
    "microVM boot ok",
  ]);
  expect(boots()).toBe(1);
});

test.each(["CPU virtualization", "/dev/kvm", "microVM runtime"] as const)(
  "without %s no boot is tried, and that is said",
  async (what) => {
    const { open, boots } = machine(what);
    const findings = await open().examine(signal);
    expect(findings.at(-1)).toMatchObject({ check: "microVM boot", status: "skipped" });
    expect(findings.at(-1)?.found).toContain(`for want of: ${what}`);
    expect(obstacles(findings).map(({ check }) => check)).toEqual([what]);
    expect(boots()).toBe(0);
  },
);

test("a device that opens where the CPU has no virtualization is named as no proof", async () => {
  const findings = await machine("CPU virtualization").open().examine(signal);
  expect(findings.at(-1)?.found).toEndWith("/dev/kvm opens, but nothing can boot");
  const neither = await machine("CPU virtualization", "/dev/kvm").open().examine(signal);
  expect(neither.at(-1)?.found).not.toContain("opens");
});

test("where the machine rules microVMs out, a start does not wait for the runtime to be unpacked", async () => {
  const { open, tried } = machine("/dev/kvm");
  expect(obstacles(await open().recall(signal))).toHaveLength(1);
  expect(tried).toEqual(["CPU virtualization", "/dev/kvm"]);
});

test("a boot that worked is not repeated by the next start, but the machine is looked at each time", async () => {
  const { open, boots, isBroken } = machine();
  expect(obstacles(await open().recall(signal))).toEqual([]);
  const next = open();
  expect(obstacles(await next.recall(signal))).toEqual([]);
  expect(boots()).toBe(1);
  isBroken.add("/dev/kvm");
  expect(obstacles(await next.recall(signal)).map(({ check }) => check)).toEqual(["/dev/kvm"]);
});

test("a boot that worked is not repeated in its process, even where nothing can be kept", async () => {
  const { open, boots, kept } = machine();
  const virtualization = open();
  await virtualization.recall(signal);
  kept.clear();
  await virtualization.recall(signal);
  expect(boots()).toBe(1);
});

test("a boot that failed answers for a minute and is then tried again", async () => {
  const { open, boots, isBroken, clock } = machine("microVM boot");
  const virtualization = open();
  await virtualization.recall(signal);
  await clock.advance(59_000);
  expect(obstacles(await virtualization.recall(signal))).toHaveLength(1);
  expect(boots()).toBe(1);
  isBroken.clear();
  await clock.advance(1_000);
  expect(obstacles(await virtualization.recall(signal))).toEqual([]);
  expect(boots()).toBe(2);
});

test("a boot that failed is tried again by the next start, and one that worked by the doctor", async () => {
  const { open, boots, isBroken } = machine("microVM boot");
  await open().recall(signal);
  isBroken.clear();
  await open().recall(signal);
  expect(boots()).toBe(2);
  await open().examine(signal);
  expect(boots()).toBe(3);
});

test("those who ask at once share one boot, and one of them leaving ends it for nobody else", async () => {
  const { open, boots } = machine();
  const virtualization = open();
  const left = new AbortController();
  const leaver = virtualization.recall(left.signal);
  const stayer = virtualization.recall(signal);
  left.abort(new Error("left"));
  await expect(leaver).rejects.toThrow("left");
  expect(obstacles(await stayer)).toEqual([]);
  expect(boots()).toBe(1);
});
