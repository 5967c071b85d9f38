// The domain of a start: room, the ledger, the warm pool and the sessions over them, taken up from where an earlier process left them.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import type { Flavor, Flavors } from "../sandbox/flavors.ts";
import type { SandboxHost } from "../sandbox/port.ts";
import type { Template } from "../sandbox/templates.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import { Ledger } from "./ledger.ts";
import { type PoolShare, WarmPool } from "./pool.ts";
import { Sessions, type SessionsLimits } from "./sessions.ts";

export type OpenSessionsOptions = {
  readonly settings: Omit<AdmissionLimits & SessionsLimits, "startTimeoutMs" | "stopOutputBytes"> & {
    readonly sandboxStartTimeoutMs: number;
    readonly flavors: Flavors;
    readonly defaultFlavor: Flavor;
    readonly maxOutputBytes: number;
    readonly pool: readonly PoolShare[];
  };
  readonly host: SandboxHost;
  readonly templates: readonly Template[];
  readonly installationId: string;
  /** Undefined where another process may be writing there. */
  readonly ledgerPath: string | undefined;
  /** Whether no process has kept sessions there before. */
  readonly isFirst: boolean;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** A program may write far more than is kept of it: the kept part is what a model can read. */
const leastStopOutputBytes = 64 * 1024 * 1024;

/** What it opens is `stack`'s. The pool begins to fill when it is told to. */
export function openSessions(options: OpenSessionsOptions, stack: AsyncDisposableStack) {
  const { settings, host, templates, installationId, ledgerPath, isFirst, clock, emit } = options;
  const { flavors, defaultFlavor, maxOutputBytes, pool: shares, sandboxStartTimeoutMs: startTimeoutMs } = settings;
  const ownsSurvivors = ledgerPath !== undefined;
  if (!ownsSurvivors) emit({ type: "ledger.degraded", reason: "the state directory cannot be locked" });
  const admission = new Admission({ limits: { ...settings, startTimeoutMs }, clock, emit });
  const ledger = stack.use(new Ledger({ path: ledgerPath, isExpected: !isFirst, clock, emit }));
  const common = { host, templates, flavors, admission, installationId, clock, emit };
  const pool = shares.length === 0 ? undefined : stack.use(new WarmPool({ ...common, shares, startTimeoutMs }));
  const stopOutputBytes = Math.max(leastStopOutputBytes, 2 * maxOutputBytes);
  const limits = { ...settings, startTimeoutMs, stopOutputBytes };
  const sessions = stack.use(new Sessions({ ...common, ledger, ownsSurvivors, pool, defaultFlavor, limits }));
  sessions.restart();
  return { sessions, pool };
}
