// What a run has changed, told by the interpreter's own program.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Beginning } from "../../../src/sandbox/runner/changes.ts";
import { Prompt } from "./spawn.ts";

type Sources = {
  readonly language: "python" | "node";
  readonly write: (path: string, text: string) => string;
  readonly shell: (line: string) => string;
  readonly nothing: string;
  /** Replaces what a look could be made with. */
  readonly spoil: string;
  readonly forever: (before: string) => string;
  /** Soon after the run, the main thread writes a byte to this file, and comes to no end. */
  readonly later: (path: string) => string;
};

const languages: readonly Sources[] = [
  {
    language: "python",
    write: (path, text) => `with open(${JSON.stringify(path)}, "w") as f: _ = f.write(${JSON.stringify(text)})`,
    shell: (line) => `import subprocess; _ = subprocess.run(["/bin/sh", "-c", ${JSON.stringify(line)}], check=True)`,
    nothing: "1 + 1",
    spoil:
      "import os, time, posix, builtins\nos.scandir = posix.scandir = os.lstat = time.time_ns = time.clock_gettime_ns = time.monotonic = None\n" +
      "builtins.sorted = builtins.any = builtins.len = None",
    forever: (before) => `${before}\nwhile True: pass`,
    later: (path) =>
      `import signal\ndef busy(*_):\n    with open(${JSON.stringify(path)}, "w") as f: f.write("1")\n    while True: pass\n` +
      "_ = signal.signal(signal.SIGALRM, busy)\n_ = signal.setitimer(signal.ITIMER_REAL, 0.05)",
  },
  {
    language: "node",
    write: (path, text) => `void require("fs").writeFileSync(${JSON.stringify(path)}, ${JSON.stringify(text)})`,
    shell: (line) => `void require("child_process").execFileSync("/bin/sh", ["-c", ${JSON.stringify(line)}])`,
    nothing: "1 + 1",
    spoil:
      'var fs = require("fs"); for (const name of ["readdirSync", "lstatSync", "opendirSync"]) fs[name] = null;\n' +
      "fs.Dir.prototype.readSync = null; Array.prototype.sort = Array.prototype.push = Array.prototype[Symbol.iterator] = null;\n" +
      "String.prototype.includes = String.prototype.startsWith = null; Date.now = null; void 0",
    forever: (before) => `${before}\nfor (;;);`,
    later: (path) =>
      `void setInterval(() => { require("fs").writeFileSync(${JSON.stringify(path)}, "1"); for (;;); }, 50).unref()`,
  },
];

