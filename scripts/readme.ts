// Writes the generated parts of README.md, each between its two markers: the table of options, the table of metrics.
// Usage: bun scripts/readme.ts [--check]; with --check nothing is written, and a part that is out of date is an error.

import { markdownTable } from "../src/config/help.ts";
import { type Metric, metricTable } from "../src/metrics-table.ts";

const readme = Bun.file(`${import.meta.dir}/../README.md`);
const text = await readme.text();
const current = withPart(
  withPart(text, "options", markdownTable()),
  "metrics",
  metricsTable(Object.values(metricTable)),
);

if (current === text) {
  console.log("README.md is up to date");
} else if (process.argv.includes("--check")) {
  console.error("README.md: a generated part is out of date; run: bun scripts/readme.ts");
  process.exit(1);
} else {
  await readme.write(current);
  console.log("README.md was brought up to date");
}

function metricsTable(metrics: readonly Metric[]): string {
  const rows = metrics.map(({ name, type, labels, help, watch }) => {
    const shown = labels.length === 0 ? `\`${name}\`` : `\`${name}{${labels.join(", ")}}\``;
    return `| ${shown} | ${type} | ${help} | ${watch} |`;
  });
  return ["| metric | type | what it is | what to watch |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function withPart(whole: string, name: string, part: string): string {
  const start = `<!-- ${name}:start -->`;
  const end = `<!-- ${name}:end -->`;
  const [before, rest] = halves(whole, start);
  const [, after] = halves(rest, end);
  return `${before}${start}\n\n${part}\n\n${end}${after}`;
}

function halves(whole: string, marker: string): readonly [string, string] {
  const at = whole.indexOf(marker);
  if (at < 0 || whole.indexOf(marker, at + 1) >= 0) {
    console.error(`README.md: ${marker} must be there once`);
    process.exit(1);
  }
  return [whole.slice(0, at), whole.slice(at + marker.length)];
}
