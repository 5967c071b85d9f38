// One microVM of the runtime: made, found again, and destroyed until nothing of it is left.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../clock.ts";
import type { NetworkPolicy } from "../network.ts";
import type { SandboxSpec } from "../port.ts";
import type { Secret } from "../secrets.ts";
import type { Volume } from "../volumes.ts";
import { runtimeCode } from "./failures.ts";
import { applyImage } from "./images/images.ts";
import { installationLabel, machineName, sessionLabel } from "./names.ts";
import { applyNetwork } from "./network.ts";
import type { Microsandbox } from "./runtime/load.ts";

export type MachineOptions = {
  readonly backend: "microvm" | "cloud";
  readonly volumes: readonly Volume[];
  readonly network: NetworkPolicy;
  readonly secrets: readonly Secret[];
  readonly installationId: string;
  /** A machine that nobody has spoken to for so long ends by itself, should no server come back for it. Milliseconds. */
  readonly idleMs: number;
};

/** Resolves with a booted machine. Throws what the runtime throws. */
export async function bootMachine(
  { Sandbox }: Microsandbox,
  spec: SandboxSpec,
  options: MachineOptions,
): Promise<Machine> {
  const { backend, installationId, volumes, network, secrets, idleMs } = options;
  const builder = Sandbox.builder(machineName(installationId, spec.sessionId))
    .cpus(spec.resources.cpus)
    .memory(spec.resources.memoryMib)
    // The machine is the wall; inside it the user is at home, and may install packages.
    .user("root")
    .detached(true)
    .idleTimeout(Math.ceil(idleMs / 1000))
    .labels({ [installationLabel]: installationId, [sessionLabel]: spec.sessionId });
  applyImage(builder, spec.template.image);
  // Here it has been made available before (images.ts); the hosted backend pulls by itself.
  if (backend === "microvm" && spec.template.image.kind !== "folder") builder.pullPolicy("never");
  for (const { hostPath, guestPath, readOnly } of [...volumes, ...(spec.mounts ?? [])]) {
    builder.volume(guestPath, (mount) => (readOnly ? mount.bind(hostPath).readonly() : mount.bind(hostPath)));
  }
  applyNetwork(builder, spec.network ?? network, spec.network === undefined ? secrets : []);
  return await builder.create();
}

/** How long the runtime may take to end a machine, each time that it is tried, in milliseconds; and how often it is. */
const destroyMs = 5_000;
const destroyAttempts = 3;

/** Resolves with true once the runtime knows no machine of this name. Never rejects. */
export async function destroyMachine({ Sandbox }: Microsandbox, name: string, clock: Clock): Promise<boolean> {
  for (let attempt = 1; attempt <= destroyAttempts; attempt++) {
    const done = new AbortController();
    const late = clock.sleep(2 * destroyMs, done.signal).then(
      () => false,
      () => false,
    );
    const destroyed = destroyOnce(Sandbox, name);
    destroyed.catch(() => {});
    try {
      if (await Promise.race([destroyed, late])) return true;
    } catch {
      await clock.sleep(200 * attempt);
    } finally {
      done.abort();
    }
  }
  return false;
}

async function destroyOnce(Sandbox: Microsandbox["Sandbox"], name: string): Promise<boolean> {
  try {
    const handle = await Sandbox.get(name);
    await handle.destroy({ force: true, timeoutMs: destroyMs });
    return true;
  } catch (error) {
    if (runtimeCode(error) === "sandboxNotFound") return true;
    throw error;
  }
}
