// The microvm host keeps the contract of runs beside each other, in real microVMs: Python. Longer than the others, so by name only.

import { concurrentContract } from "../../contract/concurrent-contract.ts";
import { concurrentPython } from "../../programs/python.ts";
import { concurrentShell } from "../../programs/shell.ts";
import { createHost, templateOf } from "./host.ts";

concurrentContract({
  name: "the microvm host",
  createHost: () => createHost(),
  languages: [{ template: templateOf("python"), code: concurrentPython }],
  commands: { ...concurrentShell, hog: null },
});
