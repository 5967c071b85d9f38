// What the server says of itself without a token: GET /, /healthz, /readyz, /metrics. Nothing private, and nothing of one principal.

import type { Clock } from "../clock.ts";
import type { HostHealth, SandboxHost } from "../sandbox/port.ts";
import type { Conditions } from "../watch/conditions.ts";
import type { Metrics, ProcessMemory, SessionCounts } from "../watch/metrics.ts";
import { sessionStates } from "../watch/metrics-table.ts";

/** A backend is asked at most once in this time, however often people ask us. Milliseconds. */
const recheckMs = 5_000;
/** How long the backend has to answer. Milliseconds. */
const healthTimeoutMs = 6_000;

/** What is shown of the sessions. */
export type SessionsSeen = {
  readonly census: readonly { readonly status: string; readonly template: string }[];
  readonly counts: SessionCounts;
  /** Whether the server takes no new ones. */
  readonly draining: { readonly isOn: boolean };
  /** A sentence each, safe to show to anybody. */
  readonly warnings: readonly string[];
};

export type StatusOptions = {
  readonly host: SandboxHost;
  readonly clock: Clock;
  readonly version: string;
  readonly sessions: SessionsSeen;
  readonly memory: () => ProcessMemory;
  readonly metrics: Metrics;
  /** Where there are other nodes: how this one stands with them. */
  readonly standing?: (() => "held" | "unreachable" | "lost") | undefined;
  readonly conditions: Pick<Conditions, "warnings" | "orphans">;
  /** What people should know of this backend before they rely on it. */
  readonly warning: string | undefined;
};

export type Status = {
  /** GET / (CONTRACT.md section 3). */
  page(): Promise<Readonly<Record<string, unknown>>>;
  /** GET /readyz: balancers turn away from a server that takes no new sessions. */
  ready(): Promise<HostHealth>;
  /** GET /metrics. */
  metrics(): Promise<string>;
};

export function createStatus(options: StatusOptions): Status {
  const { host, clock, version, sessions, memory, metrics, conditions, warning } = options;
  let asked: { readonly atMs: number; readonly answer: Promise<HostHealth> } | undefined;

  const hostHealth = (): Promise<HostHealth> => {
    if (asked === undefined || clock.monotonicMs() - asked.atMs >= recheckMs) {
      asked = { atMs: clock.monotonicMs(), answer: askHealth(host, clock) };
    }
    return asked.answer;
  };

  return {
    ready: async () => {
      if (sessions.draining.isOn) return { ok: false, reason: "draining" };
      if (options.standing?.() === "lost") return { ok: false, reason: "not in the cluster" };
      return await hostHealth();
    },
    async page() {
      const health = await hostHealth();
      return {
        status: health.ok ? "healthy" : "degraded",
        server: "MCP Server for Microsandbox",
        version,
        wrapper_status: health.ok ? "connected" : "disconnected",
        backend: {
          name: host.backend,
          isolation: host.isolation,
          ...(warning !== undefined && { warning }),
          ...(!health.ok && { reason: health.reason }),
        },
        sessions: sessionsShown(sessions),
        orphans: conditions.orphans,
        warnings: [...(warning === undefined ? [] : [warning]), ...conditions.warnings, ...sessions.warnings],
      };
    },
    async metrics() {
      const health = await hostHealth();
      return await metrics.text({
        backend: host.backend,
        isBackendUp: health.ok,
        sessions: sessions.census,
        counts: sessions.counts,
        orphans: conditions.orphans,
        memory: memory(),
      });
    },
  };
}

function sessionsShown({ census, counts }: SessionsSeen) {
  const byStatus = sessionStates.map((state) => [state, census.filter(({ status }) => status === state).length]);
  return { active: census.length, limit: counts.limit, ...Object.fromEntries(byStatus) };
}

async function askHealth(host: SandboxHost, clock: Clock): Promise<HostHealth> {
  const done = new AbortController();
  const late = clock.sleep(healthTimeoutMs, done.signal).then((): HostHealth => {
    return { ok: false, reason: `the backend did not answer within ${healthTimeoutMs / 1000} s` };
  });
  try {
    return await Promise.race([host.health(done.signal), late]);
  } finally {
    late.catch(() => undefined);
    done.abort();
  }
}
