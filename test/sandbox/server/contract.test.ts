// The server host keeps the contract, on a stub or on the live server at MSB_SERVER_URL.

import { describeContract } from "../../contract/port-contract.ts";
import { node } from "../../programs/node.ts";
import { python } from "../../programs/python.ts";
import { shell } from "../../programs/shell.ts";
import { canLimitMemory } from "../../stub-microsandbox/memory.ts";
import { isLive, subjectHost, subjectName, templateOf } from "./servers.ts";

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
  ],
  commands: { ...shell, ...hogOf(shell) },
  // Disposal itself asks the server until nothing runs, and warns otherwise: hazards.test.ts.
  leftovers: async () => [],
});
