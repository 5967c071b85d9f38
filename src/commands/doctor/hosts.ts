// Can the other backends make a sandbox now? Their own health says.

import { type CheckName, type Finding, missing, oneLine } from "../../sandbox/checks/finding.ts";
import type { SandboxHost } from "../../sandbox/port.ts";

export type HostCheck = {
  readonly check: CheckName;
  readonly found: string;
  readonly mend: string;
  readonly host: () => SandboxHost;
};

/** Rejects with the signal's reason only. */
export async function checkHost({ check, found, mend, host }: HostCheck, signal: AbortSignal): Promise<Finding> {
  await using opened = host();
  const health = await opened.health(signal);
  return health.ok ? { check, status: "ok", found } : missing(check, oneLine(health.reason), mend);
}
