// Which control groups are found and how they are divided, over folders that look like a kernel's.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { claimHierarchy, clearStale, createGroup, releaseHierarchy } from "../../../src/sandbox/namespace/cgroups.ts";
import { findHierarchy, ownMemoryBytes } from "../../../src/sandbox/namespace/hierarchy.ts";

const serverPid = process.pid;
const resources = { cpus: 2, memoryMib: 512 };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "msb-mcp-cgroups-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function folder(path: string, files: Readonly<Record<string, string>> = {}): string {
  const full = join(root, path);
  mkdirSync(full, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(full, name), content);
  return full;
}

const version1Mount = (controllers: string, shown = "/") =>
  `35 31 0:32 ${shown} ${join(root, controllers)} rw,relatime - cgroup cgroup rw,${controllers}`;
const version2Mount = (shown = "/") => `41 31 0:38 ${shown} ${root} rw - cgroup2 cgroup2 rw`;
const read = (path: string) => readFileSync(join(root, path), "utf8");

describe("version 1", () => {
  test("each controller is divided beneath the group that we are in, co-mounted ones too", () => {
    folder("memory/ours/deep");
    folder("pids");
    folder("cpu,cpuacct/ours");
    const found = findHierarchy({
      membership: "8:pids:/\n4:memory:/ours/deep\n3:cpu,cpuacct:/ours\n0::/\n",
      mounts: ["memory", "pids", "cpu,cpuacct"].map((name) => version1Mount(name)).join("\n"),
      serverPid,
    });
    expect(found).toEqual({
      version: 1,
      folders: {
        memory: join(root, "memory/ours/deep"),
        pids: join(root, "pids"),
        cpu: join(root, "cpu,cpuacct/ours"),
      },
    });
  });

  test("a mount that shows only a container's part is understood, whichever root the membership is told from", () => {
    folder("memory");
    const mounts = version1Mount("memory", "/docker/abc");
    for (const path of ["/docker/abc", "/"]) {
      const found = findHierarchy({ membership: `4:memory:${path}\n`, mounts, serverPid });
      expect(found?.folders.memory).toBe(join(root, "memory"));
    }
  });

  test("a controller where no group can be made is left out", () => {
    folder("pids");
    const mounts = ["memory", "pids"].map((name) => version1Mount(name)).join("\n");
    const found = findHierarchy({ membership: "8:pids:/\n4:memory:/\n", mounts, serverPid });
    expect(found).toEqual({ version: 1, folders: { pids: join(root, "pids") } });
  });

  test("a group gets the sandbox's size", () => {
    const hierarchy = {
      version: 1,
      folders: { memory: folder("memory"), pids: folder("pids"), cpu: folder("cpu") },
    } as const;
    const group = createGroup(hierarchy, "one", resources, systemClock);
    expect(read("memory/one/memory.limit_in_bytes")).toBe(`${512 * 1024 * 1024}`);
    expect(read("pids/one/pids.max")).toBe("256");
    expect(read("cpu/one/cpu.cfs_quota_us")).toBe("200000");
    expect(group.joinFiles).toEqual(["memory", "pids", "cpu"].map((name) => join(root, name, "one/tasks")));
  });

  test("kills for want of memory are counted", () => {
    const told = (kills: number) => ({ "memory.oom_control": `oom_kill_disable 0\nunder_oom 0\noom_kill ${kills}\n` });
    folder("memory/one", told(0));
    const group = createGroup({ version: 1, folders: { memory: folder("memory") } }, "one", resources, systemClock);
    expect(group.outOfMemoryKills()).toBe(0);
    folder("memory/one", told(3));
    expect(group.outOfMemoryKills()).toBe(3);
  });
});

