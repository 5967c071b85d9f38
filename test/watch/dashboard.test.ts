// scripts/grafana-dashboard.json asks only for what /metrics has, and docs/operate.md tells of everything that a label can say.

import { expect, test } from "bun:test";
import { join } from "node:path";
import dashboard from "../../scripts/grafana-dashboard.json" with { type: "json" };
import { failureTable } from "../../src/failure.ts";
import type { EndReason } from "../../src/sessions/endings.ts";
import type { Ended } from "../../src/sessions/executions/outcome.ts";
import type { SessionStatus } from "../../src/sessions/session.ts";
import { endReasons, type Metric, metricTable, sessionStates } from "../../src/watch/metrics-table.ts";

const everyMetric: readonly Metric[] = Object.values(metricTable);

const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

/** Labels that Prometheus adds, and those of histograms. */
const addedLabels = ["instance", "job", "le"];

test("every metric that the dashboard asks for is one of ours, by the name it has in /metrics", () => {
  const known = everyMetric.flatMap(({ name, type }) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [`${name}`],
  );
  const asked = queries.flatMap(({ expr }) => expr.match(/\bmsb_mcp_\w+/g) ?? []);
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter((name) => !known.includes(name))).toEqual([]);
});

test("every metric of ours is on the dashboard", () => {
  const all = queries.map(({ expr }) => expr).join("\n");
  expect(everyMetric.map(({ name }) => name).filter((name) => !all.includes(name))).toEqual([]);
});

test("every label that the dashboard groups or chooses by is one that the metric has", () => {
  const wrong = queries.filter(({ expr }) => {
    const metrics = everyMetric.filter(({ name }) => new RegExp(`\\b${name}(_bucket|_sum|_count)?\\b`).test(expr));
    const labels = [...metrics.flatMap((metric) => metric.labels), ...addedLabels];
    const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
    const chosen = [...expr.matchAll(/[{,](\w+)(?:=~|!~|!=|=)"/g)].map(([, label = ""]) => label);
    return [...grouped, ...chosen].some((label) => !labels.includes(label));
  });
  expect(wrong).toEqual([]);
});

test("every counter is asked for as a rate or an increase", () => {
  const counters = everyMetric.filter(({ type }) => type === "counter").map(({ name }) => name);
  const bare = queries.filter(({ expr }) =>
    counters.some((name) => expr.includes(name) && !new RegExp(`(rate|increase)\\(${name}\\{`).test(expr)),
  );
  expect(bare).toEqual([]);
});

test("no two panels have one id or lie on one another, and each says what it asks for", () => {
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  for (const panel of dashboard.panels) {
    expect(panel.title).not.toBe("");
    if (panel.type !== "row") expect(panel.targets?.length).toBeGreaterThan(0);
  }
});

/** All of them, as the types say. */
const endedValues: Readonly<Record<Ended | "failed", string>> = {
  exited: "",
  timed_out: "",
  canceled: "",
  signaled: "",
  out_of_memory: "",
  output_limit: "",
  interpreter_exited: "",
  failed: "",
};
const reasons: Readonly<Record<EndReason, string>> = { stopped: "", expired: "", evicted: "", lost: "", shutdown: "" };

const statuses: Readonly<Record<SessionStatus, string>> = { starting: "", ready: "", busy: "", stopping: "" };

test("the reasons and states that /metrics has from the start are all that there are", () => {
  expect(Object.keys(reasons).sort()).toEqual([...endReasons].sort());
  expect(Object.keys(statuses).sort()).toEqual([...sessionStates].sort());
});

test("the guide to operating explains every kind of failure that a call can come to", async () => {
  const guide = await operations();
  expect(Object.keys(failureTable).filter((kind) => !guide.includes(`\`${kind}\``))).toEqual([]);
});

test.each([
  ["how an execution ended", Object.keys(endedValues)],
  ["why a session ended", Object.keys(reasons)],
])("the guide to operating explains %s", async (_what, values) => {
  const guide = await operations();
  expect(values.filter((value) => !guide.includes(`| \`${value}\` |`))).toEqual([]);
});

function operations(): Promise<string> {
  return Bun.file(join(import.meta.dir, "../../docs/operate.md")).text();
}
