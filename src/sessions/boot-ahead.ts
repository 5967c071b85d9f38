// The boot of a sandbox for nobody yet: bounded in time, and rehearsed, so that its first call is as fast as any other.

import type { Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import type { Sandbox, SandboxHost, SandboxSpec } from "../sandbox/port.ts";
import type { Language } from "../sandbox/templates.ts";
import { limitStart } from "./start-limit.ts";

export type BootAheadOptions = {
  readonly host: SandboxHost;
  readonly clock: Clock;
  readonly startTimeoutMs: number;
  /** Ends the boot; aborted by the boot itself, with a Failure, when its time is over. */
  readonly giveUp: AbortController;
};

/** Throws what SandboxHost.create does, and Failure `sandbox_creation`; nothing of the sandbox is left then but what `spec.onRemains` tells. */
export async function bootAhead(
  spec: SandboxSpec,
  { host, clock, startTimeoutMs, giveUp }: BootAheadOptions,
): Promise<Sandbox> {
  using limit = limitStart(clock, startTimeoutMs, () =>
    giveUp.abort(new Failure("sandbox_creation", `it was not ready within ${startTimeoutMs / 1000} s.`)),
  );
  const { onPreparing } = limit;
  const sandbox = await host.create({ ...spec, onPreparing }, giveUp.signal);
  await rehearse(sandbox, nothing[spec.template.language], startTimeoutMs, giveUp.signal);
  return sandbox;
}

/** A source that is run as any other, and leaves nothing behind. */
const nothing: Readonly<Record<Language, string>> = { python: "None", node: "undefined", bash: ":" };

/**
 * Runs nothing, as a session's first call would run something: the first run of all takes several times as long as any other, as what it needs
 * is read and compiled then. Throws, nothing of the sandbox being left, if it does not even do that.
 */
async function rehearse(sandbox: Sandbox, source: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  try {
    const { success, ended } = await sandbox.run({ kind: "code", source, timeoutMs, signal, onOutput: () => {} });
    signal.throwIfAborted();
    if (!success) throw new Failure("sandbox_creation", `its first run did not succeed (${ended}).`);
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}
