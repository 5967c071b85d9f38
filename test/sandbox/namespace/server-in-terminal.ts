// A server with one sandbox, for a test to press Ctrl-C at: `server-in-terminal.ts STATE_DIR`. Says "ready", then, once it was interrupted
// itself, what became of the command and of the interpreter that it has in its sandbox.

import { runIn } from "../../contract/port-contract.ts";
import { bootOne, command, namespaceHost } from "./machine.ts";

const [stateDir = ""] = process.argv.slice(2);
const pressed = Promise.withResolvers<void>();
process.on("SIGINT", () => pressed.resolve());
await using host = namespaceHost([], stateDir);
const sandbox = await bootOne(host, "in-a-terminal");
await runIn(sandbox, "code", "kept = 'kept'");
const waiting = command(sandbox, "echo on; until test -e go; do sleep 0.01; done; echo done", undefined, () =>
  console.log("ready"),
);
await pressed.promise;
const code = await runIn(sandbox, "code", "open('go', 'w').close()\nkept");
console.log(JSON.stringify({ command: (await waiting).stdout, code: code.stdout }));
