// Starts that take longer than their callers wait: they go on, and what comes of them is taken over or ended.

import { expect, test } from "bun:test";
import type { Stub } from "../../stub-microsandbox/stub.ts";
import { arena, makeHost, never, ran, resources, templateOf } from "./servers.ts";

test("a pull that takes longer than a start may take goes on, and the next call takes its sandbox over", async () => {
  await using at = await arena({ pullMs: 9000 }, { startTimeoutMs: 8000 });
  const failure: unknown = await at.create().catch((thrown: unknown) => thrown);
  expect(failure).toMatchObject({ kind: "sandbox_creation" });
  expect(String(failure)).toContain("The start goes on");
  expect(String(failure)).toContain("Call again");
  // The time for a start is as short as before; what is left of the pull is shorter.
  await using sandbox = await at.create();
  expect((await ran(sandbox, "code", "6*7")).stdout).toBe("42\n");
  expect(startsOf(at.stub)).toHaveLength(1);
  expect(at.stub.machines).toHaveLength(1);
}, 60_000);

test("a pull that nobody waits for any more is completed, and its sandbox ended: the next call starts at once", async () => {
  await using at = await arena({ pullMs: 3000 }, { startTimeoutMs: 1000 });
  const remains: Promise<void>[] = [];
  const onRemains = (gone: Promise<void>) => void remains.push(gone);
  const spec = { sessionId: "session-one", template: templateOf("python"), resources, onRemains };
  await expect(at.host.create(spec, never)).rejects.toMatchObject({ kind: "sandbox_creation" });
  expect(remains).toHaveLength(1);
  await Promise.all(remains);
  expect(at.stub.unstopped).toEqual([]);
  await using patient = makeHost({ url: at.stub.url, installationId: "otherone" });
  await using sandbox = await patient.create({ ...spec, sessionId: "session-two", onRemains: undefined }, never);
  expect((await ran(sandbox, "code", "1")).stdout).toBe("1\n");
  expect(startsOf(at.stub)).toHaveLength(2);
}, 60_000);

test("a caller that leaves while an image is pulled leaves a start that another caller for something else does not get", async () => {
  await using at = await arena({ pullMs: 2000 });
  const caller = new AbortController();
  const left = at.create("python", caller.signal);
  await until(() => startsOf(at.stub).length === 1);
  caller.abort(new Error("the caller left"));
  await expect(left).rejects.toThrow("the caller left");
  await using node = await at.create("node");
  expect((await ran(node, "code", "1")).stdout).toBe("1\n");
  await until(() => at.stub.unstopped.length === 1);
  expect(startsOf(at.stub)).toHaveLength(2);
}, 60_000);

test("the end of the server hangs up on a pull, and nothing is left of it", async () => {
  await using at = await arena({ pullMs: 60_000 }, { startTimeoutMs: 500 });
  await expect(at.create()).rejects.toMatchObject({ kind: "sandbox_creation" });
  await at.host[Symbol.asyncDispose]();
  expect(at.stub.machines).toEqual([]);
}, 60_000);

function startsOf({ requests }: Stub) {
  return requests.filter(({ method }) => method === "sandbox.start");
}

async function until(holds: () => boolean): Promise<void> {
  for (let look = 0; look < 6000; look += 1) {
    if (holds()) return;
    await Bun.sleep(10);
  }
  throw new Error("waited for a minute in vain");
}
