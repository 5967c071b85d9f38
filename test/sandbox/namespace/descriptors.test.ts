// Descriptors of the server that sandboxes take, and whether there are enough.

import { expect, test } from "bun:test";
import {
  descriptorsPerSandbox,
  descriptorsPerWayOut,
  tooFewDescriptors,
} from "../../../src/sandbox/namespace/descriptors.ts";
import type { NetworkPolicy } from "../../../src/sandbox/network.ts";
import type { Template } from "../../../src/sandbox/templates.ts";
import {
  command,
  eventually,
  namespaceHost,
  nodeTemplate,
  openDescriptors,
  patienceMs,
  pythonTemplate,
  small,
} from "./machine.ts";

const limits = (soft: number) => `Max processes             95889                95889                processes
Max open files            ${soft}                 524288               files
`;

const bare = (sandboxes: number) => ({ sandboxes, isGoverned: false });
const governed = (sandboxes: number) => ({ sandboxes, isGoverned: true });

test("a limit that is enough is not spoken of, and one that nobody knows neither", () => {
  expect(tooFewDescriptors(bare(10), limits(1024))).toBeUndefined();
  expect(tooFewDescriptors(bare(10_000), "")).toBeUndefined();
});

test.each([
  [bare(200), "--max-sessions is 200"],
  [governed(10), "sandboxes with 64 connections each, and --max-sessions is 10"],
])("one that is not is told, with what is enough", (crowd, words) => {
  const told = tooFewDescriptors(crowd, limits(1024));
  expect(told).toContain("may have 1024 files open");
  expect(told).toContain(words);
  const needed = Number(/Allow it (\d+)/.exec(told ?? "")?.[1]);
  expect(tooFewDescriptors(crowd, limits(needed))).toBeUndefined();
  expect(tooFewDescriptors(crowd, limits(needed - 1))).toBeDefined();
});

test(
  "a sandbox takes as many as are reckoned with, and its way out, too",
  async () => {
    await using host = namespaceHost();
    const signal = new AbortController().signal;
    const boot = (sessionId: string, template: Template, network: NetworkPolicy) =>
      host.create({ sessionId, template, resources: small, network }, signal);
    // What is opened once for all.
    await (await boot("first", pythonTemplate, { kind: "packages" }))[Symbol.asyncDispose]();
    for (const [name, template, kind] of [
      ["python", pythonTemplate, "none"],
      ["node", nodeTemplate, "none"],
      ["governed", pythonTemplate, "packages"],
    ] as const) {
      const reckoned = descriptorsPerSandbox + (kind === "none" ? 0 : descriptorsPerWayOut);
      // Others' may close meanwhile: those of tests before this one.
      const before = openDescriptors();
      await using sandbox = await boot(name, template, { kind });
      await command(sandbox, "true");
      const opened = () => openDescriptors().difference(before).size;
      await eventually("no more are open", () => opened() <= reckoned);
      expect(opened()).toBe(reckoned);
    }
  },
  patienceMs,
);
