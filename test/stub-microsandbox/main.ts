// `bun run stub-microsandbox`: a stand-in for a microsandbox server, to try msb-mcp without one. Not a sandbox to trust.

import { parseArgs } from "node:util";
import { Stub } from "./stub.ts";

const usage = `usage: bun run stub-microsandbox [--host 127.0.0.1] [--port 5555] [--dev] [--key K] [--path DIR]
  --dev                 ask for no API key
  --key K               the key that API keys are signed with; random without it
  --path DIR            where namespaces are kept; a temporary folder without it
  --pull-ms N           how long an image is pulled that was not pulled before
  --boot-ms N           how long a sandbox takes to boot
  --portal-delay-ms N   how long after that its portal begins to answer
  --poll-ms N           how often the portal looks whether an evaluation is over; the real one's 50 without it
  --cost-ms N           what each name that was ever started costs each call; the real server's are 60 to 80
  --control             serve POST /_stub/faults and /_stub/refuse, to switch faults on`;

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "5555" },
    dev: { type: "boolean", default: false },
    key: { type: "string" },
    path: { type: "string" },
    "pull-ms": { type: "string", default: "0" },
    "poll-ms": { type: "string", default: "50" },
    "cost-ms": { type: "string", default: "1" },
    "boot-ms": { type: "string", default: "0" },
    "portal-delay-ms": { type: "string", default: "0" },
    control: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(usage);
  process.exit(0);
}

const stub = await Stub.start({
  host: values.host,
  port: Number(values.port),
  dev: values.dev,
  control: values.control,
  pullMs: Number(values["pull-ms"]),
  pollMs: Number(values["poll-ms"]),
  costMs: Number(values["cost-ms"]),
  bootMs: Number(values["boot-ms"]),
  portalDelayMs: Number(values["portal-delay-ms"]),
  ...(values.key === undefined ? {} : { key: values.key }),
  ...(values.path === undefined ? {} : { path: values.path }),
});
console.log(`stub of a microsandbox server at ${stub.url}`);
if (!values.dev) {
  console.log(`MSB_API_KEY=${await stub.apiKey()}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void stub[Symbol.asyncDispose]().then(() => process.exit(0));
  });
}
