// A server that is killed over a microsandbox server: what it has left there is ended by the next start, and nothing else is.

import { expect, test } from "bun:test";
import { Stub } from "../stub-microsandbox/stub.ts";
import { eventually, KilledServer } from "./killed-server.ts";

test("sandboxes that a killed server has left on a microsandbox server are ended by the next start, others' are not", async () => {
  await using stub = await Stub.start({ dev: true });
  const backend = ["--backend", "server", "--server-url", stub.url];
  await using other = new KilledServer([], backend);
  await other.start();
  const theirs = await other.run("x = 'theirs'");
  const [others] = await running(stub);
  await using server = new KilledServer([], backend);
  await server.start();
  const mine = await server.run("x = 'mine'");
  if (mine.kind !== "ran" || theirs.kind !== "ran") throw new Error(JSON.stringify([mine, theirs]));
  await server.kill();
  expect((await running(stub)).length).toBe(2);
  await server.start();
  const answer = await server.run("print(x)", mine.sessionId);
  expect(answer).toMatchObject({ kind: "refused", code: "SESSION_NOT_FOUND", reason: "lost" });
  let left = await running(stub);
  await eventually("what was left is ended", () => {
    void running(stub).then((names) => {
      left = names;
    });
    return left.length === 1;
  });
  expect(left).toEqual([others ?? ""]);
  expect(await other.run("print(x)", theirs.sessionId)).toMatchObject({ kind: "ran", stdout: "theirs\n" });
}, 120_000);

test("sessions that begin while what a killed server left is ended get none of it, and lose nothing to it", async () => {
  await using stub = await Stub.start({ dev: true });
  const backend = ["--backend", "server", "--server-url", stub.url];
  await using server = new KilledServer(["--max-sessions", "8"], backend);
  await server.start();
  for (let round = 0; round < 3; round += 1) {
    const before = await Promise.all([1, 2, 3].map(() => server.run("open('secret', 'w').write('s'); x = 1")));
    expect(before.map(({ kind }) => kind)).toEqual(["ran", "ran", "ran"]);
    await server.kill();
    await server.start();
    const after = await Promise.all([1, 2, 3].map((x) => server.run(`import os; x = ${x}; print(os.listdir())`)));
    const ids = after.map((one) => (one.kind === "ran" ? [one.sessionId, one.stdout] : [one.kind, ""]));
    expect(ids.map(([, stdout]) => stdout)).toEqual(["[]\n", "[]\n", "[]\n"]);
    await eventually("what was left is ended", () => stub.unstopped.length === 3);
    for (const [index, [sessionId]] of ids.entries()) {
      expect(await server.run("print(x)", sessionId)).toMatchObject({ kind: "ran", stdout: `${index + 1}\n` });
    }
    await server.kill();
    await server.start();
    await eventually("nothing is left", () => stub.unstopped.length === 0);
  }
}, 240_000);

/** The names of all sandboxes that run there, whoever's they are. */
async function running(stub: Stub): Promise<readonly string[]> {
  const params = { namespace: "*", sandbox: null };
  const response = await fetch(`${stub.url}/api/v1/rpc`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sandbox.metrics.get", params }),
  });
  const { result } = (await response.json()) as { result: { sandboxes: { name: string; running: boolean }[] } };
  return result.sandboxes.filter((sandbox) => sandbox.running).map(({ name }) => name);
}
