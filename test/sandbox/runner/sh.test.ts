// Shells that are not bash in the runner of bash, as an image may have no other: held against themselves, program by program, and what they keep.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anyShell } from "../../../src/sandbox/runner/bash/program.ts";
import { Prompt, spawnIn } from "./spawn.ts";

const patienceMs = 60_000;

const folder = mkdtempSync(join(tmpdir(), "sh-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Paths, by the name of the shell; those that this machine has. */
const shells = new Map<string, string>();
const dash = Bun.which("dash");
if (dash !== null) shells.set("dash", dash);
const busybox = Bun.which("busybox");
if (busybox !== null) {
  const ash = join(folder, "ash");
  symlinkSync(busybox, ash);
  shells.set("ash", ash);
}
for (const name of ["dash", "ash"])
  if (!shells.has(name)) test.skipIf(true)(`${name} as a language (it is not on this machine)`, () => undefined);

const programs = readFileSync(join(import.meta.dir, "bash-programs.txt"), "utf8")
  .replace(/\n$/, "")
  .split("\n# ---\n");
/** What a program leaves of itself that the next one must not find. */
const clean = "set +eufx; trap - TERM USR1; unset x y i line IFS; set --";

for (const [name, shell] of shells) {
  describe(name, () => {
    let prompt: Prompt;
    beforeAll(async () => {
      prompt = await Prompt.start("bash", spawnIn, shell);
    }, patienceMs);
    afterAll(() => prompt[Symbol.asyncDispose]());
    const printed = async (source: string) => (await prompt.run(source)).stdout;

    test("says once what it lacks", async () => {
      expect((await prompt.run(":")).notices).toEqual([expect.stringContaining("no bash in this sandbox")]);
      expect((await prompt.run(":")).notices).toBeUndefined();
    });

    test(
      "every program writes what it writes in the shell itself, and ends with the same status",
      async () => {
        const theirs = mkdtempSync(join(folder, "theirs-"));
        // Lines are counted from elsewhere in an eval of ash's.
        for (const source of programs.filter((program) => name !== "ash" || !program.includes("LINENO"))) {
          const env = { PATH: process.env.PATH ?? "", HOME: theirs };
          const own = Bun.spawnSync([shell, "-c", source, "sh"], { cwd: theirs, env, stdin: "ignore" });
          const parses = Bun.spawnSync([shell, "-n", "-c", source]).success;
          const ran = await prompt.run(source);
          expect({ source, stdout: ran.stdout, exitCode: ran.exitCode }).toEqual({
            source,
            stdout: parses ? own.stdout.toString() : "",
            exitCode: parses ? own.exitCode : 2,
          });
          expect({ source, isRestarted: ran.interpreterRestarted }).toEqual({ source, isRestarted: false });
          await prompt.run(clean);
        }
      },
      patienceMs,
    );

    test("keeps variables, folder, options and aliases over an exit, whatever its separators are; functions until then", async () => {
      await prompt.run(`x='two  words
lines'; export shown=yes; cd /usr; set -u; alias greet='echo hi'; f() { echo f; }; IFS=,`);
      expect(await printed("f")).toBe("f\n");
      expect((await prompt.run("exit 3")).exitCode).toBe(3);
      expect(await printed('echo "$? $x $PWD $-"; env | grep ^shown; greet')).toMatch(
        /^3 two {2}words\nlines \/usr \w*u\w*\nshown=yes\nhi\n$/,
      );
      await prompt.run(`${clean}; unalias greet`);
    });

    test("keeps its state over an interrupt, and a trap on INT has it first", async () => {
      await prompt.run("kept=1");
      const more = { interruptGraceMs: 30_000 };
      for (const source of ["echo on; while :; do :; done", "echo on; sleep 300; echo no"]) {
        const ran = await prompt.interruptAfterOutput(source, undefined, more);
        expect(ran).toMatchObject({ ended: "interrupted", stdout: "on\n", interpreterRestarted: false });
      }
      const source = "over=; trap 'echo caught; over=1' INT; echo on; until [ $over ]; do sleep 0.01; done";
      expect((await prompt.interruptAfterOutput(source, undefined, more)).stdout).toStartWith("on\ncaught\n");
      expect(await printed("trap - INT; echo $kept")).toBe("1\n");
    });

    test("runs a trap on EXIT once, at the end of the run that set it, and its exit counts", async () => {
      expect(await prompt.run("trap 'echo bye; exit 6' EXIT; echo on")).toMatchObject({
        stdout: "on\nbye\n",
        exitCode: 6,
      });
      expect(await prompt.run("echo next")).toMatchObject({ stdout: "next\n", exitCode: 0 });
    });

    test("runs a source of a mebibyte", async () => {
      expect(await printed(`echo first\n${`# ${"ä".repeat(50)}\n`.repeat(10_200)}echo last`)).toBe("first\nlast\n");
    });

    test("reads what is written to a run, and nothing of it is left for the next", async () => {
      const given = async (text: string) => {
        let stdout = "";
        await prompt.interpreter.run({
          source: "cat",
          signal: new AbortController().signal,
          stdin: "open",
          onOutput: (_, bytes) => {
            stdout += Buffer.from(bytes).toString();
          },
          onStarted: ({ write, closeInput }) => {
            void write(text);
            closeInput();
          },
        });
        return stdout;
      };
      const long = "a\\n\0äö%\n".repeat(20_000);
      expect(await given(long)).toBe(long);
      expect(await given("second\n")).toBe("second\n");
      expect(await printed("cat")).toBe("");
    });
  });
}

test("a guest's bash is taken, and its sh where it has none", async () => {
  const bin = mkdtempSync(join(folder, "bin-"));
  const withoutBash = (directory: string): ReturnType<typeof spawnIn> => {
    const spawn = spawnIn(directory);
    return (argv, options) => spawn(argv, { ...options, env: { ...options.env, PATH: bin } });
  };
  for (const name of ["cat", "dd", "grep", "mkdir", "mkfifo", "rm", "rmdir", "sleep", "sh"]) {
    symlinkSync(Bun.which(name) ?? name, join(bin, name));
  }
  await using bash = await Prompt.start("bash", spawnIn, anyShell);
  expect((await bash.run("list=(1 2); echo $((list[1]))")).stdout).toBe("2\n");
  await using sh = await Prompt.start("bash", withoutBash, anyShell);
  expect(await sh.run("echo here")).toMatchObject({ stdout: "here\n", notices: [expect.stringContaining("no bash")] });
});
