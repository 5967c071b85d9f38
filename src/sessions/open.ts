// The domain of a start: room, the ledger, the warm pool and the sessions over them, taken up from where an earlier process left them.

import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import type { Flavor, Flavors } from "../sandbox/flavors.ts";
import type { SandboxHost } from "../sandbox/port.ts";
import type { Template } from "../sandbox/templates.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import type { Beyond } from "./claims.ts";
import { Draining } from "./draining.ts";
import { Executions } from "./executions/executions.ts";
import { Spools } from "./executions/spools.ts";
import { Ledger } from "./ledger.ts";
import type { SessionsLimits } from "./options.ts";
import { type PoolShare, WarmPool, type WarmPoolOptions } from "./pool.ts";
import { Sessions } from "./sessions.ts";

export type OpenSessionsOptions = {
  readonly settings: Omit<AdmissionLimits & SessionsLimits, "startTimeoutMs"> & {
    readonly sandboxStartTimeoutMs: number;
    readonly drainTimeoutMs: number | undefined;
    readonly flavors: Flavors;
    readonly defaultFlavor: Flavor;
    readonly maxKeptOutputTotalBytes: number;
    readonly pool: readonly PoolShare[];
  };
  readonly host: SandboxHost;
  readonly templates: readonly Template[];
  readonly installationId: string;
  /** Where what outlives the process is kept. Undefined where another process may be writing there. */
  readonly folder: string | undefined;
  /** Whether no process has kept sessions there before. */
  readonly isFirst: boolean;
  /** Where there are other nodes. */
  readonly beyond?: Beyond | undefined;
  /** Who all callers are; undefined where there may be several. */
  readonly onlyPrincipal: string | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** What it opens is `stack`'s. The pool begins to fill when it is told to. */
export function openSessions(options: OpenSessionsOptions, stack: AsyncDisposableStack) {
  const { settings, host, templates, installationId, folder, isFirst, beyond, clock, emit } = options;
  const { flavors, defaultFlavor, pool: shares, sandboxStartTimeoutMs: startTimeoutMs } = settings;
  const ownsSurvivors = folder !== undefined;
  if (!ownsSurvivors) emit({ type: "ledger.degraded", reason: "the state directory cannot be locked" });
  const admission = new Admission({ limits: { ...settings, startTimeoutMs }, clock, emit, beyond });
  const ledgerPath = folder === undefined ? undefined : join(folder, "sessions.db");
  const ledger = stack.use(new Ledger({ path: ledgerPath, isExpected: !isFirst, clock, emit }));
  const spools = new Spools({
    // Another process's files are not ours to remove.
    folder: folder === undefined ? join(tmpdir(), `msb-mcp-${crypto.randomUUID()}`) : join(folder, "executions"),
    maxTotalBytes: settings.maxKeptOutputTotalBytes,
    emit,
  });
  // What an answer has is kept in any case.
  const maxKeptOutputBytes = Math.max(settings.maxKeptOutputBytes, 2 * settings.maxOutputBytes);
  const limits = { ...settings, startTimeoutMs, maxKeptOutputBytes };
  const isToSurvive = ownsSurvivors && host.survivors !== undefined;
  const executions = new Executions({ spools, installationId, endings: ledger.endings, clock, limits, isToSurvive });
  const draining = new Draining({ timeoutMs: settings.drainTimeoutMs, clock, emit });
  const common = { host, templates, flavors, admission, installationId, executions, clock, emit };
  const ahead: WarmPoolOptions["admission"] = {
    reserveAhead: (memoryMib, giveUp) => (draining.isOn ? undefined : admission.reserveAhead(memoryMib, giveUp)),
  };
  const pool =
    shares.length === 0
      ? undefined
      : stack.use(
          new WarmPool({ ...common, admission: ahead, shares, principal: options.onlyPrincipal, startTimeoutMs }),
        );
  const sessions = stack.use(new Sessions({ ...common, draining, ledger, ownsSurvivors, pool, defaultFlavor, limits }));
  sessions.restart();
  return { sessions, pool };
}
