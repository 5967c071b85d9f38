// Writes the generated parts of README.md and docs/, each between its two markers: <!-- NAME:start --> and <!-- NAME:end -->.
// Usage: bun scripts/docs.ts [--check]; with --check nothing is written, and a part that is out of date is an error.

import { generatedParts, type Part } from "./docs/parts.ts";

const root = `${import.meta.dir}/..`;
const byFile = Map.groupBy(await generatedParts(), ({ file }) => file);
const isCheck = process.argv.includes("--check");
const stale: string[] = [];

for (const [name, parts] of byFile) {
  const file = Bun.file(`${root}/${name}`);
  const text = await file.text();
  const current = parts.reduce(withPart, text);
  if (current === text) continue;
  stale.push(name);
  if (!isCheck) await file.write(current);
}

if (stale.length === 0) {
  console.log(`the generated parts of ${byFile.size} documents are up to date`);
} else if (isCheck) {
  console.error(`${stale.join(", ")}: a generated part is out of date; run: bun scripts/docs.ts`);
  process.exit(1);
} else {
  console.log(`brought up to date: ${stale.join(", ")}`);
}

function withPart(whole: string, { file, name, text }: Part): string {
  const start = `<!-- ${name}:start -->`;
  const end = `<!-- ${name}:end -->`;
  const [before, rest] = halves(file, whole, start);
  const [, after] = halves(file, rest, end);
  return `${before}${start}\n\n${text}\n\n${end}${after}`;
}

function halves(file: string, whole: string, marker: string): readonly [string, string] {
  const at = whole.indexOf(marker);
  if (at < 0 || whole.indexOf(marker, at + 1) >= 0) {
    console.error(`${file}: ${marker} must be there once`);
    process.exit(1);
  }
  return [whole.slice(0, at), whole.slice(at + marker.length)];
}
