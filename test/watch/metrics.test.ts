import { describe, expect, test } from "bun:test";
import type { Event } from "../../src/events.ts";
import { createMetrics, type Snapshot } from "../../src/watch/metrics.ts";
import { type Metric, metricTable } from "../../src/watch/metrics-table.ts";
import { sampleEvents } from "../fakes/events.ts";
import { problemsOf, seriesOf, valueIn } from "./exposition.ts";

const everyEvent: readonly Event[] = Object.values(sampleEvents);
const everyMetric: readonly Metric[] = Object.values(metricTable);

/** Series that there may be, however odd the inputs: the phases' buckets, and what a few dozen fixed values of each label make. */
const mostSeries = 3000;

test("the text is what Prometheus reads, before anything has happened and after everything has", async () => {
  const metrics = create();
  expect(problemsOf(await metrics.text(snapshot()))).toEqual([]);
  for (const event of everyEvent) metrics.emit(event);
  expect(problemsOf(await metrics.text(snapshot()))).toEqual([]);
});

test("every metric of the table is in the text with its type, and no other", async () => {
  const text = await create().text(snapshot());
  const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name, type }));
  expect(told.sort(byName)).toEqual(
    everyMetric.map(({ name, type }) => ({ name: `${name}`, type: `${type}` })).sort(byName),
  );
});

test("every event but the start and the end of the server and a notice that belongs to nothing changes a metric", async () => {
  const silent: string[] = [];
  for (const event of everyEvent) {
    const metrics = create();
    if (event.type === "ledger.restored") metrics.emit(sampleEvents["ledger.degraded"]);
    if (event.type === "drain.taken_back") metrics.emit(sampleEvents["drain.begun"]);
    if (event.type === "audit.restored") metrics.emit(sampleEvents["audit.failed"]);
    const before = await metrics.text(snapshot());
    metrics.emit(event);
    if ((await metrics.text(snapshot())) === before) silent.push(event.type);
  }
  expect(silent).toEqual([
    "server.listening",
    "server.refused",
    "cancel.unmatched",
    "server.limits",
    "interpreter.found",
    "server.stopping",
    "sessions.kept",
  ]);
});

describe("an execution is counted", () => {
  test("by its kind and how it ended", async () => {
    expect(
      valueIn(await after(execution()), "msb_mcp_executions_total", '{kind="code",ended="exited",success="true"}'),
    ).toBe(1);
  });

  test("with the seconds of each phase, those of the wire from its call", async () => {
    const text = await after(execution(), sampleEvents["call.ended"]);
    const sums = ["queue", "boot", "run", "wire"].map((phase) =>
      valueIn(text, "msb_mcp_execution_phase_seconds_sum", `{phase="${phase}"}`),
    );
    expect(sums).toEqual([0.0015, 0.8125, 0.02, 0.00216]);
  });

  test("without a boot if its sandbox was there", async () => {
    const text = await after(execution({ bootMs: null }));
    expect(valueIn(text, "msb_mcp_execution_phase_seconds_count", '{phase="boot"}')).toBe(0);
    expect(valueIn(text, "msb_mcp_execution_phase_seconds_count", '{phase="run"}')).toBe(1);
  });

  test("with the bytes that went in and came out", async () => {
    const text = await after(execution({ stdoutBytes: 70, stderrBytes: 7, truncatedBytes: 5, source: () => "ü" }));
    expect(valueIn(text, "msb_mcp_execution_source_bytes_total", '{kind="code"}')).toBe(2);
    expect(valueIn(text, "msb_mcp_execution_output_bytes_total", '{stream="stdout"}')).toBe(70);
    expect(valueIn(text, "msb_mcp_execution_output_bytes_total", '{stream="stderr"}')).toBe(7);
    expect(valueIn(text, "msb_mcp_execution_output_truncated_bytes_total")).toBe(5);
  });
});

test("connections of sandboxes are counted by the rule that refused them, or as reached with their bytes", async () => {
  const metrics = create();
  metrics.emit(sampleEvents["network.closed"]);
  metrics.emit(sampleEvents["network.refused"]);
  const text = await metrics.text(snapshot());
  expect(valueIn(text, "msb_mcp_network_connections_total", '{outcome="reached"}')).toBe(1);
  expect(valueIn(text, "msb_mcp_network_connections_total", '{outcome="name"}')).toBe(1);
  expect(valueIn(text, "msb_mcp_network_bytes_total", '{direction="received"}')).toBe(21_000);
});

test("sessions are shown by state and template, and those that are gone are not", async () => {
  const metrics = create();
  const busy = { status: "busy", template: "node" };
  const text = await metrics.text(snapshot({ sessions: [busy, busy, { status: "ready", template: "python" }] }));
  expect(valueIn(text, "msb_mcp_sessions", '{state="busy",template="node"}')).toBe(2);
  expect(valueIn(text, "msb_mcp_sessions", '{state="ready",template="python"}')).toBe(1);
  const later = await metrics.text(snapshot());
  expect(valueIn(later, "msb_mcp_sessions", '{state="busy",template="node"}')).toBe(0);
});

