// Descriptors of the server that sandboxes take, and whether there are enough.

import { expect, test } from "bun:test";
import { descriptorsPerSandbox, tooFewDescriptors } from "../../../src/sandbox/namespace/descriptors.ts";
import { bootOne, command, eventually, namespaceHost, nodeTemplate, openDescriptors, patienceMs } from "./machine.ts";

const limits = (soft: number) => `Max processes             95889                95889                processes
Max open files            ${soft}                 524288               files
`;

test("a limit that is enough is not spoken of, and one that nobody knows neither", () => {
  expect(tooFewDescriptors(10, limits(1024))).toBeUndefined();
  expect(tooFewDescriptors(10_000, "")).toBeUndefined();
});

test("one that is not is told, with what is enough", () => {
  const told = tooFewDescriptors(200, limits(1024));
  expect(told).toContain("may have 1024 files open");
  expect(told).toContain("--max-sessions is 200");
  const needed = Number(/Allow it (\d+)/.exec(told ?? "")?.[1]);
  expect(tooFewDescriptors(200, limits(needed))).toBeUndefined();
  expect(tooFewDescriptors(200, limits(needed - 1))).toBeDefined();
});

test(
  "a sandbox takes as many as are reckoned with",
  async () => {
    await using host = namespaceHost();
    // What is opened once for all.
    await (await bootOne(host, "first"))[Symbol.asyncDispose]();
    for (const [name, template] of [["python"], ["node", nodeTemplate]] as const) {
      // Others' may close meanwhile: those of tests before this one.
      const before = openDescriptors();
      await using sandbox = await bootOne(host, name, template);
      await command(sandbox, "true");
      const opened = () => openDescriptors().difference(before).size;
      await eventually("no more are open", () => opened() <= descriptorsPerSandbox);
      expect(opened()).toBe(descriptorsPerSandbox);
    }
  },
  patienceMs,
);
