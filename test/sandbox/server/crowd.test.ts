// Many sessions at once on one server.

import { expect, test } from "bun:test";
import { arena, ran } from "./servers.ts";

const many = 50;

test("50 sandboxes started at once all come, answer for themselves and go", async () => {
  await using at = await arena({}, { startTimeoutMs: 120_000 });
  const made = await Promise.all(Array.from({ length: many }, () => at.create()));
  const answers = await Promise.all(made.map((sandbox, index) => ran(sandbox, "code", `x = ${index}\nx`)));
  expect(answers.map(({ stdout }) => stdout)).toEqual(made.map((_, index) => `${index}\n`));
  await at.host[Symbol.asyncDispose]();
  for (let look = 0; at.stub.machines.length > 0 && look < 6000; look += 1) await Bun.sleep(10);
  expect([at.stub.machines, at.events]).toEqual([[], []]);
}, 180_000);

test("50 started at once on a server that refuses every third: clear errors, the others answer, none is left", async () => {
  await using at = await arena({}, { startTimeoutMs: 120_000 });
  at.stub.faults.set([{ kind: "error", method: "sandbox.start", every: 3 }]);
  const results = await Promise.allSettled(
    Array.from({ length: many }, async (_, index) => (await ran(await at.create(), "code", `${index}`)).stdout),
  );
  const refused = results.filter((result) => result.status === "rejected");
  expect(refused.map(({ reason }) => reason.kind)).toEqual(
    Array.from({ length: Math.floor(many / 3) }, () => "sandbox_creation"),
  );
  const answered = results.filter((result) => result.status === "fulfilled");
  expect(answered).toHaveLength(many - Math.floor(many / 3));
  await at.host[Symbol.asyncDispose]();
  for (let look = 0; at.stub.machines.length > 0 && look < 6000; look += 1) await Bun.sleep(10);
  expect([at.stub.machines, at.events]).toEqual([[], []]);
}, 180_000);
