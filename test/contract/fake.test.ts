// The fake host keeps the contract.

import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { FakeHost } from "../fakes/fake-host.ts";
import { FakeWorld } from "../fakes/fake-world.ts";
import { changesContract } from "./changes-contract.ts";
import { type ConcurrentCommands, concurrentContract } from "./concurrent-contract.ts";
import { lastingContract } from "./lasting-contract.ts";
import {
  type CommandSet,
  type ContractLanguage,
  describeContract,
  type ProgramSet,
  type SurvivalSubject,
} from "./port-contract.ts";

const shared: ProgramSet = {
  print: (text) => `print ${text}`,
  printError: (text) => `warn ${text}`,
  fail: "fail",
  exit: (status) => `exit ${status}`,
  forever: "forever",
  stubborn: "stubborn",
  flood: (bytes) => `flood ${bytes}`,
  writeFile: (name, text) => `write ${name} ${text}`,
  readFile: (name) => `read ${name}`,
  startBackground: (name) => `start ${name}`,
  endBackground: (name) => `end ${name}`,
  hog: "hog",
};

const commands: CommandSet = { ...shared, killed: "killed", listBackground: "processes", vanish: "vanish" };

const languages: readonly ContractLanguage[] = defaultTemplates.map((template) => ({
  template,
  code: {
    ...shared,
    setVariable: (name, value) => `set ${name} ${value}`,
    printVariable: (name) => `get ${name}`,
    value: (text) => `value ${text}`,
    crash: (status) => `crash ${status}`,
    segfault: "killed",
    show: (text) => `show text/markdown ${text}`,
    showPicture: (moreBytes) => `show-picture ${moreBytes}`,
  },
}));

const reading = { echoInput: "echo", readLine: "ask" };

const concurrentCommands: ConcurrentCommands = {
  ...commands,
  ...reading,
  startDetached: (name) => `start ${name}-1\nstart ${name}-2`,
  onSignal: (signal, text) => `on ${signal} ${text}`,
  family: "on terminate child grandchild",
  late: (lines) => `print early\nlater ${lines} late`,
  lateFailure: "print early\nlater-warn address in use",
};

const hosts: FakeHost[] = [];
const createHost = () => {
  const host = new FakeHost();
  hosts.push(host);
  return host;
};

const survival: SurvivalSubject = {
  canBeAdopted: true,
  open: async () => {
    const world = new FakeWorld();
    world.doRunsLast = true;
    return {
      host: (installation) => new FakeHost({ world, installation }),
      kill: async (host) => {
        if (host instanceof FakeHost) host.crash();
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  },
};

describeContract({
  name: "the fake",
  createHost,
  languages,
  commands,
  survival,
  leftovers: async (names) =>
    hosts.flatMap(({ live }) =>
      [...live].map(({ name }) => name).filter((name) => names.some((gone) => name.endsWith(gone))),
    ),
});

concurrentContract({
  name: "the fake",
  createHost,
  languages: languages.map(({ template, code }) => ({
    template,
    code: {
      ...code,
      ...reading,
      catchInterrupt: "on interrupt caught",
      ticks: { "a process of its own": (lines) => `later ${lines} tick` },
    },
  })),
  commands: concurrentCommands,
});

changesContract({ name: "the fake", createHost, languages, commands });

const [language] = languages;
if (language === undefined) throw new Error("the fake has a language");
lastingContract({
  name: "the fake",
  survival,
  template: language.template,
  commands: { ...commands, waitFor: (name) => `until ${name}` },
});
