// What the host's side promises of an interpreter, in whatever language.

import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { GuestProcess, SpawnGuest } from "../../../src/sandbox/runner/guest.ts";
import { startInterpreter } from "../../../src/sandbox/runner/runner.ts";
import { type Language, languages } from "../../../src/sandbox/templates.ts";
import fortyLines from "../../programs/forty-lines.py" with { type: "text" };
import { Prompt, spawnIn } from "./spawn.ts";

type Sources = Readonly<
  Record<
    | "print"
    | "crash"
    | "killed"
    | "forever"
    | "stubborn"
    | "flood"
    | "late"
    | "leaveTalker"
    | "broken"
    | "attach"
    | "two",
    string
  >
>;

const sources: Readonly<Record<Language, Sources>> = {
  python: {
    print: "print('here')",
    crash: "import os, sys\nprint('last words', flush=True)\nos._exit(7)",
    killed: "import os, signal\nos.write(1, b'last words\\n')\nos.kill(os.getpid(), signal.SIGKILL)",
    forever: "print('on')\nwhile True: pass",
    stubborn:
      "import time\nwhile True:\n    try:\n        print('on')\n        time.sleep(600)\n    except BaseException: print('no')",
    flood: "import os\nfor _ in range(2000): os.write(1, b'x' * 65536)",
    late: "import subprocess\nchild = subprocess.Popen(['sh', '-c', 'until [ -e go ]; do sleep 0.01; done; echo late; touch said'])",
    leaveTalker: "import subprocess, os\nsubprocess.Popen(['sh', '-c', 'sleep 3 & echo talk; wait'])\nos._exit(0)",
    broken:
      "import os\nos.write(sorted(int(n) for n in os.listdir('/proc/self/fd') if int(n) >= 100)[1], b'{\"id\": 1}\\n')",
    attach: '{"id": "ha\n{"attach": "<attached>"}\n',
    two: "1 + 1",
  },
  node: {
    print: "console.log('here')",
    crash: "console.log('last words'); process.reallyExit(7)",
    killed: "console.log('last words'); process.kill(process.pid, 'SIGKILL'); while (true) {}",
    forever: "console.log('on'); while (true) {}",
    stubborn: "console.log('on'); require('child_process').execSync('exec sleep 5')",
    flood: "const x = 'x'.repeat(65536); for (let i = 0; i < 2000; i++) process.stdout.write(x); undefined",
    late: "require('child_process').spawn('sh', ['-c', 'until [ -e go ]; do sleep 0.01; done; echo late; touch said'], { stdio: 'inherit', detached: true }).unref(); undefined",
    leaveTalker:
      "require('child_process').spawn('sh', ['-c', 'sleep 3 & echo talk; wait'], { stdio: 'inherit' }); process.reallyExit(0)",
    broken: "require('fs').writeSync(3, '{\"id\": 1}\\n'); undefined",
    attach: '{"id": "ha\n{"attach": "<attached>"}\n',
    two: "1 + 1",
  },
  bash: {
    print: "echo here",
    crash: "echo last words; exec sh -c 'exit 7'",
    killed: "echo last words; kill -KILL $$",
    forever: "echo on; while :; do :; done",
    stubborn: "trap '' INT; echo on; while :; do sleep 1; done",
    flood: "head -c 131072000 /dev/zero",
    late: "(until [ -e go ]; do sleep 0.01; done; echo late; touch said) &",
    leaveTalker: "sh -c 'sleep 3 & echo talk; wait' & exec true",
    broken: "echo '{\"id\": 1}' >&204",
    attach: "run ha\nattach <attached>\n",
    two: "echo $((1 + 1))",
  },
};

