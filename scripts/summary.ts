// The end of scripts/test: names what was skipped, counts everything in the last line, and gives the exit status.
// Usage: bun scripts/summary.ts REPORT STATUS PASSED FAILED, with `bun test`'s JUnit file and exit status, and the counts of other checks.

const [report = "", status = "", passedBefore = "", failedBefore = ""] = process.argv.slice(2);

const xml = await Bun.file(report).text();
const all = [...xml.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)].map(
  ([, attributes = "", body = ""]) => ({
    title: [attribute(attributes, "file"), attribute(attributes, "classname"), attribute(attributes, "name")]
      .filter((part) => part !== "")
      .join(" > "),
    skipped: body.includes("<skipped"),
    failed: /<(?:failure|error)[ >]/.test(body),
  }),
);

// A skipped hook is in the report too, and is no test.
const cases = all.filter((test) => !(test.skipped && test.title.endsWith(" > (unnamed)")));
const skipped = cases.filter((test) => test.skipped);
const failedTests = cases.filter((test) => test.failed);
// An error outside of a test fails the run, but is no test of the report.
const failedOutside = status !== "0" && failedTests.length === 0 ? 1 : 0;
const failed = failedTests.length + failedOutside + Number(failedBefore);
const passed = cases.length - skipped.length - failedTests.length + Number(passedBefore);

if (failedOutside > 0) console.log(`\nFAILED: bun test ended with status ${status} outside of any test`);
if (failedTests.length > 0) console.log(`\nFailed:\n${lines(failedTests)}`);
if (skipped.length > 0) console.log(`\nSkipped on this machine:\n${lines(skipped)}`);
console.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`);
process.exit(failed === 0 ? 0 : 1);

function attribute(attributes: string, name: string): string {
  const escaped = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return escaped
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}

function lines(tests: readonly { readonly title: string }[]): string {
  return tests.map((test) => `  ${test.title}`).join("\n");
}
