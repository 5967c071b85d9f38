// The microvm host as the server makes it, for tests inside the emulated machine.

import { type Clock, systemClock } from "../../../src/clock.ts";
import { createMicrovmHost, type MicrovmHostOptions } from "../../../src/sandbox/microvm/host.ts";
import { openRuntime } from "../../../src/sandbox/microvm/runtime/runtime.ts";
import type { SandboxHost } from "../../../src/sandbox/port.ts";
import { defaultTemplates, type Language, type Template } from "../../../src/sandbox/templates.ts";
import { bootPatiently, gaveUp } from "./patience.ts";

export const runtime = openRuntime({ cacheDir: "/root/.cache/msb-mcp-live", installedDir: undefined });

/**
 * What the adapter takes for an answer that does not come any more is made for real processors. An emulated one is many times slower, and slower still
 * beside other work: here, every wait of the adapter's may last that much longer.
 */
const slowness = 8;
const slowClock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms * slowness, signal) };

/** One that boots again where the runtime has given up. */
export function createHost(options: Partial<MicrovmHostOptions> = {}): SandboxHost {
  const host = createPlainHost(options);
  const { backend, isolation, survivors } = host;
  return {
    ...{ backend, isolation, ...(survivors && { survivors }) },
    health: (signal) => host.health(signal),
    create: (spec, signal) =>
      bootPatiently(
        () => host.create(spec, signal),
        ({ message }) => message.includes(gaveUp),
      ),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}

function createPlainHost(options: Partial<MicrovmHostOptions>): SandboxHost {
  return createMicrovmHost({
    backend: "microvm",
    installationId: crypto.randomUUID().slice(0, 16),
    volumes: [],
    network: { kind: "none" },
    secrets: [],
    idleMs: 3_600_000,
    openRuntime: () => runtime,
    health: async (signal) => {
      signal.throwIfAborted();
      return { ok: true };
    },
    apiKey: null,
    imagesArchive: undefined,
    clock: slowClock,
    emit: (event) => {
      if (event.type === "server.warning") console.warn(event.message);
    },
    ...options,
  });
}

export function templateOf(language: Language): Template {
  const template = defaultTemplates.find((candidate) => candidate.language === language);
  if (template === undefined) throw new Error(`there is no template for ${language}`);
  return template;
}

/** Names of the runtime's machines that are there. */
export async function machines(): Promise<readonly string[]> {
  const { Sandbox } = (await runtime).microsandbox;
  const page = await Sandbox.listWith((list) => list.limit(100));
  return page.sandboxes.map(({ name }) => name);
}
