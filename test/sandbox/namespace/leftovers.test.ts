// Nothing of a sandbox outlives it, nor its server, however that ends.

import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readProcess } from "../../../src/sandbox/namespace/processes.ts";
import {
  bootOne,
  command,
  descendants,
  descriptorCount,
  eventually,
  foldersBelow,
  leftovers,
  mounts,
  namespaceHost,
  patienceMs,
  pythonTemplate,
} from "./machine.ts";

test("twenty sandboxes at once each keep to themselves, and leave no process, mount, group or descriptor", async () => {
  const mountsBefore = mounts();
  const names: string[] = [];
  const before = descriptorCount();
  {
    await using host = namespaceHost();
    const sandboxes = await Promise.all(Array.from({ length: 20 }, (_, index) => bootOne(host, `twenty-${index}`)));
    names.push(...sandboxes.map(({ name }) => name));
    await Promise.all(sandboxes.map((sandbox, index) => command(sandbox, `echo ${index} > mine; sleep 300 &`)));
    const read = await Promise.all(sandboxes.map((sandbox) => command(sandbox, "cat mine")));
    expect(read.map(({ stdout }) => stdout)).toEqual(sandboxes.map((_, index) => `${index}\n`));
    expect((await leftovers(names)).length).toBeGreaterThan(0);
    await Promise.all(sandboxes.map((sandbox) => sandbox[Symbol.asyncDispose]()));
    expect(await leftovers(names)).toEqual([]);
  }
  await eventually("no mount has come that stays", () => mounts().isSubsetOf(mountsBefore));
  // Those of earlier tests may close meanwhile.
  expect(descriptorCount()).toBeLessThanOrEqual(before);
  expect(ownGroups()).toEqual([]);
}, 60_000);

test("boots that are given up at any moment leave nothing", async () => {
  await using host = namespaceHost();
  const before = await settledDescriptors();
  const names: string[] = [];
  for (let delayMs = 0; delayMs < 40; delayMs += 2) {
    const caller = new AbortController();
    const name = `given-up-${delayMs}`;
    names.push(name);
    const resources = { cpus: 1, memoryMib: 256 };
    const template = pythonTemplate;
    const booting = host.create({ sessionId: name, template, resources }, caller.signal);
    setTimeout(() => caller.abort(new Error("the caller left")), delayMs);
    const arrived = await booting.catch((error: unknown) => error);
    if (!(arrived instanceof Error)) await booting.then((sandbox) => sandbox[Symbol.asyncDispose]());
    expect(await leftovers([name])).toEqual([]);
  }
  expect(await settledDescriptors()).toBeLessThanOrEqual(before + 16);
}, 60_000);

test("a server that is killed takes its sandboxes with it, and the next one clears away its groups", async () => {
  const stateDir = `/tmp/msb-mcp-tests/killed-${Bun.nanoseconds()}`;
  const script = join(import.meta.dir, "server-to-kill.ts");
  const orphan = `orphan-${Bun.nanoseconds()}`;
  const server = Bun.spawn([process.execPath, script, stateDir, orphan], { stdout: "pipe", stderr: "inherit" });
  // Should a check below fail, it must not live on.
  using _ = { [Symbol.dispose]: () => server.kill("SIGKILL") };
  const reader = server.stdout.getReader();
  const { value } = await reader.read();
  const name = new TextDecoder().decode(value).trim();
  expect(name).toBe(orphan);
  const started = descendants(server.pid);
  expect(started.length).toBeGreaterThan(0);
  server.kill("SIGKILL");
  await server.exited;
  await reader.cancel();
  await eventually("its processes are gone", () => started.every((pid) => readProcess(pid) === null));
  // The kernel lets go of a group a moment after its last process: until then a start leaves it to the next one.
  await eventually("a next server has cleared away its groups", async () => {
    await using next = namespaceHost([], stateDir);
    expect(next.limits).not.toBeNull();
    return (await leftovers([name], server.pid)).length === 0;
  });
}, 60_000);

test(
  "groups of another installation, and of servers that live, are left alone",
  async () => {
    await using other = namespaceHost();
    await using living = await bootOne(other, "living");
    await using host = namespaceHost();
    await using _ = await bootOne(host, "newcomer");
    expect((await command(living, "echo on")).stdout).toBe("on\n");
  },
  patienceMs,
);

test(
  "the state directory is not written to",
  async () => {
    const stateDir = `/tmp/msb-mcp-tests/state-${Bun.nanoseconds()}`;
    mkdirSync(stateDir, { recursive: true });
    {
      await using host = namespaceHost([], stateDir);
      await using sandbox = await bootOne(host, "stateless");
      await command(sandbox, "true");
      expect(readdirSync(stateDir)).toEqual([]);
    }
    rmSync(stateDir, { recursive: true });
  },
  patienceMs,
);

function ownGroups(): readonly string[] {
  const suffix = new RegExp(`msb-mcp-[0-9a-f]+-${process.pid}$`);
  return foldersBelow("/sys/fs/cgroup").filter((path) => suffix.test(path));
}

/** The runtime opens some of its own at the first use of this and that. */
async function settledDescriptors(): Promise<number> {
  await Bun.sleep(50);
  return descriptorCount();
}
