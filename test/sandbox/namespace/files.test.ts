// The files of the namespace host's sandboxes keep the contract, by the programs of both languages.

import { afterAll, expect } from "bun:test";
import { guestHome } from "../../../src/sandbox/namespace/layout.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { describeFiles } from "../../contract/files-contract.ts";
import { bootOne, command, namespaceHost, nodeTemplate, patienceMs, pythonTemplate } from "./machine.ts";

const host = namespaceHost();
afterAll(() => host[Symbol.asyncDispose](), patienceMs);

for (const template of [pythonTemplate, nodeTemplate]) {
  let booted: Promise<Sandbox> | null = null;
  const sandbox = () => {
    booted ??= bootOne(host, `files-${template.language}`, template);
    return booted;
  };
  const run = async (line: string) => {
    const ran = await command(await sandbox(), line);
    expect(ran).toMatchObject({ end: { success: true }, stderr: "" });
  };
  describeFiles({
    name: `a namespace sandbox's files, for ${template.language}`,
    ground: async () => ({
      files: (await sandbox()).files,
      home: guestHome,
      link: (path, target) => run(`ln -s '${target}' '${path}'`),
      special: (path) => run(`mkfifo '${path}'`),
    }),
  });
}
