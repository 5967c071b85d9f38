// The table of docs/reference/metrics.md.

import { type Metric, metricTable } from "../../src/watch/metrics-table.ts";
import { markdownTable } from "./markdown.ts";

export function metricsTable(): string {
  const rows = Object.values<Metric>(metricTable).map(({ name, type, labels, help, watch }) => [
    labels.length === 0 ? `\`${name}\`` : `\`${name}{${labels.join(", ")}}\``,
    type,
    help,
    watch,
  ]);
  return markdownTable(["metric", "type", "what it is", "what to watch"], rows);
}
