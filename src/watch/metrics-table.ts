// The one table of metrics: names, types, labels, what each means and what to look for in it. /metrics and docs/reference/metrics.md come from it.

export type MetricType = "counter" | "gauge" | "histogram";

export type Metric = {
  readonly name: `msb_mcp_${string}`;
  readonly type: MetricType;
  /** What it is, for people; without a full stop. */
  readonly help: string;
  readonly labels: readonly string[];
  /** What an operator looks for, and does; without a full stop. */
  readonly watch: string;
};

/** Upper bounds in seconds: from what the wire takes to the longest that a run may. */
export const phaseBucketsS = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60, 300, 1800],
];

/** The same for a call to the registry of a cluster, which is given up after 2 s. */
export const registryBucketsS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** How a node stands with the registry: `Standing` of src/cluster/port.ts. */
export const standings = ["held", "unreachable", "lost"] as const;

export const phases = ["queue", "boot", "run", "wire"] as const;

export const sessionStates = ["starting", "ready", "busy", "stopping"] as const;

/** How sessions end. CONTRACT.md section 5. */
export const endReasons = ["stopped", "expired", "evicted", "lost", "shutdown"] as const;

export const metricTable = {
  buildInfo: {
    name: "msb_mcp_build_info",
    type: "gauge",
    help: "Always 1; which program this is",
    labels: ["version", "commit"],
    watch: "one version on all machines after a rollout",
  },
  backendUp: {
    name: "msb_mcp_backend_up",
    type: "gauge",
    help: "1 if what makes the sandboxes answers, as in /readyz",
    labels: ["backend"],
    watch: "0 for over a minute: no sandbox can be had; `/readyz` has the reason",
  },
  sessions: {
    name: "msb_mcp_sessions",
    type: "gauge",
    help: "Sessions now",
    labels: ["state", "template"],
    watch: "many `starting` or `stopping` for minutes: the backend is slow or stuck",
  },
  sessionsLimit: {
    name: "msb_mcp_sessions_limit",
    type: "gauge",
    help: "Sessions that there may be (`--max-sessions`)",
    labels: [],
    watch: "sessions at the limit: raise it, or shorten `--session-timeout`",
  },
  sessionsWaiting: {
    name: "msb_mcp_sessions_waiting",
    type: "gauge",
    help: "New sessions that wait for room now (`--admission-wait`)",
    labels: [],
    watch: "above 0 for minutes: the server is too small for its clients",
  },
  placesFree: {
    name: "msb_mcp_places_free",
    type: "gauge",
    help: "New sessions that there is room for, by `--max-sessions`; 0 while the server drains",
    labels: [],
    watch: "the sum over all nodes of a cluster near 0: add a node",
  },
  placesUsed: {
    name: "msb_mcp_places_used_ratio",
    type: "gauge",
    help: "How much of the room for sessions is taken, from 0 to 1: by `--max-sessions` or `--max-total-memory-mb`, whichever is nearer to its end; above 1 with sessions that wait; at least 1 while the server drains",
    labels: [],
    watch: "above 0.8 on average over the nodes of a cluster: add a node. What an autoscaler goes by",
  },
  draining: {
    name: "msb_mcp_draining",
    type: "gauge",
    help: "1 while no new sessions are opened, because the server is to be taken out of service",
    labels: [],
    watch: "1 for longer than a rollout takes: nobody has taken it back (`POST /drain`)",
  },
  reservedMemory: {
    name: "msb_mcp_reserved_memory_bytes",
    type: "gauge",
    help: "What the sandboxes may use, by their flavors",
    labels: [],
    watch: "near the memory of the machine, where `--max-total-memory-mb` does not bound it",
  },
  reservedMemoryLimit: {
    name: "msb_mcp_reserved_memory_limit_bytes",
    type: "gauge",
    help: "What they may use at most together (`--max-total-memory-mb`); 0 if nothing bounds it",
    labels: [],
    watch: "–",
  },
  sessionsOpened: {
    name: "msb_mcp_sessions_opened_total",
    type: "counter",
    help: "Sessions whose sandbox came; ahead if it was there before it was asked for",
    labels: ["template", "ahead"],
    watch: "many more than you have conversations: clients do not pass `session_id` on",
  },
  sessionStartsFailed: {
    name: "msb_mcp_session_starts_failed_total",
    type: "counter",
    help: "Sessions whose sandbox never came, those whose caller left included",
    labels: [],
    watch: "any steady rate: `session.failed` in the log has the reason",
  },
  sessionsEnded: {
    name: "msb_mcp_sessions_ended_total",
    type: "counter",
    help: "Sessions that had a sandbox and have none any more",
    labels: ["reason"],
    watch: "`lost` and `evicted`; [what each reason means](../operate.md#why-a-session-ended)",
  },
  evictions: {
    name: "msb_mcp_evictions_total",
    type: "counter",
    help: "Idle sessions that were ended for new ones: for whose limit (scope), and on what (resource)",
    labels: ["scope", "resource"],
    watch:
      "a steady rate: agents lose state; raise the limit of that resource, or have clients stop what they no longer need",
  },
  sessionsAdopted: {
    name: "msb_mcp_sessions_adopted_total",
    type: "counter",
    help: "Sessions of an earlier process that go on with their sandbox",
    labels: ["template"],
    watch: "–",
  },
  admissionRefusals: {
    name: "msb_mcp_admission_refusals_total",
    type: "counter",
    help: "New sessions that were refused for want of room: whose limit (scope), on what (resource), and whether no wait could have helped",
    labels: ["scope", "resource", "impossible"],
    watch:
      "any steady rate: raise the limit, or shorten `--session-timeout`; `impossible` ones ask for more than the limit",
  },
  admissionWaits: {
    name: "msb_mcp_admission_waits_total",
    type: "counter",
    help: "New sessions that waited for room, and whether they got it",
    labels: ["admitted"],
    watch: "many: the server is full much of the time; how long they waited is in the phase `queue`",
  },
  layers: {
    name: "msb_mcp_layers_total",
    type: "counter",
    help: "Packages of templates that were built, could not be, or were removed for want of room (`--max-layers-bytes`)",
    labels: ["what"],
    watch: '`what="failed"`: read the log; `removed` again and again: give more room',
  },
  cacheRemovals: {
    name: "msb_mcp_cache_removals_total",
    type: "counter",
    help: "How often downloads that sessions share were removed (`--max-cache-bytes`): `share`, `total` and `disk` for want of room, `flood` what no installer keeps",
    labels: ["why"],
    watch:
      "`share` or `total` at a steady rate: give more room; `disk`: it is nearly full; `flood`: a session fills it (docs/packages.md)",
  },
  poolMisses: {
    name: "msb_mcp_pool_misses_total",
    type: "counter",
    help: "New sessions of a kind that is booted ahead (`--pool`), but of which none was ready",
    labels: ["template", "flavor"],
    watch: "a large part of `msb_mcp_sessions_opened_total`: give `--pool` more of that kind",
  },
  poolBoots: {
    name: "msb_mcp_pool_boots_total",
    type: "counter",
    help: "Boots ahead of need (`--pool`)",
    labels: ["template", "flavor", "success"],
    watch: "any steady rate without success: `pool.failed` in the log has the reason",
  },
  orphans: {
    name: "msb_mcp_orphans",
    type: "gauge",
    help: "Sandboxes of this installation that no session claims and that are still there",
    labels: [],
    watch: "not back at 0 after two `--orphan-cleanup-interval`s: they cannot be removed and cost memory",
  },
  orphanEvents: {
    name: "msb_mcp_orphan_events_total",
    type: "counter",
    help: "Sandboxes of this installation that no session claimed, by what became of them",
    labels: ["outcome"],
    watch:
      "`kept`: one could not be removed, `orphan.kept` in the log has its name; `found` without a crash before it is a fault of this program",
  },
  ledgerDegraded: {
    name: "msb_mcp_ledger_degraded",
    type: "gauge",
    help: "1 while what a restart must know is kept in memory only",
    labels: [],
    watch: "1: look at the disk of `--state-dir`; a restart now would lose sessions",
  },
  auditDegraded: {
    name: "msb_mcp_audit_degraded",
    type: "gauge",
    help: "1 while the audit file (`--audit-file`) does not take what there is to write",
    labels: [],
    watch: "1: look at its disk; executions wait in memory, 16 MiB of them",
  },
  auditFailures: {
    name: "msb_mcp_audit_failures_total",
    type: "counter",
    help: "Attempts to write the audit file that failed",
    labels: [],
    watch: "a rise: `audit.failed` in the log has the system's code",
  },
  auditLost: {
    name: "msb_mcp_audit_lost_total",
    type: "counter",
    help: "Executions that are not in the audit file",
    labels: [],
    watch: "anything but 0: the disk of the audit file was away for long",
  },
  sandboxesLost: {
    name: "msb_mcp_sandboxes_lost_total",
    type: "counter",
    help: "Sandboxes that ended on their own",
    labels: [],
    watch: "anything but 0: `sandbox.lost` in the log has the cause",
  },
  executions: {
    name: "msb_mcp_executions_total",
    type: "counter",
    help: "Runs that began, by how they ended",
    labels: ["kind", "ended", "success"],
    watch:
      "`failed`, `out_of_memory`, `timed_out`; [what each means](../operate.md#how-an-execution-ended). `exited` without success is a program's own error",
  },
  phaseSeconds: {
    name: "msb_mcp_execution_phase_seconds",
    type: "histogram",
    help: "Where the time of calls that ran something went: queue (for a place and a turn), boot, run, wire (everything else)",
    labels: ["phase"],
    watch:
      "p99 of `queue`: clients share sessions or wait for room; of `boot`: the backend; of `wire`: this server is short of CPU",
  },
  sourceBytes: {
    name: "msb_mcp_execution_source_bytes_total",
    type: "counter",
    help: "Bytes of the programs that were run",
    labels: ["kind"],
    watch: "–",
  },
  outputBytes: {
    name: "msb_mcp_execution_output_bytes_total",
    type: "counter",
    help: "Bytes that programs wrote, left out ones included",
    labels: ["stream"],
    watch: "–",
  },
  truncatedBytes: {
    name: "msb_mcp_execution_output_truncated_bytes_total",
    type: "counter",
    help: "Bytes of output that were left out of results",
    labels: [],
    watch: "a steady rate: agents print more than they can read, or `--max-output-bytes` is low",
  },
  calls: {
    name: "msb_mcp_calls_total",
    type: "counter",
    help: "Tool calls, by their outcome",
    labels: ["tool", "outcome"],
    watch: "`internal` is always a fault, the log has it under its request id; `limit_reached`: no room",
  },
  transfers: {
    name: "msb_mcp_transfers_total",
    type: "counter",
    help: "Uploads and downloads of files, by their outcome: whole, broken_off, refused",
    labels: ["direction", "outcome"],
    watch: "many `broken_off`: slow or unstable clients",
  },
  transferredBytes: {
    name: "msb_mcp_transferred_bytes_total",
    type: "counter",
    help: "Bytes of files that were uploaded or downloaded",
    labels: ["direction"],
    watch: "–",
  },
  networkConnections: {
    name: "msb_mcp_network_connections_total",
    type: "counter",
    help: "Connections out of namespace sandboxes (`--network`) that are over: `reached`, or the rule that refused them",
    labels: ["outcome"],
    watch: "many refusals: code wants what `--network` does not allow; `limit`: one sandbox floods its way out",
  },
  networkBytes: {
    name: "msb_mcp_network_bytes_total",
    type: "counter",
    help: "Bytes that namespace sandboxes sent and received over connections that are over",
    labels: ["direction"],
    watch: "–",
  },
  requestsRefused: {
    name: "msb_mcp_requests_refused_total",
    type: "counter",
    help: "Requests answered with an HTTP error",
    labels: ["status", "reason"],
    watch: "401, 403: somebody tries, or a token has expired; 429, 503: the limits on requests are reached",
  },
  requestsFailed: {
    name: "msb_mcp_requests_failed_total",
    type: "counter",
    help: "Requests that failed unexpectedly",
    labels: [],
    watch: "anything but 0 is a fault of this program; `request.failed` in the log has the stack",
  },
  receivedBytes: {
    name: "msb_mcp_received_bytes_total",
    type: "counter",
    help: "Bytes of request bodies",
    labels: [],
    watch: "–",
  },
  sentBytes: {
    name: "msb_mcp_sent_bytes_total",
    type: "counter",
    help: "Bytes of answers, event streams once they are over",
    labels: [],
    watch: "–",
  },
  warnings: {
    name: "msb_mcp_warnings_total",
    type: "counter",
    help: "Warnings of the server in the log (`server.warning`, `template.refused`)",
    labels: [],
    watch: "a rise: read the log",
  },
  clusterStanding: {
    name: "msb_mcp_cluster_standing",
    type: "gauge",
    help: "1 for how this node stands with the registry of its cluster: its lease is held, the registry is unreachable, or the lease is lost",
    labels: ["standing"],
    watch:
      "`unreachable` or `lost` for over a minute: the way to the registry; `cluster.standing` in the log has the reason",
  },
  forwarded: {
    name: "msb_mcp_cluster_forwarded_total",
    type: "counter",
    help: "Calls that another node was asked about, and what came of it",
    labels: ["what", "outcome"],
    watch: "`unreachable` at a steady rate: the way between the nodes (`--cluster-address`)",
  },
  registryCalls: {
    name: "msb_mcp_registry_calls_total",
    type: "counter",
    help: "Calls to the registry of the cluster, and what came of them",
    labels: ["call", "outcome"],
    watch: "`unreachable`: the registry, or the way to it",
  },
  registrySeconds: {
    name: "msb_mcp_registry_call_seconds",
    type: "histogram",
    help: "How long a call to the registry took",
    labels: ["outcome"],
    watch: "a p99 above some milliseconds: the registry is too busy or too far",
  },
  residentMemory: {
    name: "msb_mcp_process_resident_memory_bytes",
    type: "gauge",
    help: "Memory of the server's process, its sandboxes not included",
    labels: [],
    watch: "growth over days at the same load",
  },
  heapMemory: {
    name: "msb_mcp_process_heap_bytes",
    type: "gauge",
    help: "Of that, JavaScript's heap in use",
    labels: [],
    watch: "growth over days at the same load",
  },
  startTime: {
    name: "msb_mcp_process_start_time_seconds",
    type: "gauge",
    help: "When the server started, seconds since the epoch",
    labels: [],
    watch: "a change that nobody made: it was restarted",
  },
} as const satisfies Readonly<Record<string, Metric>>;
