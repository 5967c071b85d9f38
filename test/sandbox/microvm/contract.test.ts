// The microvm adapter's link keeps the contract of runs beside each other, with its guest's programs on this machine. In real microVMs:
// test/live.

import { systemClock } from "../../../src/clock.ts";
import { Gone } from "../../../src/sandbox/linked/gone.ts";
import { assemble } from "../../../src/sandbox/microvm/assembly.ts";
import type { SandboxHost } from "../../../src/sandbox/port.ts";
import { defaultTemplates } from "../../../src/sandbox/templates.ts";
import { concurrentContract } from "../../contract/concurrent-contract.ts";
import { concurrentPython } from "../../programs/python.ts";
import { concurrentShell } from "../../programs/shell.ts";
import { LocalMachine } from "./local-machine.ts";

function createHost(): SandboxHost {
  const machines = new AsyncDisposableStack();
  return {
    backend: "microvm",
    isolation: "none",
    health: async () => ({ ok: true }),
    create: async (spec, signal) => {
      const local = machines.use(await LocalMachine.boot(spec.sessionId));
      return await assemble({
        volumes: [],
        ...{ machine: local.asRuntimeMachine, spec, how: "start", clock: systemClock, signal },
        interruptGraceMs: undefined,
        whyLost: async (otherwise) => new Gone(otherwise),
        keep: () => {},
        destroy: () => local[Symbol.asyncDispose](),
      });
    },
    [Symbol.asyncDispose]: () => machines.disposeAsync(),
  };
}

concurrentContract({
  name: "the microvm link",
  createHost,
  languages: defaultTemplates
    .filter(({ language }) => language === "python")
    .map((template) => ({ template, code: concurrentPython })),
  // What the kernel says of memory is another machine's here.
  commands: { ...concurrentShell, hog: null },
});