describe("version 2", () => {
  const view = (membership = "0::/ours\n", mounts = version2Mount()) => ({ membership, mounts, serverPid });

  test("a group that is ours alone is divided: we move to a leaf, and the controllers are handed down", () => {
    const files = { "cgroup.controllers": "cpuset cpu memory pids", "cgroup.subtree_control": "" };
    const ours = folder("ours", { ...files, "cgroup.procs": `${serverPid}\n` });
    expect(findHierarchy(view())).toEqual({ version: 2, folders: { memory: ours, pids: ours, cpu: ours } });
    expect(read("ours/msb-mcp-server/cgroup.procs")).toBe(`${serverPid}`);
    expect(read("ours/cgroup.subtree_control")).toBe("+memory +pids +cpu");
  });

  test("a group with other processes is left as it is", () => {
    const files = { "cgroup.controllers": "cpu memory pids", "cgroup.subtree_control": "" };
    folder("ours", { ...files, "cgroup.procs": `1\n${serverPid}\n` });
    expect(findHierarchy(view())).toBeNull();
    expect(read("ours/cgroup.subtree_control")).toBe("");
    expect(existsSync(join(root, "ours/msb-mcp-server"))).toBe(false);
  });

  test("a group that hands its controllers down already needs no move", () => {
    const files = { "cgroup.controllers": "memory pids", "cgroup.subtree_control": "memory pids" };
    const ours = folder("ours", { ...files, "cgroup.procs": "1\n2\n" });
    expect(findHierarchy(view())).toEqual({ version: 2, folders: { memory: ours, pids: ours } });
  });

  test("a group without the memory controller is no use", () => {
    folder("ours", { "cgroup.controllers": "cpu pids", "cgroup.subtree_control": "cpu pids", "cgroup.procs": "" });
    expect(findHierarchy(view())).toBeNull();
  });

  test("a group gets the sandbox's size, without swap", () => {
    const ours = folder("ours");
    const claimed = claimHierarchy({ version: 2, folders: { memory: ours, pids: ours, cpu: ours } }, "abc", serverPid);
    const base = `ours/msb-mcp-abc-${serverPid}`;
    folder(`${base}/one`, { "memory.events": "" });
    const group = createGroup(claimed, "one", resources, systemClock);
    expect(read(`${base}/cgroup.subtree_control`)).toBe("+memory +pids +cpu");
    expect(read(`${base}/one/memory.max`)).toBe(`${512 * 1024 * 1024}`);
    expect(read(`${base}/one/memory.swap.max`)).toBe("0");
    expect(read(`${base}/one/cpu.max`)).toBe("200000 100000");
    expect(group.joinFiles).toEqual([join(root, base, "one/cgroup.procs")]);
    folder(`${base}/one`, { "memory.events": "low 0\nhigh 0\nmax 9\noom 2\noom_kill 2\n" });
    expect(group.outOfMemoryKills()).toBe(2);
  });
});

describe("groups of earlier servers", () => {
  const hierarchy = () => ({ version: 1, folders: { memory: folder("memory") } }) as const;
  /** Above what any kernel gives out as a process id. */
  const deadPid = 2 ** 30;

  test("those of this installation whose server is no more are removed, with what is in them", () => {
    folder(`memory/msb-mcp-abc-${deadPid}/sandbox`);
    expect(clearStale(hierarchy(), "abc")).toBe(true);
    expect(existsSync(join(root, `memory/msb-mcp-abc-${deadPid}`))).toBe(false);
  });

  test("those of living servers, of other installations and of strangers are left alone", () => {
    const others = [`msb-mcp-abc-1`, `msb-mcp-def-${deadPid}`, `msb-mcp-abc-`, "docker"];
    for (const name of others) folder(`memory/${name}`);
    expect(clearStale(hierarchy(), "abc")).toBe(true);
    claimHierarchy(hierarchy(), "abc", serverPid);
    for (const name of others) expect(existsSync(join(root, "memory", name))).toBe(true);
  });

  test("what a server of the same process id has left is removed before anything is made there", () => {
    folder(`memory/msb-mcp-abc-${serverPid}/sandbox`);
    claimHierarchy(hierarchy(), "abc", serverPid);
    expect(existsSync(join(root, `memory/msb-mcp-abc-${serverPid}/sandbox`))).toBe(false);
    expect(existsSync(join(root, `memory/msb-mcp-abc-${serverPid}`))).toBe(true);
  });

  test("a released hierarchy is gone", () => {
    releaseHierarchy(claimHierarchy(hierarchy(), "abc", serverPid));
    expect(existsSync(join(root, `memory/msb-mcp-abc-${serverPid}`))).toBe(false);
  });
});

test("a machine without control groups is told as such", () => {
  expect(findHierarchy({ membership: "", mounts: "", serverPid })).toBeNull();
});

test("the memory that a container has in all is found in either version, and no limit is none", () => {
  const version1 = (path: string) => ({
    membership: `4:memory:${path}\n`,
    mounts: version1Mount("memory", "/docker/abc"),
    serverPid,
  });
  folder("memory", { "memory.limit_in_bytes": "4294967296\n" });
  expect(ownMemoryBytes(version1("/docker/abc"))).toBe(2 ** 32);
  folder("memory", { "memory.limit_in_bytes": "9223372036854771712\n" });
  expect(ownMemoryBytes(version1("/docker/abc"))).toBeNull();

  const version2 = { membership: "0::/\n", mounts: version2Mount(), serverPid };
  expect(ownMemoryBytes(version2)).toBeNull();
  folder(".", { "memory.max": "max\n" });
  expect(ownMemoryBytes(version2)).toBeNull();
  folder(".", { "memory.max": "536870912\n" });
  expect(ownMemoryBytes(version2)).toBe(2 ** 29);
});
