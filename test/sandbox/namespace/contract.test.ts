// The namespace host keeps the contract, on this very machine.

import { concurrentContract } from "../../contract/concurrent-contract.ts";
import { describeContract } from "../../contract/port-contract.ts";
import { concurrentNode, node } from "../../programs/node.ts";
import { concurrentPython, python } from "../../programs/python.ts";
import { concurrentShell, shell } from "../../programs/shell.ts";
import { compiledHost, leftovers, nodeTemplate, pythonTemplate } from "./machine.ts";

describeContract({
  name: "the namespace host",
  createHost: compiledHost,
  languages: [
    { template: pythonTemplate, code: python },
    { template: nodeTemplate, code: node },
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
  ],
  commands: concurrentShell,
});
