// Guests that take all they can get: they end as outcomes, and the server and other sandboxes do not notice.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { NamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import { homeBytes, processLimit, sharedMemoryBytes, tmpBytes } from "../../../src/sandbox/namespace/sizes.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { runIn } from "../../contract/port-contract.ts";
import { forkBomb as pythonForkBomb } from "../../programs/python.ts";
import { forkBomb, shell } from "../../programs/shell.ts";
import { bootOne, command, namespaceHost, patienceMs, small } from "./machine.ts";

let host: NamespaceHost;
let sandbox: Sandbox;
let neighbour: Sandbox;
beforeAll(async () => {
  host = namespaceHost();
  [sandbox, neighbour] = await Promise.all([bootOne(host, "hungry"), bootOne(host, "neighbour")]);
}, patienceMs);
afterAll(() => host[Symbol.asyncDispose](), patienceMs);

test("the host says which mechanism is in force", () => {
  expect(host.limits?.description).toMatch(/^memory by .+, processes by .+, CPU by .+$/);
});

describe("a fork bomb", () => {
  test("in a command stays within the sandbox's processes, and an interrupt ends it with all that it became", async () => {
    const caller = new AbortController();
    const bombing = command(sandbox, forkBomb, caller.signal);
    setTimeout(() => caller.abort(), 1500);
    expect((await command(neighbour, "echo well")).stdout).toBe("well\n");
    expect((await bombing).end).toMatchObject({ ended: "interrupted" });
    expect(Number((await command(sandbox, "ls -d /proc/[0-9]* | wc -l")).stdout)).toBeLessThan(10);
  }, 20_000);

  test("in code too, and the sandbox goes on", async () => {
    const caller = new AbortController();
    const bombing = runIn(sandbox, "code", pythonForkBomb, caller.signal);
    setTimeout(() => caller.abort(), 1500);
    expect((await command(neighbour, "echo well")).stdout).toBe("well\n");
    // So many interpreters may be more than its memory too.
    expect(["interrupted", "out_of_memory"]).toContain((await bombing).end.ended);
    expect(Number((await command(sandbox, "ls -d /proc/[0-9]* | wc -l")).stdout)).toBeLessThan(10);
    expect((await runIn(sandbox, "code", "print('again')")).stdout).toBe("again\n");
  }, 20_000);

  test("is told as the limit that it is, to a command, to code and to the next command, which cannot start", async () => {
    await using own = await bootOne(host, "told");
    const limit = processLimit(small);
    const told = [`[this sandbox was at its limit of ${limit} processes and threads, 128 for each CPU of its flavor: `];
    const notice = told.map((start) => expect.stringContaining(start));
    const fill = "import subprocess\nkept = []\nwhile True: kept.append(subprocess.Popen(['sleep', '100']))";
    expect((await command(own, "exit 3")).end.notices).toBeUndefined();
    const code = await runIn(own, "code", fill);
    expect([code.end.notices, code.stderr]).toEqual([notice, expect.stringContaining("BlockingIOError")]);
    const refused = await command(own, "true");
    expect(refused.end).toMatchObject({ success: false, notices: notice });
    expect(refused.stderr).toContain("no process can be had in the sandbox: it has as many as it may have");
    expect((await runIn(own, "code", "for one in kept: one.kill(); one.wait()")).end.success).toBe(true);
    expect((await command(own, "exit 3")).end.notices).toBeUndefined();
    const caller = new AbortController();
    const bombing = command(own, forkBomb, caller.signal);
    setTimeout(() => caller.abort(), 1000);
    expect((await bombing).end).toMatchObject({ ended: "interrupted", notices: notice });
    expect((await command(own, "exit 3")).end.notices).toBeUndefined();
    const quiet = new AbortController();
    const sleeping = command(own, "while :; do sleep 0.01; done", quiet.signal);
    setTimeout(() => quiet.abort(), 300);
    expect((await sleeping).end.notices).toBeUndefined();
  }, 20_000);

  test("cannot have more processes than the flavor gives", async () => {
    await using own = await bootOne(host, "crowded");
    const source =
      "i=0; while [ $i -lt 300 ]; do (sleep 30 &) 2>/dev/null; i=$((i+1)); done; set -- /proc/[0-9]*; echo $#";
    const count = Number((await command(own, source)).stdout);
    expect(count).toBeGreaterThan(processLimit(small) / 2);
    expect(count).toBeLessThanOrEqual(processLimit(small));
  }, 20_000);
});

describe("memory", () => {
  test("a command that takes too much ends as out of memory, its sandbox and its neighbour go on", async () => {
    const { end } = await command(sandbox, shell.hog ?? "");
    expect(end).toMatchObject({ ended: "out_of_memory", success: false });
    expect((await command(sandbox, "echo on")).stdout).toBe("on\n");
    expect((await command(neighbour, "true; echo on")).stdout).toBe("on\n");
  }, 20_000);

  test("two commands that take too much at once are each told so, and one beside them that is killed otherwise is not", async () => {
    const beside = command(sandbox, "until test -e go; do sleep 0.1; done; kill -9 $$");
    const hungry = await Promise.all([command(sandbox, shell.hog ?? ""), command(sandbox, shell.hog ?? "")]);
    for (const { end } of hungry) expect(end).toMatchObject({ ended: "out_of_memory", success: false });
    await command(sandbox, "touch go");
    expect((await beside).end).toMatchObject({ ended: "signaled", signal: "SIGKILL" });
  }, 20_000);

  test("a program that survives the end of its hungry child is told by its own end", async () => {
    const { end } = await command(sandbox, `${shell.hog}; exit 0`);
    expect(end).toMatchObject({ ended: "exited", exitCode: 0 });
  }, 20_000);
});

test.each([
  ["/tmp", tmpBytes(small)],
  ["/home/user", homeBytes(small)],
  ["/dev/shm", sharedMemoryBytes(small)],
])("%s holds what its size cap says, and no more", async (folder, bytes) => {
  const ran = await command(
    sandbox,
    `head -c ${bytes * 2} /dev/zero > ${folder}/full; stat -c %s ${folder}/full; rm ${folder}/full`,
  );
  expect(ran.stderr).toContain("No space left on device");
  expect(Number(ran.stdout)).toBeLessThanOrEqual(bytes);
  expect(Number(ran.stdout)).toBeGreaterThan(bytes / 2);
});

test("a flood of output can be interrupted, and time goes on for everybody else meanwhile", async () => {
  const caller = new AbortController();
  const flooding = command(sandbox, "yes", caller.signal);
  // A timer and a command of the neighbour come to their turn while the flood is read.
  await Bun.sleep(300);
  expect((await command(neighbour, "echo well")).stdout).toBe("well\n");
  caller.abort();
  expect((await flooding).end).toMatchObject({ ended: "interrupted" });
}, 20_000);

test("endless loops of several sandboxes share the machine and can all be interrupted", async () => {
  const caller = new AbortController();
  const loops = [sandbox, neighbour].map((each) => command(each, "while :; do :; done", caller.signal));
  setTimeout(() => caller.abort(), 300);
  for (const { end } of await Promise.all(loops)) expect(end).toMatchObject({ ended: "interrupted" });
}, 20_000);
