// All tests of scripts/test but the live ones, in two runs of `bun test` beside each other: they wait for most of their time. Not by a shell, in
// whose background no program hears an interrupt.
// Usage: bun scripts/tests.ts FOLDER [ARGUMENT…], with the folder for what each run leaves, NAME.xml and NAME.status, and arguments for `bun test`:
// with any, there is one run.

import { openSync } from "node:fs";
import { join } from "node:path";

const [folder = "", ...more] = process.argv.slice(2);

/** About half of all, by the time that they take. */
const half = "test/sandbox";
/** A test's patience. It only ends what would never end. */
const patienceMs = 180_000;

const children: Bun.Subprocess[] = [];
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const child of children) child.kill(signal);
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
}

if (more.length > 0) {
  await run("tests", more, "inherit");
} else {
  const log = join(folder, "beside.log");
  const [rest, beside] = [[`--path-ignore-patterns=${half}/**`], [`${half}/`]];
  await Promise.all([run("tests", rest, "inherit"), run("beside", beside, openSync(log, "w"))]);
  await Bun.write(Bun.stdout, Bun.file(log));
}

/** `bun test`, both of whose streams go to `output`. */
async function run(name: string, argv: readonly string[], output: "inherit" | number): Promise<void> {
  const report = ["--reporter=junit", `--reporter-outfile=${join(folder, `${name}.xml`)}`];
  const child = Bun.spawn([process.execPath, "--no-env-file", "test", `--timeout=${patienceMs}`, ...report, ...argv], {
    stdio: ["inherit", output, output],
  });
  children.push(child);
  await Bun.write(join(folder, `${name}.status`), `${await child.exited}\n`);
}
