// The product over sandboxes that outlive it, where there are no microVMs: all but the runtime, whose machines a keeper has, is what is shipped. The first
// argument is the keeper's URL; the others are the program's.

import { homedir } from "node:os";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { openLayers, packagesOf } from "../../src/sandbox/layers/open.ts";
import { createMicrovmHost } from "../../src/sandbox/microvm/host.ts";
import { startServer } from "../../src/server.ts";
import { createLog } from "../../src/watch/log.ts";
import { runtimeOver } from "./runtime.ts";

const [keeperUrl = "", ...argv] = process.argv.slice(2);
const loaded = loadConfig(argv, process.env, { cwd: process.cwd(), homeDir: homedir() });
if (loaded.kind !== "config") throw new Error(JSON.stringify(loaded));
const { config, given } = loaded;
const { level, now } = { level: config.logLevel, now: systemClock.now };
const emit = createLog({ level, now, format: "json", write: (line) => void process.stderr.write(line) });
const stop = Promise.withResolvers<void>();
process.on("SIGTERM", () => stop.resolve());

const server = await startServer({
  ...{ config, given, emit, clock: systemClock, pid: process.pid },
  memory: () => ({ residentBytes: 0, heapBytes: 0 }),
  stdin: () => Bun.stdin.stream(),
  writeStdout: () => undefined,
  openHost: async ({ settings, installationId, clock }, stack) => {
    const { network, secrets, sharedVolumes: volumes, templates } = settings;
    const host = stack.use(
      createMicrovmHost({
        // Of which no image is looked for on this machine.
        backend: "cloud",
        ...{ network, secrets, volumes, installationId, clock, emit, apiKey: null, imagesArchive: undefined },
        idleMs: 3_600_000,
        openRuntime: () => runtimeOver(keeperUrl),
        health: async () => ({ ok: true }),
      }),
    );
    const layers = openLayers({ host, settings, clock, emit });
    const choice = { backend: "microvm", warning: undefined, passedOver: [] } as const;
    return { host, layers, templates, choice, packagesOf: packagesOf(layers) };
  },
});
await stop.promise;
await server[Symbol.asyncDispose]();
process.exit(0);
