// The microvm host keeps the contract, in real microVMs: a command and Node that take all memory. By name only: without room for what a guest has open,
// its kernel reads programs again and again, for minutes where it is emulated.

import { node } from "../../programs/node.ts";
import { shell } from "../../programs/shell.ts";
import { describeSubject } from "./contract.ts";
import { templateOf } from "./host.ts";

describeSubject("node", {
  parts: ["commands", "code"],
  languages: [{ template: templateOf("node"), code: node }],
  commands: shell,
});
