// The namespace host keeps the contract, on this very machine.

import { describeContract } from "../../contract/port-contract.ts";
import { node } from "../../programs/node.ts";
import { python } from "../../programs/python.ts";
import { shell } from "../../programs/shell.ts";
import { leftovers, namespaceHost, nodeTemplate, pythonTemplate } from "./machine.ts";

describeContract({
  name: "the namespace host",
  createHost: () => namespaceHost(),
  languages: [
    { template: pythonTemplate, code: python },
    { template: nodeTemplate, code: node },
  ],
  commands: shell,
  leftovers,
});
