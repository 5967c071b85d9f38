// What sessions are built from.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import type { Flavor, Flavors } from "../sandbox/flavors.ts";
import type { SandboxHost } from "../sandbox/port.ts";
import type { Template } from "../sandbox/templates.ts";
import type { Admission } from "./admission.ts";
import type { Pool } from "./ahead.ts";
import type { Draining } from "./draining.ts";
import type { Executions } from "./executions/executions.ts";
import type { LeftRunningLimits } from "./executions/left-count.ts";
import type { Ledger } from "./ledger.ts";
import type { SessionLimits } from "./session.ts";

export type SessionsOptions = {
  readonly host: SandboxHost;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Whose session ids these are. */
  readonly installationId: string;
  readonly admission: Admission;
  /** Whether new sessions are taken. */
  readonly draining: Draining;
  /** Keeps who has a session, and how sessions ended, over a restart. */
  readonly ledger: Ledger;
  /** Whether what survives of this installation is this server's alone: then it takes it over, or ends it. */
  readonly ownsSurvivors: boolean;
  /** Sandboxes that were booted ahead; each becomes the session's whose id it was booted under. */
  readonly pool?: Pool | undefined;
  readonly templates: readonly Template[];
  readonly flavors: Flavors;
  readonly defaultFlavor: Flavor;
  readonly limits: SessionsLimits;
  /** What is run in them. */
  readonly executions: Executions;
};

export type SessionsLimits = SessionLimits &
  LeftRunningLimits & {
    readonly startTimeoutMs: number;
    readonly cleanupIntervalMs: number;
    readonly orphanCleanupIntervalMs: number;
    /** For runs that name no time of their own. */
    readonly executionTimeoutMs: number;
  };