test("room is shown as what is taken, what there is and who waits", async () => {
  const counts = { limit: 10, waiting: 2, memoryMib: 3072, memoryLimitMib: 4096 };
  const text = await create().text(snapshot({ counts }));
  expect(valueIn(text, "msb_mcp_sessions_limit")).toBe(10);
  expect(valueIn(text, "msb_mcp_sessions_waiting")).toBe(2);
  expect(valueIn(text, "msb_mcp_reserved_memory_bytes")).toBe(3 * 2 ** 30);
  expect(valueIn(text, "msb_mcp_reserved_memory_limit_bytes")).toBe(4 * 2 ** 30);
});

test("the backend is up or not", async () => {
  const metrics = create();
  const up = async (isBackendUp: boolean) =>
    valueIn(await metrics.text(snapshot({ isBackendUp })), "msb_mcp_backend_up", '{backend="fake"}');
  expect([await up(true), await up(false)]).toEqual([1, 0]);
});

describe("a flood of odd inputs", () => {
  const odd = (nth: number) => `odd-${nth} "\\\n{}=,\u0000\u{1f4a5}`;

  async function flooded(): Promise<string> {
    const metrics = create();
    for (let nth = 0; nth < 5000; nth++) {
      const text = odd(nth);
      metrics.emit({ type: "request.refused", reason: text, status: 400 });
      metrics.emit({ ...sampleEvents["call.ended"], tool: text, outcome: text, principal: `principal-${nth}` });
      metrics.emit(execution({ ended: text, sessionId: `session-${nth}`, principal: `principal-${nth}` }));
      metrics.emit({ ...sampleEvents["session.opened"], template: text, sessionId: `session-${nth}` });
      metrics.emit({ ...sampleEvents["session.failed"], reason: text });
      metrics.emit({ type: "server.warning", message: text });
    }
    const sessions = Array.from({ length: 5000 }, (_, nth) => ({ status: "ready", template: odd(nth) }));
    return await metrics.text(snapshot({ sessions }));
  }

  test("leaves the text valid and its series few", async () => {
    const text = await flooded();
    expect(problemsOf(text)).toEqual([]);
    expect(seriesOf(text).length).toBeLessThan(mostSeries);
  });

  test("is still counted in full", async () => {
    const refused = seriesOf(await flooded()).filter(({ name }) => name === "msb_mcp_requests_refused_total");
    expect(refused.reduce((sum, { value }) => sum + value, 0)).toBe(5000);
  });
});

test("no session and no principal has a name in the text", async () => {
  const text = await after(...everyEvent);
  expect(text).not.toContain("session-1");
  expect(text).not.toContain("alice");
});

function create() {
  return createMetrics({
    version: "1.2.3",
    commit: "abc",
    templates: ["python", "node"],
    startedAt: 1_700_000_000_000,
  });
}

async function after(...events: readonly Event[]): Promise<string> {
  const metrics = create();
  for (const event of events) metrics.emit(event);
  return await metrics.text(snapshot());
}

function execution(more: Partial<(typeof sampleEvents)["execution.ended"]> = {}) {
  return { ...sampleEvents["execution.ended"], ...more };
}

function snapshot(more: Partial<Snapshot> = {}): Snapshot {
  return {
    backend: "fake",
    isBackendUp: true,
    sessions: [],
    counts: { limit: 10, waiting: 0, memoryMib: 0 },
    orphans: 0,
    memory: { residentBytes: 64_000_000, heapBytes: 32_000_000 },
    ...more,
  };
}

function byName(a: { readonly name?: string | undefined }, b: { readonly name?: string | undefined }): number {
  return (a.name ?? "").localeCompare(b.name ?? "");
}

test("how a node stands with its registry is one of three, and what is told of a cluster is not there without one", async () => {
  const metrics = create();
  expect(await metrics.text(snapshot())).not.toMatch(/^msb_mcp_(cluster_|registry_)/m);
  metrics.emit(sampleEvents["cluster.joined"]);
  metrics.emit({ type: "cluster.standing", standing: "unreachable", why: "no answer" });
  const text = await metrics.text(snapshot());
  const standings = ["held", "unreachable", "lost"].map((standing) =>
    valueIn(text, "msb_mcp_cluster_standing", `{standing="${standing}"}`),
  );
  expect(standings).toEqual([0, 1, 0]);
});

test("how much of the room is taken goes by sessions or by memory, counts those that wait, and is all of it while the server drains", async () => {
  const metrics = create();
  const used = async (more: Partial<Snapshot> = {}) =>
    valueIn(await metrics.text(snapshot(more)), "msb_mcp_places_used_ratio");
  const sessions = [{ status: "ready", template: "python" } as const];
  expect(await used()).toBe(0);
  expect(await used({ sessions })).toBe(0.1);
  expect(await used({ sessions, counts: { limit: 1, waiting: 2, memoryMib: 1024 } })).toBe(3);
  const byMemory = { limit: 10, waiting: 0, memoryMib: 4096, aheadMemoryMib: 1024, memoryLimitMib: 4096 };
  expect(await used({ sessions, counts: byMemory })).toBe(0.75);
  metrics.emit(sampleEvents["drain.begun"]);
  expect(await used({ sessions })).toBe(1);
});

test("the places that are free are none while the server drains", async () => {
  const metrics = create();
  const free = async () => valueIn(await metrics.text(snapshot()), "msb_mcp_places_free");
  const before = await free();
  expect(before).toBeGreaterThan(0);
  metrics.emit(sampleEvents["drain.begun"]);
  expect(await free()).toBe(0);
  metrics.emit(sampleEvents["drain.taken_back"]);
  expect(await free()).toBe(before);
});
