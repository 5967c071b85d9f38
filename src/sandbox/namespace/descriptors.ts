// For how many sandboxes this process has file descriptors. The runtime has raised its limit as far as it may when this is asked.

import { readFileSync } from "node:fs";
import { gatewayLimits } from "../egress/gateway.ts";

/**
 * Of this process for a sandbox at rest: its namespaces (2), the runtime's end and ours of its interpreter's three pipes (6), for bubblewrap and the
 * interpreter a stdin and a process each (4), its counts of kills and of refused forks and its holder's state (3).
 */
export const descriptorsPerSandbox = 15;

/** Of one with a way out, at rest: the socket on its loopback, and the one by which the proxy hears it. */
export const descriptorsPerWayOut = 2;

/** For each connection through it, of which a sandbox has `gatewayLimits.connections` at most: the sandbox's and the host's. */
const descriptorsPerConnection = 2;

/** For the server's own files, its connections, and programs that start or run. */
const descriptorsBesides = 128;

export type Crowd = {
  readonly sandboxes: number;
  /** They have a way out (`--network`). */
  readonly isGoverned: boolean;
};

/** What the operator should know if these are more than there are descriptors for; undefined if they are not, or nobody knows. */
export function tooFewDescriptors({ sandboxes, isGoverned }: Crowd, limits = readLimits()): string | undefined {
  const limit = /^Max open files +(\d+)/m.exec(limits)?.[1];
  const perWayOut = descriptorsPerWayOut + gatewayLimits.connections * descriptorsPerConnection;
  const perSandbox = descriptorsPerSandbox + (isGoverned ? perWayOut : 0);
  const needed = sandboxes * perSandbox + descriptorsBesides;
  if (limit === undefined || needed <= Number(limit)) return undefined;
  const enough = Math.max(0, Math.floor((Number(limit) - descriptorsBesides) / perSandbox));
  const each = isGoverned ? ` with ${gatewayLimits.connections} connections each` : "";
  return (
    `This process may have ${limit} files open, which is enough for about ${enough} sandboxes${each}, and --max-sessions is ${sandboxes}: ` +
    `more than that will not start. Allow it ${needed} (ulimit -Hn, LimitNOFILE= of a service, docker run --ulimit nofile), or fewer sessions.`
  );
}

/** proc(5). */
function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "latin1");
  } catch {
    return "";
  }
}
