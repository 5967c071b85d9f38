// Common programs go on working behind the filter of system calls. What is not on this machine is skipped, by name.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import type { NamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import { guestPath } from "../../../src/sandbox/namespace/tools.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { commonPrograms } from "../../programs/common.ts";
import { command, namespaceHost, pythonTemplate } from "./machine.ts";

/** For the slowest of them on a busy machine. */
const limitMs = 100_000;
setDefaultTimeout(limitMs + 20_000);

const resources = { cpus: 2, memoryMib: 2048 };

let host: NamespaceHost;
let sandbox: Sandbox;
beforeAll(async () => {
  host = namespaceHost();
  const signal = new AbortController().signal;
  sandbox = await host.create({ sessionId: "common", template: pythonTemplate, resources }, signal);
});
afterAll(() => host[Symbol.asyncDispose]());

/** A path, or a name that guests look up. */
const isHere = (program: string) =>
  program.startsWith("/") ? existsSync(program) : Bun.which(program, { PATH: guestPath }) !== null;

for (const [index, { name, needs, source, prints }] of commonPrograms.entries()) {
  test.skipIf(!needs.every(isHere))(`works behind the filter: ${name}`, async () => {
    const ran = await command(sandbox, `mkdir ${index} && cd ${index}\n${source}`, AbortSignal.timeout(limitMs));
    expect({ stdout: ran.stdout.trim(), ended: ran.end.ended }).toEqual({ stdout: prints, ended: "exited" });
    await command(sandbox, `cd && rm -rf ${index}`);
  });
}
