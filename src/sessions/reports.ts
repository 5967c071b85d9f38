// The events that tell of a session's runs and of its end.

import type { Event } from "../events.ts";
import type { Flavor } from "../sandbox/flavors.ts";
import type { Ending } from "./endings.ts";
import type { Execution } from "./executions/execution.ts";
import type { Outcome, Phases } from "./executions/outcome.ts";

export type Reported = {
  readonly sessionId: string;
  readonly principal: string;
  readonly template: string;
  readonly flavor: Flavor;
};

/** Without an outcome, the sandbox was lost under the run. */
export function executionEvent(
  { sessionId, principal, template, flavor }: Reported,
  { id, kind, source }: Execution,
  phases: Phases,
  outcome: Outcome | undefined,
): Event {
  return {
    type: "execution.ended",
    executionId: id,
    ...{ sessionId, principal, template, flavor, kind },
    ended: outcome?.ended ?? "failed",
    success: outcome?.success ?? false,
    exitCode: outcome?.exitCode ?? null,
    ...phases,
    stdoutBytes: outcome?.stdoutBytes ?? 0,
    stderrBytes: outcome?.stderrBytes ?? 0,
    truncatedBytes: (outcome?.stdoutTruncatedBytes ?? 0) + (outcome?.stderrTruncatedBytes ?? 0),
    source: () => source,
  };
}

export function closedEvent(
  closed: Reported & { readonly createdAt: number; readonly executions: number },
  { reason, detail, at }: Ending,
): Event {
  const { sessionId, principal, template, flavor, executions, createdAt } = closed;
  const aliveMs = Math.max(0, at - createdAt);
  return { type: "session.closed", sessionId, principal, template, flavor, reason, detail, executions, aliveMs };
}
