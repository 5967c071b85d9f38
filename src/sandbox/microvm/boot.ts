// Does a microVM boot here? One that has an empty folder for its root and no network is started and ended: it needs no image, and what
// runs in it is the runtime's own agent alone.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { openPrivateFolder } from "./runtime/private-folder.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { unfinished } from "./runtime/unpack.ts";

/** Resolves once a microVM has booted and is gone again. Rejects with what kept it from booting, or the signal's reason. */
export type BootOnce = (signal: AbortSignal) => Promise<void>;

export type BootOptions = {
  readonly runtime: () => Promise<Runtime>;
  /** Holds the empty folder while it is needed. On a file system that has user attributes, as the runtime asks of roots. */
  readonly cacheDir: string;
};

/** Of the microVM, in MiB: its kernel and agent need less. */
const memoryMib = 128;

export function createBootOnce({ runtime, cacheDir }: BootOptions): BootOnce {
  return async (signal) => {
    signal.throwIfAborted();
    const { microsandbox } = await runtime();
    const root = await mkdtemp(join(await openPrivateFolder(cacheDir), `${unfinished}boot-`));
    const boot = bootAndEnd(microsandbox, root).finally(() => rm(root, { recursive: true, force: true }));
    const canceled = Promise.withResolvers<never>();
    const cancel = () => canceled.reject(signal.reason);
    signal.addEventListener("abort", cancel, { once: true });
    try {
      // One that arrives after its caller has left is ended all the same.
      await Promise.race([boot, canceled.promise]);
    } finally {
      signal.removeEventListener("abort", cancel);
      boot.catch(() => undefined);
    }
  };
}

async function bootAndEnd({ Sandbox }: Runtime["microsandbox"], root: string): Promise<void> {
  const name = `msb-mcp-check-${randomUUID()}`;
  const builder = Sandbox.builder(name).image(root).cpus(1).memory(memoryMib).disableNetwork().ephemeral(true);
  try {
    const sandbox = await builder.create();
    await sandbox.kill();
  } finally {
    // An ephemeral one removes itself once it has run; one that never did stays in the runtime's list.
    await Sandbox.remove(name).catch(() => undefined);
  }
}
