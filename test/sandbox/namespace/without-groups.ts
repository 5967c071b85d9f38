// Run by members.test.ts where no control groups are: three commands beside each other, of which one is interrupted. Prints what is left.

import { BegunRun } from "../../contract/begun-run.ts";
import { concurrentShell } from "../../programs/shell.ts";
import { bootOne, command, namespaceHost, patienceMs } from "./machine.ts";

await using host = namespaceHost();
await using sandbox = await bootOne(host, "without-groups");
const names = ["first", "second", "third"];
const runs = names.map((name) => {
  const source = [concurrentShell.startDetached(name), "echo on", concurrentShell.forever].join("\n");
  return new BegunRun(sandbox, "command", source, { timeoutMs: patienceMs });
});
await Promise.all(runs.map((run) => run.hasPrinted("on\n")));
runs[1]?.abort();
const ended = (await runs[1]?.end)?.ended;
const listed = new Set((await command(sandbox, concurrentShell.listBackground)).stdout.split("\n"));
const left = names.map((name) => [...listed].filter((found) => found.startsWith(name)).length);
console.log(JSON.stringify({ mechanism: host.limits?.description, ended, left }));
