// The microvm host as a subject of the contract, in parts: an emulated machine does not live long.

import { type ContractPart, type ContractSubject, describeContract } from "../../contract/port-contract.ts";
import { bash } from "../../programs/bash.ts";
import { node } from "../../programs/node.ts";
import { python } from "../../programs/python.ts";
import { shell } from "../../programs/shell.ts";
import { createHost, machines, templateOf } from "./host.ts";

const languages = {
  python: { template: templateOf("python"), code: python },
  node: { template: templateOf("node"), code: node },
  bash: { template: templateOf("bash"), code: bash },
};

export function describePart(part: ContractPart, language: keyof typeof languages): void {
  describeSubject(language, { parts: [part] });
}

export function describeSubject(
  language: keyof typeof languages,
  what: Pick<ContractSubject, "parts" | "survival"> & Partial<Pick<ContractSubject, "commands" | "languages">>,
): void {
  const subject: ContractSubject = {
    name: "the microvm host",
    createHost: () => createHost(),
    languages: [languages[language]],
    commands: shell,
    leftovers: async (names) => {
      const left = await machines();
      return names.flatMap((name) => left.filter((machine) => machine.includes(name)));
    },
    ...what,
  };
  describeContract(subject);
}