for (const language of languages) {
  const source = sources[language];

  describe(`an interpreter of ${language}`, () => {
    test("that goes away between two runs is told by the next one, once", async () => {
      await using prompt = await Prompt.start(language);
      const { pid } = prompt.interpreter;
      process.kill(pid, "SIGKILL");
      while (existsSync(`/proc/${pid}`)) await Bun.sleep(5);
      await Bun.sleep(100);
      expect(await prompt.run(source.print)).toMatchObject({
        ended: "exited",
        stdout: "here\n",
        interpreterRestarted: true,
      });
      expect(await prompt.run(source.print)).toMatchObject({ ended: "exited", interpreterRestarted: false });
    });

    test("that goes away is told so, with all that it printed, and the next run has a new one", async () => {
      await using prompt = await Prompt.start(language);
      const { pid } = prompt.interpreter;
      expect(await prompt.run(source.crash)).toMatchObject({
        ended: "interpreter_exited",
        success: false,
        exitCode: 7,
        interpreterRestarted: true,
        exit: { code: 7, signal: null },
        stdout: "last words\n",
      });
      expect(await prompt.run(source.print)).toMatchObject({
        ended: "exited",
        stdout: "here\n",
        interpreterRestarted: false,
      });
      expect(prompt.interpreter.pid).not.toBe(pid);
    });

    test("that takes another's place says so once it is ready and before it runs anything, and never again", async () => {
      await using prompt = await Prompt.start(language);
      await prompt.run(source.crash);
      const { pid } = prompt.interpreter;
      const said: string[] = [];
      const run = () =>
        prompt.interpreter.run({
          source: source.print,
          signal: new AbortController().signal,
          onOutput: () => {},
          onReplaced: () => said.push(prompt.interpreter.pid === pid ? "too early" : "replaced"),
          onStarted: () => said.push("started"),
        });
      await run();
      await run();
      expect(said).toEqual(["replaced", "started", "started"]);
    });

    test("that went away and was told so is not told again after a run that was ended before there was a new one", async () => {
      await using prompt = await Prompt.start(language);
      expect(await prompt.run(source.crash)).toMatchObject({ interpreterRestarted: true });
      const ended = await prompt.run(source.print, AbortSignal.abort());
      expect(ended).toMatchObject({ ended: "interrupted", interpreterRestarted: false });
      expect(await prompt.run(source.print)).toMatchObject({ ended: "exited", interpreterRestarted: false });
    });

    test("that is killed tells the signal", async () => {
      await using prompt = await Prompt.start(language);
      expect(await prompt.run(source.killed)).toMatchObject({
        ended: "interpreter_exited",
        exitCode: 137,
        signal: "SIGKILL",
        exit: { signal: "SIGKILL" },
        stdout: "last words\n",
      });
    });

    test("that does not obey is replaced", async () => {
      await using prompt = await Prompt.start(language);
      let calls = 0;
      const ran = await prompt.interruptAfterOutput(source.stubborn, () => calls++);
      expect(ran).toMatchObject({ ended: "interrupted", success: false, exitCode: null, interpreterRestarted: true });
      expect(calls).toBe(1);
      expect(await prompt.run(source.print)).toMatchObject({ stdout: "here\n" });
    });

    test("is reached by an interrupt on the heels of its run", async () => {
      await using prompt = await Prompt.start(language);
      // The first one may come while what carries out interrupts is still starting, which takes long on a busy machine.
      const patience = { interruptGraceMs: 30_000 };
      for (let round = 0; round < 10; round++) {
        const abort = new AbortController();
        const running = prompt.run(source.forever, abort.signal, patience);
        abort.abort();
        expect(await running).toMatchObject({ ended: "interrupted", interpreterRestarted: false });
      }
    });

    test("is not given what has been aborted before", async () => {
      await using prompt = await Prompt.start(language);
      const ran = await prompt.run(source.print, AbortSignal.abort());
      expect(ran).toMatchObject({ ended: "interrupted", stdout: "", interpreterRestarted: false });
      expect(await prompt.run(source.print)).toMatchObject({ stdout: "here\n" });
    });

    test("can print any amount", async () => {
      await using prompt = await Prompt.start(language);
      let bytes = 0;
      await prompt.interpreter.run({
        source: source.flood,
        signal: new AbortController().signal,
        onOutput: (_, chunk) => {
          bytes += chunk.length;
        },
      });
      expect(bytes).toBe(2000 * 65_536);
    });

    test("has no output of an earlier run's children in the next one but what they print during it", async () => {
      await using prompt = await Prompt.start(language);
      expect(await prompt.run(source.late)).toMatchObject({ stdout: "" });
      writeFileSync(join(prompt.directory, "go"), "");
      while (!existsSync(join(prompt.directory, "said"))) await Bun.sleep(10);
      expect(await prompt.run(source.print)).toMatchObject({ stdout: "here\n" });
    });

    test("that left children behind which hold its output is not waited for long", async () => {
      await using prompt = await Prompt.start(language);
      expect(await prompt.run(source.leaveTalker)).toMatchObject({ ended: "interpreter_exited", exitCode: 0 });
    });

    test("whose program speaks out of turn is of no more use", async () => {
      await using prompt = await Prompt.start(language);
      expect(await prompt.run(source.broken)).toMatchObject({
        ended: "interpreter_exited",
        interpreterRestarted: true,
      });
      expect(await prompt.run(source.print)).toMatchObject({ stdout: "here\n" });
    });

    test("that is disposed in mid-run ends the run with an error, and leaves no process", async () => {
      const prompt = await Prompt.start(language);
      const { pid } = prompt.interpreter;
      const running = prompt.run(source.forever);
      const outcome = running.then(
        () => "resolved",
        (error: unknown) => String(error),
      );
      await prompt[Symbol.asyncDispose]();
      expect(await outcome).toContain("disposed");
      expect(() => process.kill(pid, 0)).toThrow();
      await expect(prompt.run(source.print)).rejects.toThrow("disposed");
    });

    test("runs one thing at a time", async () => {
      await using prompt = await Prompt.start(language);
      const first = prompt.run(source.print);
      await expect(prompt.run(source.print)).rejects.toThrow("runs something already");
      expect(await first).toMatchObject({ stdout: "here\n" });
    });

    test("somebody new who comes before a first source is answered, whatever others had begun to say", async () => {
      await using prompt = await Prompt.start(language, (directory) => (argv, options) => {
        const guest = spawnIn(directory)(argv, options);
        return { ...guest, write: (text) => guest.write(`${source.attach}${text}`) };
      });
      // What is written for whoever attaches stands before what the source prints.
      expect(await prompt.run(source.two)).toMatchObject({
        success: true,
        stdout: "<attached>2\n",
        stderr: "<attached>",
      });
    });
  });
}

