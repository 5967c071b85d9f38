// What runs change is told in a real sandbox, with a folder that is shared.

import { afterAll } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { changesContract } from "../../contract/changes-contract.ts";
import { bash } from "../../programs/bash.ts";
import { node } from "../../programs/node.ts";
import { python } from "../../programs/python.ts";
import { shell } from "../../programs/shell.ts";
import { bashTemplate, namespaceHost, nodeTemplate, pythonTemplate } from "./machine.ts";

mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
const root = mkdtempSync("/tmp/msb-mcp-tests/changes-");
for (const name of ["shared", "reference"]) mkdirSync(join(root, name));
writeFileSync(join(root, "reference", "given.txt"), "given");
afterAll(() => rmSync(root, { recursive: true }));

changesContract({
  name: "the namespace host",
  createHost: () =>
    namespaceHost([
      { hostPath: join(root, "shared"), guestPath: "/data", readOnly: false },
      { hostPath: join(root, "reference"), guestPath: "/home/user/reference", readOnly: true },
    ]),
  languages: [
    { template: pythonTemplate, code: python },
    { template: nodeTemplate, code: node },
    { template: bashTemplate, code: bash },
  ],
  commands: shell,
  shell: { volume: "/data", nothing: "true" },
});
