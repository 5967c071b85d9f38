// The server host keeps the contract, on a stub or on the live server at MSB_SERVER_URL.

import type { SandboxHost } from "../../../src/sandbox/port.ts";
import { changesContract } from "../../contract/changes-contract.ts";
import { concurrentContract } from "../../contract/concurrent-contract.ts";
import { describeContract } from "../../contract/port-contract.ts";
import { bash } from "../../programs/bash.ts";
import { concurrentNode, node } from "../../programs/node.ts";
import { concurrentPython, python } from "../../programs/python.ts";
import { concurrentShell, shell } from "../../programs/shell.ts";
import { canLimitMemory } from "../../stub-microsandbox/memory.ts";
import { Stub } from "../../stub-microsandbox/stub.ts";
import { isLive, makeHost, subjectHost, subjectName, templateOf } from "./servers.ts";

async function openStub() {
  await using stack = new AsyncDisposableStack();
  const stub = stack.use(await Stub.start({ dev: true }));
  // A killed process's host ends nothing.
  const killed = new Set<SandboxHost>();
  const parts = stack.move();
  return {
    host: (installation: "ours" | "another") => {
      const host = makeHost({ url: stub.url, installationId: installation === "ours" ? "testours" : "testnoto" });
      parts.defer(async () => {
        if (!killed.has(host)) await host[Symbol.asyncDispose]();
      });
      return host;
    },
    kill: async (host: SandboxHost) => void killed.add(host),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Where a stub cannot limit memory, what takes all of it would take the machine's. */
const limited = isLive || (await canLimitMemory());
if (!limited) console.warn("skipped: running out of memory, for want of control groups");
const hogOf = ({ hog }: { readonly hog: string | null }) => ({ hog: limited ? hog : null });

describeContract({
  name: `the server host on ${subjectName}`,
  createHost: subjectHost,
  languages: [
    { template: templateOf("python"), code: { ...python, ...hogOf(python) } },
    { template: templateOf("node"), code: { ...node, ...hogOf(node) } },
    // Python's and Node's show what becomes of one that takes all memory.
    { template: templateOf("bash"), code: { ...bash, hog: null } },
  ],
  commands: { ...shell, ...hogOf(shell) },
  // On a live server the tests of other people's sandboxes would be in their way.
  ...(!isLive && { survival: { canBeAdopted: false, open: openStub } }),
  // Disposal itself asks the server until nothing runs, and warns otherwise: hazards.test.ts.
  leftovers: async () => [],
});

concurrentContract({
  name: `the server host on ${subjectName}`,
  createHost: subjectHost,
  languages: [
    { template: templateOf("python"), code: concurrentPython },
    { template: templateOf("node"), code: concurrentNode },
  ],
  commands: { ...concurrentShell, ...hogOf(concurrentShell) },
});

changesContract({
  name: `the server host on ${subjectName}`,
  createHost: subjectHost,
  languages: [
    { template: templateOf("python"), code: python },
    { template: templateOf("node"), code: node },
  ],
  commands: shell,
  looksAfterCommands: false,
});