describe("a start", () => {
  const options = { language: "python", interpreter: "python3", env: {}, clock: systemClock } as const;

  test("that fails tells the end of what the program said", async () => {
    const program = "/nonexistent/python.py";
    const started = startInterpreter({ ...options, program, spawn: spawnIn("/tmp") }, new AbortController().signal);
    await expect(started).rejects.toThrow(/ended before it was ready \(exit status 2\): .*can't open file/);
  });

  test("that is aborted kills the program and rejects with the reason", async () => {
    const abort = new AbortController();
    const processes: GuestProcess[] = [];
    const spawn: SpawnGuest = (_, spawnOptions) => {
      const process = spawnIn("/tmp")(["sleep", "600"], spawnOptions);
      processes.push(process);
      return process;
    };
    const started = startInterpreter({ ...options, program: "none", spawn }, abort.signal);
    abort.abort(new Error("the caller left"));
    await expect(started).rejects.toThrow("the caller left");
    expect(await Promise.all(processes.map(({ exited }) => exited))).toMatchObject([{ signal: "SIGKILL" }]);
  });
});

test("a program with blank lines and nested functions, an open bracket, an exit, input() and an endless loop leave the state", async () => {
  await using prompt = await Prompt.start("python");
  expect(await prompt.run(fortyLines)).toMatchObject({ stdout: "[2, 10]; {'a': 2, 'b': 1}", stderr: "", exitCode: 3 });
  expect(await prompt.run("print('never')\nopen = (1,\n")).toMatchObject({ success: false, stdout: "" });
  expect((await prompt.run("input()")).stderr).toContain("EOFError");
  const timed = await prompt.run("print('on')\nwhile True:\n\n    pass", AbortSignal.timeout(200));
  expect(timed).toMatchObject({ ended: "interrupted", stdout: "on\n", interpreterRestarted: false });
  expect(await prompt.run("counter.seen['a'], outer([[8]])")).toMatchObject({ stdout: "(2, [8])\n" });
});
