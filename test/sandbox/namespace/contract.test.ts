// The namespace host keeps the contract, on this very machine.

import { concurrentContract } from "../../contract/concurrent-contract.ts";
import { describeContract } from "../../contract/port-contract.ts";
import { bash, concurrentBash } from "../../programs/bash.ts";
import { concurrentNode, node } from "../../programs/node.ts";
import { concurrentPython, python } from "../../programs/python.ts";
import { concurrentShell, shell } from "../../programs/shell.ts";
import { bashTemplate, compiledHost, leftovers, nodeTemplate, pythonTemplate } from "./machine.ts";

describeContract({
  name: "the namespace host",
  createHost: compiledHost,
  languages: [
    { template: pythonTemplate, code: python },
    { template: nodeTemplate, code: node },
    { template: bashTemplate, code: bash },
  ],
  commands: shell,
  leftovers,
});

concurrentContract({
  name: "the namespace host",
  createHost: compiledHost,
  languages: [
    { template: pythonTemplate, code: concurrentPython },
    { template: nodeTemplate, code: concurrentNode },
    { template: bashTemplate, code: concurrentBash },
  ],
  commands: concurrentShell,
});
