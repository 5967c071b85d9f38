// Run by orphans.test.ts as the first process of a pid namespace, as a container's only program is: an interpreter is ended by force, then its sandbox.
// Prints what is left.

import { childrenOf } from "../../../src/sandbox/namespace/processes.ts";
import { runIn } from "../../contract/port-contract.ts";
import { python } from "../../programs/python.ts";
import { bootOne, namespaceHost } from "./machine.ts";

await using host = namespaceHost();
const sandbox = await bootOne(host, "as-init");
const caller = new AbortController();
const { end } = await runIn(sandbox, "code", python.stubborn, caller.signal, () => caller.abort());
await sandbox[Symbol.asyncDispose]();
await host[Symbol.asyncDispose]();
console.log(JSON.stringify({ pid: process.pid, isReplaced: end.interpreterRestarted, left: childrenOf(process.pid) }));
