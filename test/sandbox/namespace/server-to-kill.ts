// A server with one sandbox that has something running, for a test to kill: `server-to-kill.ts STATE_DIR NAME`. Prints the sandbox's name.

import { bootOne, command, namespaceHost } from "./machine.ts";

const [stateDir = "", name = ""] = process.argv.slice(2);
const host = namespaceHost([], stateDir);
const sandbox = await bootOne(host, name);
await command(sandbox, "sleep 300 & setsid sleep 301 &");
console.log(sandbox.name);
await command(sandbox, "sleep 302");
