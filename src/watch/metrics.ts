// Events and a look at the server as Prometheus text. What is counted is fed by events; what is measured is handed in when somebody asks.

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { CallEnded, Emit, Event, ExecutionEnded } from "../events.ts";
import { CheapCounter } from "./metrics-counter.ts";
import {
  endReasons,
  type Metric,
  metricTable,
  phaseBucketsS,
  phases,
  registryBucketsS,
  sessionStates,
  standings,
} from "./metrics-table.ts";

/** The server as it is at the moment of a scrape. */
export type Snapshot = {
  readonly backend: string;
  readonly isBackendUp: boolean;
  readonly sessions: readonly { readonly status: string; readonly template: string }[];
  readonly counts: SessionCounts;
  readonly orphans: number;
  readonly memory: ProcessMemory;
};

export type SessionCounts = {
  readonly limit: number;
  /** New sessions that wait for room. */
  readonly waiting: number;
  /** What the sandboxes may use, by their flavors. */
  readonly memoryMib: number;
  /** Of it, that of sandboxes without a session. */
  readonly aheadMemoryMib?: number;
  readonly memoryLimitMib?: number | undefined;
};

export type ProcessMemory = { readonly residentBytes: number; readonly heapBytes: number };

export type Metrics = {
  readonly emit: Emit;
  /** The text of GET /metrics. */
  text(snapshot: Snapshot): Promise<string>;
};

export const metricsContentType: string = Registry.PROMETHEUS_CONTENT_TYPE;