for (const { language, write, shell, nothing, spoil, forever, later } of languages) {
  describe(`in ${language}`, () => {
    let prompt: Prompt;
    beforeAll(async () => {
      prompt = await Prompt.start(language);
    });
    afterAll(() => prompt[Symbol.asyncDispose]());

    const changesOf = async (source: string) => {
      const { success, stderr, changes } = await prompt.run(source);
      expect({ source, success, stderr }).toEqual({ source, success: true, stderr: "" });
      return changes;
    };
    const told = (...files: readonly (readonly [string, number])[]) => ({
      files: files.map(([path, sizeBytes]) => ({ path, sizeBytes })),
      isComplete: true,
    });

    test("files that were made and changed are told once, with their sizes, and none where nothing was", async () => {
      expect(await changesOf(nothing)).toEqual(told());
      expect(await changesOf(`${write("b.txt", "123")}\n${write("a.txt", "1")}`)).toEqual(
        told(["a.txt", 1], ["b.txt", 3]),
      );
      expect(await changesOf(nothing)).toEqual(told());
      expect(await changesOf(shell("printf more >> a.txt"))).toEqual(told(["a.txt", 5]));
      expect(await changesOf(nothing)).toEqual(told());
    });

    test("what was renamed counts under its new name; what was only read, deleted or has always been there does not", async () => {
      const outside = join(prompt.directory, "..", `moved-${language}-${process.pid}`);
      writeFileSync(outside, "moved");
      expect(await changesOf(shell("printf one > old; printf two > gone; printf three > stays"))).toMatchObject({
        isComplete: true,
      });
      expect(await changesOf(shell(`mv old new; rm gone; cat stays; mv ${outside} moved`))).toEqual(
        told(["moved", 5], ["new", 3]),
      );
    });

    test("folders are looked into, but for those of tools; links, pipes and folders are no files", async () => {
      const made =
        "mkdir -p a/b node_modules/x .git .cache __pycache__ env/lib tagged; for f in a/b/1 node_modules/x/1 .git/1 .cache/1 __pycache__/1 env/lib/1 env/pyvenv.cfg tagged/1 tagged/CACHEDIR.TAG .env; do printf 1 > $f; done; ln -s /etc/passwd link; mkfifo pipe";
      expect(await changesOf(shell(made))).toEqual(told([".env", 1], ["a/b/1", 1]));
    });

    test("names of every kind are told as they are", async () => {
      const name = "two\nlines 'q' \"d\" \u00e9 \u{1f480} \ufffd";
      expect(
        await changesOf(shell(`mkdir odd; cd odd; printf 1 > ${quoted(name)}; printf 1 > "$(printf 'a\\377b')"`)),
      ).toEqual(told(["odd/a\udcffb", 1], [`odd/${name}`, 1]));
      expect(await changesOf(shell(`cd odd; d="$(printf 'd\\377')"; mkdir "$d"; printf 22 > "$d/x"`))).toEqual(
        told(["odd/d\udcff/x", 2]),
      );
    });

    test("of many files a hundred are told, and of too many that not all have been looked at", async () => {
      await changesOf(shell("mkdir many; cd many; for i in $(seq 150); do : > f$i; done"));
      const { changes } = await prompt.run(shell("cd many; for i in $(seq 150); do : > f$i; done"));
      expect(changes?.files.length).toBe(100);
      expect(changes?.isComplete).toBe(false);
      await prompt.run(shell("mkdir heap; cd heap; for i in $(seq 2500); do : > f$i; done"));
      const after = await prompt.run(write("late.txt", "late"));
      expect(after.changes).toEqual({ files: [{ path: "late.txt", sizeBytes: 4 }], isComplete: false });
      expect(await changesOf(shell("rm -r heap many"))).toEqual(told());
    });

    test("a run that is interrupted tells what it has changed until then", async () => {
      const run = await prompt.run(forever(write("half.txt", "half")), AbortSignal.timeout(500));
      expect(run).toMatchObject({ ended: "interrupted", interpreterRestarted: false, changes: told(["half.txt", 4]) });
    });

    test("a command's changes are told by the interpreter that stands by", async () => {
      await using beside = await Prompt.start(language);
      const { interpreter } = beside;
      const beginning = await beginningOf(beside);
      writeFileSync(join(beside.directory, "by-command.txt"), "12345");
      const changes = await interpreter.look(beginning);
      expect(changes?.files).toContainEqual({ path: "by-command.txt", sizeBytes: 5 });
      expect(await interpreter.look(await beginningOf(beside))).toEqual(told());
      const running = beside.run(forever(nothing), AbortSignal.timeout(300));
      expect(await interpreter.look(beginning)).toBeUndefined();
      await running;
    });

    test("what a command has changed, the next run does not tell, nor the next command what a run has", async () => {
      await using beside = await Prompt.start(language);
      const { interpreter } = beside;
      await beside.run(nothing);
      const beginning = await beginningOf(beside);
      writeFileSync(join(beside.directory, "by-command.txt"), "12345");
      expect((await interpreter.look(beginning))?.files).toContainEqual({ path: "by-command.txt", sizeBytes: 5 });
      expect((await beside.run(write("by-run.txt", "1"))).changes).toEqual(told(["by-run.txt", 1]));
      expect(await interpreter.look(await beginningOf(beside))).toEqual(told());
      expect((await beside.run(nothing)).changes).toEqual(told());
    });

    test("a command's changes are told though the main thread is busy with what a run has left behind", async () => {
      await using beside = await Prompt.start(language);
      const beginning = await beginningOf(beside);
      expect((await beside.run(later("busy"))).success).toBe(true);
      // It is there before its content is.
      while (Bun.file(join(beside.directory, "busy")).size === 0) await Bun.sleep(5);
      expect((await beside.interpreter.look(beginning))?.files).toContainEqual({ path: "busy", sizeBytes: 1 });
    });

    test("a file that claims to be old, or to come from the future, counts when it was written", async () => {
      expect(
        await changesOf(
          shell("printf 1 > old.txt; touch -d 2001-01-01 old.txt; printf 1 > new.txt; touch -d 2099-01-01 new.txt"),
        ),
      ).toEqual(told(["new.txt", 1], ["old.txt", 1]));
      expect(await changesOf(nothing)).toEqual(told());
    });

    test("a program that has replaced what is looked with is looked at all the same", async () => {
      await using spoiled = await Prompt.start(language);
      await spoiled.run(spoil);
      const { changes } = await spoiled.run(write("x.txt", "x"));
      expect(changes).toEqual(told(["x.txt", 1]));
      expect((await spoiled.run(nothing)).changes).toEqual(told());
    });
  });
}

/** Of what begins now; once the interpreter's control thread is up. */
async function beginningOf({ interpreter }: Prompt): Promise<Beginning> {
  for (;;) {
    const beginning = await interpreter.beginning();
    if (beginning !== undefined) return beginning;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
