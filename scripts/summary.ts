// The end of scripts/test: names what was skipped, counts everything in the last line, and gives the exit status.
// Usage: bun scripts/summary.ts PASSED FAILED SKIPPED [REPORT STATUS]…, with the counts of what is in no report, and for each run of `bun
// test` its JUnit file and exit status.

const [passedBefore = "", failedBefore = "", skippedBefore = "", ...runs] = process.argv.slice(2);

type Case = { readonly title: string; readonly skipped: boolean; readonly failed: boolean };

const cases: Case[] = [];
let failedOutside = 0;
for (let at = 0; at < runs.length; at += 2) {
  const [report = "", status = ""] = runs.slice(at, at + 2);
  const own = await casesOf(report);
  cases.push(...own);
  // An error outside of a test fails the run, but is no test of the report. So does a run that has left none.
  if (own.length === 0 || (status !== "0" && !own.some((test) => test.failed))) {
    failedOutside++;
    console.log(`\nFAILED: a run of tests ended with status ${status} outside of any test`);
  }
}
const skipped = cases.filter((test) => test.skipped);
const failedTests = cases.filter((test) => test.failed);
const failed = failedTests.length + failedOutside + Number(failedBefore);
const passed = cases.length - skipped.length - failedTests.length + Number(passedBefore);

if (failedTests.length > 0) console.log(`\nFailed:\n${lines(failedTests)}`);
if (skipped.length > 0) console.log(`\nSkipped on this machine:\n${lines(skipped)}`);
console.log(`\n${passed} passed, ${failed} failed, ${skipped.length + Number(skippedBefore)} skipped`);
process.exit(failed === 0 ? 0 : 1);

async function casesOf(report: string): Promise<readonly Case[]> {
  const file = Bun.file(report);
  const xml = (await file.exists()) ? await file.text() : "";
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
  return all.filter((test) => !(test.skipped && test.title.endsWith(" > (unnamed)")));
}

function attribute(attributes: string, name: string): string {
  const escaped = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return escaped
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}

function lines(tests: readonly Case[]): string {
  return tests.map((test) => `  ${test.title}`).join("\n");
}
