// What `promtool check metrics` would say of a Prometheus text, for tests: the format by a parser from npm, the rules of names by hand.

import parse from "parse-prometheus-text-format";

export type Series = { readonly name: string; readonly labels: string; readonly value: number };

/** Every sample line, buckets, sums and counts included. */
export function seriesOf(text: string): readonly Series[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name, labels = "", value] = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`not a sample: ${line}`);
      return { name, labels, value: Number(value) };
    });
}

/** The value of one series; `labels` as it stands in the text. */
export function valueIn(text: string | readonly Series[], name: string, labels = ""): number | undefined {
  const series = typeof text === "string" ? seriesOf(text) : text;
  return series.find((series) => series.name === name && series.labels === labels)?.value;
}

/** What is wrong with the text, a sentence each; none if it is well. */
export function problemsOf(text: string): readonly string[] {
  const problems: string[] = [];
  const families = parse(text);
  const names = families.map(({ name }) => name);
  const series = seriesOf(text);
  if (!text.endsWith("\n")) problems.push("the last line has no end");
  if (new Set(names).size !== names.length) problems.push("a metric is there twice");
  const identities = series.map(({ name, labels }) => `${name}${labels}`);
  for (const [at, identity] of identities.entries()) {
    if (identities.indexOf(identity) !== at) problems.push(`${identity} is there twice`);
  }
  for (const { name, help, type } of families) {
    if (help === "") problems.push(`${name} has no HELP`);
    if (!text.includes(`# TYPE ${name} `)) problems.push(`${name} has no TYPE`);
    problems.push(...namingProblems(name, type).map((problem) => `${name} ${problem}`));
    if (type === "HISTOGRAM") problems.push(...bucketProblems(name, series));
  }
  for (const { name, value } of series) {
    const family = name.replace(/_(bucket|sum|count)$/, "");
    if (!names.includes(name) && !names.includes(family)) problems.push(`${name} belongs to no metric`);
    if (Number.isNaN(value)) problems.push(`${name} has no number`);
  }
  return problems;
}

/** As promlint has it. */
function namingProblems(name: string, type: string): readonly string[] {
  const problems: string[] = [];
  if (!/^[a-z][a-z0-9_]*$/.test(name)) problems.push("is not snake_case");
  if (type === "COUNTER" && !name.endsWith("_total")) problems.push("is a counter without _total");
  if (type !== "COUNTER" && name.endsWith("_total")) problems.push("ends with _total and is no counter");
  if (/_(bucket|sum|count)$/.test(name)) problems.push("ends as a part of a histogram");
  if (/_(counter|gauge|histogram|summary)(_|$)/.test(name)) problems.push("has its type in its name");
  const unit = /_(milliseconds|ms|minutes|hours|days|kilobytes|kb|megabytes|mb|mib|bits|percent)(_total)?$/.exec(name);
  if (unit !== null) problems.push(`is in ${unit[1]}, not in a base unit`);
  return problems;
}

function bucketProblems(name: string, series: readonly Series[]): readonly string[] {
  const problems: string[] = [];
  const buckets = series.filter((one) => one.name === `${name}_bucket`);
  const groups = Map.groupBy(buckets, ({ labels }) => labels.replace(/le="[^"]*",?/, "").replace(",}", "}"));
  for (const [labels, members] of groups) {
    const bounds = members.map((member) =>
      Number(/le="([^"]*)"/.exec(member.labels)?.[1]?.replace("+Inf", "Infinity")),
    );
    const counts = members.map(({ value }) => value);
    const inAll = valueIn(series, `${name}_count`, labels);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) problems.push(`${name}${labels} does not end with +Inf`);
    if (!isAscending(bounds) || !isAscending(counts)) problems.push(`${name}${labels} has buckets that do not add up`);
    if (inAll !== counts.at(-1)) problems.push(`${name}${labels} has another count in +Inf than in _count`);
    if (valueIn(series, `${name}_sum`, labels) === undefined) problems.push(`${name}${labels} has no _sum`);
  }
  return problems;
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => number >= (numbers[at - 1] ?? Number.NEGATIVE_INFINITY));
}
