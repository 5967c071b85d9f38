import { expect, test } from "bun:test";
import { problemsOf } from "./exposition.ts";

const well = `# HELP a_total A counter
# TYPE a_total counter
a_total{x="y"} 1

# HELP b_seconds A histogram
# TYPE b_seconds histogram
b_seconds_bucket{le="1",x="y"} 1
b_seconds_bucket{le="+Inf",x="y"} 2
b_seconds_sum{x="y"} 3
b_seconds_count{x="y"} 2
`;

test("what is well has no problems", () => {
  expect(problemsOf(well)).toEqual([]);
});

test.each<readonly [string, string, string]>([
  ["a counter without _total", "a_total", "a_count_of_things"],
  ["a metric in milliseconds", "b_seconds", "b_milliseconds"],
  ["a metric without HELP", "# HELP a_total A counter\n", ""],
  ["a metric without TYPE", "# TYPE a_total counter\n", ""],
  ["a series that is there twice", 'a_total{x="y"} 1\n', 'a_total{x="y"} 1\na_total{x="y"} 2\n'],
  ["a value that is no number", 'a_total{x="y"} 1', 'a_total{x="y"} NaN'],
  ["a histogram without +Inf", 'b_seconds_bucket{le="+Inf",x="y"} 2\n', ""],
  ["a histogram whose buckets shrink", 'le="1",x="y"} 1', 'le="1",x="y"} 3'],
  ["a histogram whose count is another", 'b_seconds_count{x="y"} 2', 'b_seconds_count{x="y"} 1'],
  ["a last line without an end", 'b_seconds_count{x="y"} 2\n', 'b_seconds_count{x="y"} 2'],
])("%s is a problem", (_what, before, after) => {
  expect(problemsOf(well.replaceAll(before, after))).not.toEqual([]);
});

test("a line that is not of the format is refused", () => {
  expect(() => problemsOf(well.replace('{x="y"}', '{x="y"'))).toThrow();
});
