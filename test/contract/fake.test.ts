// The fake host keeps the contract.

import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { FakeHost } from "../fakes/fake-host.ts";
import { FakeWorld } from "../fakes/fake-world.ts";
import { type CommandSet, type ContractLanguage, describeContract, type ProgramSet } from "./port-contract.ts";

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
  },
}));

const hosts: FakeHost[] = [];

describeContract({
  name: "the fake",
  createHost: () => {
    const host = new FakeHost();
    hosts.push(host);
    return host;
  },
  languages,
  commands,
  survival: {
    canBeAdopted: true,
    open: async () => {
      const world = new FakeWorld();
      return {
        host: (installation) => new FakeHost({ world, installation }),
        kill: async (host) => {
          if (host instanceof FakeHost) host.crash();
        },
        [Symbol.asyncDispose]: async () => undefined,
      };
    },
  },
  leftovers: async (names) =>
    hosts.flatMap(({ live }) =>
      [...live].map(({ name }) => name).filter((name) => names.some((gone) => name.endsWith(gone))),
    ),
});
