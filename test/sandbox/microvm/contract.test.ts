// The microvm adapter's link keeps the contract of runs beside each other and of what they change, with its guest's programs on this machine. In
// real microVMs: test/live.

import { test } from "bun:test";
import { systemClock } from "../../../src/clock.ts";
import { Gone } from "../../../src/sandbox/linked/gone.ts";
import { assemble } from "../../../src/sandbox/microvm/assembly.ts";
import type { SandboxHost, SandboxSpec } from "../../../src/sandbox/port.ts";
import { defaultTemplates } from "../../../src/sandbox/templates.ts";
import { changesContract } from "../../contract/changes-contract.ts";
import { concurrentContract } from "../../contract/concurrent-contract.ts";
import { lastingContract } from "../../contract/lasting-contract.ts";
import {
  patienceMs,
  replaceAndInterrupt,
  replacedAndInterrupted,
  resources,
  type SurvivalSubject,
} from "../../contract/port-contract.ts";
import { bash, concurrentBash } from "../../programs/bash.ts";
import { concurrentPython, python } from "../../programs/python.ts";
import { concurrentShell, lastingShell, shell } from "../../programs/shell.ts";
import { LocalMachine } from "./local-machine.ts";

const assembled = (local: LocalMachine, spec: SandboxSpec, how: "start" | "resume", signal: AbortSignal) =>
  assemble({
    volumes: [],
    ...{ machine: local.asRuntimeMachine, spec, how, clock: systemClock, signal },
    whyLost: async (otherwise) => new Gone(otherwise),
    keep: () => {},
    destroy: () => local[Symbol.asyncDispose](),
  });

/** Its machines outlive it; they are ended with `machines`. */
function hostOver(machines: AsyncDisposableStack, byName: Map<string, LocalMachine>): SandboxHost {
  return {
    backend: "microvm",
    isolation: "none",
    health: async () => ({ ok: true }),
    create: async (spec, signal) => {
      const local = machines.use(await LocalMachine.boot(spec.sessionId));
      byName.set(local.name, local);
      return await assembled(local, spec, "start", signal);
    },
    survivors: {
      canAdopt: true,
      list: async () => [...byName.keys()].map((name) => ({ name, sessionId: name, createdAtMs: null })),
      adopt: async (name, spec, signal) => {
        const local = byName.get(name);
        if (local === undefined) throw new Error(`there is no machine ${name}`);
        return await assembled(local, spec, "resume", signal);
      },
      destroy: async (name) => await byName.get(name)?.[Symbol.asyncDispose](),
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function createHost(): SandboxHost {
  const machines = new AsyncDisposableStack();
  return { ...hostOver(machines, new Map()), [Symbol.asyncDispose]: () => machines.disposeAsync() };
}

const survival: SurvivalSubject = {
  canBeAdopted: true,
  open: async () => {
    const machines = new AsyncDisposableStack();
    const byName = new Map<string, LocalMachine>();
    return {
      host: () => hostOver(machines, byName),
      kill: async () => {
        for (const local of byName.values()) local.abandon();
      },
      [Symbol.asyncDispose]: () => machines.disposeAsync(),
    };
  },
};

const templates = defaultTemplates.filter(({ language }) => language === "python");
const shells = defaultTemplates.filter(({ language }) => language === "bash");

concurrentContract({
  name: "the microvm link",
  createHost,
  languages: [
    ...templates.map((template) => ({ template, code: concurrentPython })),
    ...shells.map((template) => ({ template, code: concurrentBash })),
  ],
  // What the kernel says of memory is another machine's here.
  commands: { ...concurrentShell, hog: null },
});

for (const template of shells) {
  test(
    `over the microvm link, ${replacedAndInterrupted}`,
    async () => {
      await using host = createHost();
      const signal = new AbortController().signal;
      await using sandbox = await host.create({ sessionId: "replaced", template, resources }, signal);
      await replaceAndInterrupt(sandbox, bash);
    },
    patienceMs,
  );
}

changesContract({
  name: "the microvm link",
  createHost,
  languages: [
    ...templates.map((template) => ({ template, code: python })),
    ...shells.map((template) => ({ template, code: bash })),
  ],
  commands: shell,
});

for (const template of templates)
  lastingContract({ name: "the microvm link", survival, template, commands: lastingShell });
