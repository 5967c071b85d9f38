// Which processes belong to a run.

import { expect, test } from "bun:test";
import { HeldProcess, isSame, type Process, readProcess, startedBy } from "../../../src/sandbox/namespace/processes.ts";

const init = 1;
const interpreter = 10;
const kept = new Set([init, interpreter]);

const process_ = (pid: number, parent: number, startTicks = pid): Process => ({ pid, parent, startTicks });
const standing = [process_(init, 0), process_(interpreter, 5)];

const startedPids = (before: readonly Process[], now: readonly Process[]) =>
  startedBy((process) => before.some((old) => isSame(old, process)), now, kept).map(({ pid }) => pid);

test("what has come since belongs to the run, orphans that init has taken in too", () => {
  expect(startedPids(standing, [...standing, process_(20, 5), process_(21, init)])).toEqual([20, 21]);
});

test("children of the interpreter belong to the run, the interpreter itself does not", () => {
  expect(startedPids(standing, [...standing, process_(20, interpreter), process_(21, 20)])).toEqual([20, 21]);
});

test("a new interpreter does not belong to the run that took the old one away", () => {
  const replaced = [process_(init, 0), process_(interpreter, 5, 99)];
  expect(startedPids(standing, replaced)).toEqual([]);
});

test("processes of earlier runs do not, nor does what those start meanwhile", () => {
  const server = process_(15, init);
  const worker = process_(30, 15);
  expect(startedPids([...standing, server], [...standing, server, worker, process_(31, 30)])).toEqual([]);
});

test("a process with the number of an earlier one is another", () => {
  expect(startedPids([...standing, process_(15, init, 100)], [...standing, process_(15, init, 200)])).toEqual([15]);
});

test("a process that does not exist reads as none, and our own with its parent", () => {
  expect(readProcess(2 ** 30)).toBeNull();
  expect(readProcess(process.pid)).toMatchObject({ pid: process.pid, parent: process.ppid });
});

test("a process that is held open is alive until it has died, reaped or not", async () => {
  const child = Bun.spawn(["sleep", "60"]);
  using held = new HeldProcess(child.pid);
  expect([held.isAlive, held.isAlive]).toEqual([true, true]);
  child.kill("SIGKILL");
  await child.exited;
  expect(held.isAlive).toBe(false);
});

test("one that has not existed is not alive", () => {
  using held = new HeldProcess(2 ** 30);
  expect(held.isAlive).toBe(false);
});
