// The boot of a session's sandbox, and all that can come between.

import type { Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import type { Sandbox, SandboxHost, SandboxSpec } from "../sandbox/port.ts";
import { adoptOrDestroy } from "./adopt.ts";
import { sessionNotFound } from "./endings.ts";
import type { Session } from "./session.ts";
import { limitStart } from "./start-limit.ts";

export type BootOptions = {
  readonly host: SandboxHost;
  readonly clock: Clock;
  readonly limits: { readonly startTimeoutMs: number };
};

/**
 * Boots a sandbox for the session, unless its caller leaves, the session is ended, or the time for it is over. If nothing comes
 * of it, the session is told (`abandon`) as soon as nothing is left of the attempt.
 *
 * Throws what `SandboxHost.create` does, the reason of `callerLeaves`, `session_not_found`, or `sandbox_creation` if it takes too long.
 */
export async function bootFor(
  session: Session,
  spec: SandboxSpec,
  callerLeaves: AbortSignal,
  { host, clock, limits: { startTimeoutMs } }: BootOptions,
): Promise<{ readonly sandbox: Sandbox; readonly bootMs: number }> {
  const giveUp = new AbortController();
  const onLeave = () => giveUp.abort(callerLeaves.reason);
  const onEnd = () => giveUp.abort(sessionNotFound(session.id, session.ending ?? "ours", clock.now()));
  callerLeaves.addEventListener("abort", onLeave, { once: true });
  session.endingSignal.addEventListener("abort", onEnd, { once: true });
  if (callerLeaves.aborted) onLeave();
  using limit = limitStart(clock, startTimeoutMs, () => giveUp.abort(tooSlow(startTimeoutMs)));
  const { onPreparing } = limit;
  const startedMs = clock.monotonicMs();
  let remains: Promise<void> | undefined;
  const onRemains = (gone: Promise<void>) => {
    remains = gone;
  };
  try {
    const arriving = host.create({ ...spec, onRemains, onPreparing }, giveUp.signal);
    const abandon = async () => {
      await remains;
      session.abandon();
    };
    const sandbox = await adoptOrDestroy(arriving, giveUp.signal, () => void abandon());
    return { sandbox, bootMs: clock.monotonicMs() - startedMs };
  } finally {
    callerLeaves.removeEventListener("abort", onLeave);
    session.endingSignal.removeEventListener("abort", onEnd);
  }
}

function tooSlow(startTimeoutMs: number): Failure {
  return new Failure("sandbox_creation", `the sandbox was not ready within ${startTimeoutMs / 1000} s.`);
}
