// Writes the generated parts of README.md: the table of options, between its two markers.
// Usage: bun scripts/readme.ts [--check]; with --check nothing is written, and a part that is out of date is an error.

import { markdownTable } from "../src/config/help.ts";

const readme = Bun.file(`${import.meta.dir}/../README.md`);
const start = "<!-- options:start -->";
const end = "<!-- options:end -->";

const text = await readme.text();
const [before, rest] = halves(text, start);
const [, after] = halves(rest, end);
const current = `${before}${start}\n\n${markdownTable()}\n\n${end}${after}`;

if (current === text) {
  console.log("README.md is up to date");
} else if (process.argv.includes("--check")) {
  console.error("README.md: the table of options is out of date; run: bun scripts/readme.ts");
  process.exit(1);
} else {
  await readme.write(current);
  console.log("README.md was brought up to date");
}

function halves(whole: string, marker: string): readonly [string, string] {
  const at = whole.indexOf(marker);
  if (at < 0 || whole.indexOf(marker, at + 1) >= 0) {
    console.error(`README.md: ${marker} must be there once`);
    process.exit(1);
  }
  return [whole.slice(0, at), whole.slice(at + marker.length)];
}
