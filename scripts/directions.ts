// Holds every source against the table of directions (scripts/directions/table.ts). An import that it does not allow is an error.

import { Glob } from "bun";
import { problemsOf } from "./directions/check.ts";

const src = `${import.meta.dir}/../src`;
const files = [...new Glob("**/*.{ts,mts,cts,mjs,cjs}").scanSync(src)].sort();
const problems: string[] = [];
for (const file of files) problems.push(...problemsOf(file, await Bun.file(`${src}/${file}`).text()));

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`the imports of ${files.length} sources follow the directions`);
