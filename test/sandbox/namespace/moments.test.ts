// Which processes were there at a moment.

import { expect, test } from "bun:test";
import { openLibc } from "../../../src/sandbox/namespace/libc.ts";
import { isOlder, Moments } from "../../../src/sandbox/namespace/moments.ts";
import { type Process, readProcess } from "../../../src/sandbox/namespace/processes.ts";

const started = (pid: number, startTicks: number): Process => ({ pid, parent: 1, startTicks });

test("a tick earlier is older, a tick later is not, whatever the numbers are", () => {
  const moment = { ticks: 100, lastPid: 500 };
  expect([started(9_000, 99), started(3, 101)].map((process) => isOlder(process, moment))).toEqual([true, false]);
});

test("within the tick the order of the numbers decides", () => {
  const moment = { ticks: 100, lastPid: 500 };
  expect([499, 500, 501].map((pid) => isOlder(started(pid, 100), moment))).toEqual([true, true, false]);
});

test.each([32_768, 4_194_304])("numbers that have begun anew at %d are in order", (pidMax) => {
  expect(isOlder(started(pidMax - 1, 100), { ticks: 100, lastPid: 310 })).toBe(true);
  expect(isOlder(started(310, 100), { ticks: 100, lastPid: pidMax - 1 })).toBe(false);
});

test("where the kernel does not tell numbers, what was started in the tick is not older", () => {
  expect([99, 100].map((ticks) => isOlder(started(5, ticks), { ticks: 100, lastPid: null }))).toEqual([true, false]);
});

test("real processes are told apart, however close together they are started", () => {
  using moments = new Moments(openLibc());
  for (let round = 0; round < 20; round++) {
    const [before, moment, after] = [Bun.spawn(["sleep", "60"]), moments.now(), Bun.spawn(["sleep", "60"])];
    const seen = [before, after].map(({ pid }) => readProcess(pid));
    for (const child of [before, after]) child.kill("SIGKILL");
    expect(seen.map((process) => process !== null && isOlder(process, moment))).toEqual([true, false]);
  }
});