export type MetricsOptions = {
  readonly version: string;
  readonly commit: string;
  readonly templates: readonly string[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
};

const bytesPerMib = 1024 * 1024;

type Handlers = {
  /** What each event changes; null for one that changes nothing. */
  readonly [Type in Event["type"]]: ((event: Extract<Event, { readonly type: Type }>) => void) | null;
};

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const settings = ({ name, help, labels }: Metric) => ({ name, help, labelNames: labels, registers: [registry] });
  const gauge = (metric: Metric) => new Gauge(settings(metric));
  const counters: CheapCounter[] = [];
  const counter = (metric: Metric) => {
    const cheap = new CheapCounter(new Counter(settings(metric)), metric.labels);
    counters.push(cheap);
    return cheap.add;
  };

  const { version, commit, templates, startedAt } = options;
  gauge(metricTable.buildInfo).set({ version, commit }, 1);
  const backendUp = gauge(metricTable.backendUp);
  const sessions = gauge(metricTable.sessions);
  const sessionsLimit = gauge(metricTable.sessionsLimit);
  const sessionsWaiting = gauge(metricTable.sessionsWaiting);
  const reservedMemory = gauge(metricTable.reservedMemory);
  const reservedMemoryLimit = gauge(metricTable.reservedMemoryLimit);
  const draining = gauge(metricTable.draining);
  const placesFree = gauge(metricTable.placesFree);
  const placesUsed = gauge(metricTable.placesUsed);
  let isDraining = false;
  const sessionsOpened = counter(metricTable.sessionsOpened);
  const sessionStartsFailed = counter(metricTable.sessionStartsFailed);
  const sessionsEnded = counter(metricTable.sessionsEnded);
  const evictions = counter(metricTable.evictions);
  const sessionsAdopted = counter(metricTable.sessionsAdopted);
  const admissionRefusals = counter(metricTable.admissionRefusals);
  const admissionWaits = counter(metricTable.admissionWaits);
  const orphans = gauge(metricTable.orphans);
  const orphanEvents = counter(metricTable.orphanEvents);
  const layers = counter(metricTable.layers);
  const cacheRemovals = counter(metricTable.cacheRemovals);
  const poolMisses = counter(metricTable.poolMisses);
  const poolBoots = counter(metricTable.poolBoots);
  const ledgerDegraded = gauge(metricTable.ledgerDegraded);
  const auditDegraded = gauge(metricTable.auditDegraded);
  const auditFailures = counter(metricTable.auditFailures);
  const auditLost = counter(metricTable.auditLost);
  const sandboxesLost = counter(metricTable.sandboxesLost);
  const executions = counter(metricTable.executions);
  const phaseSeconds = new Histogram({ ...settings(metricTable.phaseSeconds), buckets: phaseBucketsS });
  const sourceBytes = counter(metricTable.sourceBytes);
  const outputBytes = counter(metricTable.outputBytes);
  const truncatedBytes = counter(metricTable.truncatedBytes);
  const calls = counter(metricTable.calls);
  const transfers = counter(metricTable.transfers);
  const transferredBytes = counter(metricTable.transferredBytes);
  const networkConnections = counter(metricTable.networkConnections);
  const networkBytes = counter(metricTable.networkBytes);
  const requestsRefused = counter(metricTable.requestsRefused);
  const requestsFailed = counter(metricTable.requestsFailed);
  const receivedBytes = counter(metricTable.receivedBytes);
  const sentBytes = counter(metricTable.sentBytes);
  const clusterStanding = gauge(metricTable.clusterStanding);
  const stands = (now: (typeof standings)[number]) => {
    for (const standing of standings) clusterStanding.set({ standing }, standing === now ? 1 : 0);
  };
  const forwarded = counter(metricTable.forwarded);
  const registryCalls = counter(metricTable.registryCalls);
  const registrySeconds = new Histogram({ ...settings(metricTable.registrySeconds), buckets: registryBucketsS });
  const warnings = counter(metricTable.warnings);
  const residentMemory = gauge(metricTable.residentMemory);
  const heapMemory = gauge(metricTable.heapMemory);
  gauge(metricTable.startTime).set(startedAt / 1000);

  // There from the first scrape on, so that a rate over the first occurrence is not lost.
  for (const template of templates) for (const ahead of ["true", "false"]) sessionsOpened(0, template, ahead);
  for (const reason of endReasons) sessionsEnded(0, reason);
  for (const resource of ["sessions", "memory"]) evictions(0, "server", resource);
  for (const what of ["built", "failed", "removed"]) layers(0, what);
  for (const why of ["share", "total", "disk", "flood"]) cacheRemovals(0, why);
  for (const what of ["found", "removed", "kept"]) orphanEvents(0, what);
  for (const phase of phases) phaseSeconds.zero({ phase });

  const onExecution = (event: ExecutionEnded) => {
    executions(1, event.kind, event.ended, String(event.success));
    phaseSeconds.observe({ phase: "queue" }, event.queueMs / 1000);
    if (event.bootMs !== null) phaseSeconds.observe({ phase: "boot" }, event.bootMs / 1000);
    phaseSeconds.observe({ phase: "run" }, event.runMs / 1000);
    sourceBytes(Buffer.byteLength(event.source()), event.kind);
    outputBytes(event.stdoutBytes, "stdout");
    outputBytes(event.stderrBytes, "stderr");
    truncatedBytes(event.truncatedBytes);
  };
  const onCall = ({ tool, outcome, wireMs }: CallEnded) => {
    calls(1, tool, outcome);
    if (wireMs !== null) phaseSeconds.observe({ phase: "wire" }, wireMs / 1000);
  };
  const handlers: Handlers = {
    "server.listening": null,
    "server.limits": null,
    "server.refused": null,
    "template.refused": () => warnings(1),
    "interpreter.found": null,
    "layer.built": () => layers(1, "built"),
    "layer.failed": () => layers(1, "failed"),
    "layer.removed": () => layers(1, "removed"),
    "cache.removed": ({ why }) => cacheRemovals(1, why),
    "server.stopping": null,
    "drain.begun": () => {
      isDraining = true;
      draining.set(1);
    },
    "drain.taken_back": () => {
      isDraining = false;
      draining.set(0);
    },
    "sessions.kept": null,
    "server.warning": () => warnings(1),
    "session.opened": ({ template, isAhead }) => sessionsOpened(1, template, String(isAhead)),
    "session.failed": () => sessionStartsFailed(1),
    "session.evicted": ({ scope, resource }) => evictions(1, scope, resource),
    "session.closed": ({ reason }) => sessionsEnded(1, reason),
    "sandbox.adopted": ({ template }) => sessionsAdopted(1, template),
    "orphan.found": () => orphanEvents(1, "found"),
    "orphan.removed": () => orphanEvents(1, "removed"),
    "orphan.kept": () => orphanEvents(1, "kept"),
    "admission.refused": ({ scope, resource, isImpossible }) =>
      admissionRefusals(1, scope, resource, String(isImpossible)),
    "admission.waited": ({ admitted }) => admissionWaits(1, String(admitted)),
    "pool.filled": ({ template, flavor }) => poolBoots(1, template, flavor, "true"),
    "pool.missed": ({ template, flavor }) => poolMisses(1, template, flavor),
    "pool.failed": ({ template, flavor }) => poolBoots(1, template, flavor, "false"),
    "pool.lost": () => sandboxesLost(1),
    "ledger.degraded": () => ledgerDegraded.set(1),
    "ledger.restored": () => ledgerDegraded.set(0),
    "audit.failed": () => {
      auditFailures(1);
      auditDegraded.set(1);
    },
    "audit.restored": () => auditDegraded.set(0),
    "audit.lost": ({ executions: lost }) => auditLost(lost),
    "sandbox.lost": () => sandboxesLost(1),
    "execution.ended": onExecution,
    "call.ended": onCall,
    "transfer.ended": ({ direction, outcome, bytes }) => {
      transfers(1, direction, outcome);
      transferredBytes(bytes, direction);
    },
    "network.refused": ({ rule }) => networkConnections(1, rule),
    "network.closed": ({ sentBytes, receivedBytes }) => {
      networkConnections(1, "reached");
      networkBytes(sentBytes, "sent");
      networkBytes(receivedBytes, "received");
    },
    "cluster.joined": () => stands("held"),
    "cluster.refused": () => warnings(1),
    "cluster.standing": ({ standing }) => stands(standing),
    "cluster.forwarded": ({ what, outcome }) => forwarded(1, what, outcome),
    "registry.called": ({ call, outcome, durationMs }) => {
      registryCalls(1, call, outcome);
      registrySeconds.observe({ outcome }, durationMs / 1000);
    },
    "cancel.unmatched": null,
    "request.received": ({ bytes }) => receivedBytes(bytes),
    "response.sent": ({ bytes }) => sentBytes(bytes),
    "request.refused": ({ status, reason }) => requestsRefused(1, String(status), reason),
    "request.failed": () => requestsFailed(1),
  };

  return {
    emit: (event) => handle(handlers, event),
    async text(snapshot) {
      backendUp.set({ backend: snapshot.backend }, snapshot.isBackendUp ? 1 : 0);
      const { limit, waiting, memoryMib, aheadMemoryMib = 0, memoryLimitMib = 0 } = snapshot.counts;
      const ofSessions = (snapshot.sessions.length + waiting) / limit;
      const ofMemory = memoryLimitMib === 0 ? 0 : (memoryMib - aheadMemoryMib) / memoryLimitMib;
      sessionsLimit.set(limit);
      sessionsWaiting.set(waiting);
      placesFree.set(isDraining ? 0 : Math.max(0, limit - snapshot.sessions.length));
      placesUsed.set(Math.max(ofSessions, ofMemory, isDraining ? 1 : 0));
      reservedMemory.set(memoryMib * bytesPerMib);
      reservedMemoryLimit.set(memoryLimitMib * bytesPerMib);
      orphans.set(snapshot.orphans);
      residentMemory.set(snapshot.memory.residentBytes);
      heapMemory.set(snapshot.memory.heapBytes);
      sessions.reset();
      for (const template of templates) for (const state of sessionStates) sessions.set({ state, template }, 0);
      for (const { status, template } of snapshot.sessions) {
        sessions.inc({ state: status, template: templates.includes(template) ? template : "other" });
      }
      for (const cheap of counters) cheap.settle();
      return await registry.metrics();
    },
  };
}

/** The handler is looked up by the event's own type, which is more than TypeScript can follow. */
function handle<Type extends Event["type"]>(
  handlers: Handlers,
  event: Extract<Event, { readonly type: Type }> & { readonly type: Type },
): void {
  handlers[event.type]?.(event);
}
