// How programs read the input of a run: by each of the ways that a language has, and by what they start.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { InterpreterControl } from "../../../src/sandbox/runner/runner.ts";
import { type Language, languages } from "../../../src/sandbox/templates.ts";
import { Prompt } from "./spawn.ts";

const patienceMs = 30_000;

/** Runs a source to its end, with these texts as its input, which is then closed unless the last is null. */
async function runWith(prompt: Prompt, source: string, texts: readonly (string | null)[]) {
  const printed = { stdout: "", stderr: "" };
  const { promise: started, resolve } = Promise.withResolvers<InterpreterControl>();
  const running = prompt.interpreter.run({
    source,
    signal: new AbortController().signal,
    stdin: "open",
    onOutput: (stream, bytes) => {
      printed[stream] += Buffer.from(bytes).toString();
    },
    onStarted: resolve,
  });
  const control = await started;
  for (const text of texts) if (text !== null) void control.write(text);
  if (texts.at(-1) !== null) control.closeInput();
  const { success } = await running;
  return { success, ...printed };
}

const ways: Readonly<Record<Language, Readonly<Record<string, string>>>> = {
  python: {
    "input()": "print([input(), input()])",
    "sys.stdin.readline()": "import sys\nprint([sys.stdin.readline(), sys.stdin.readline()])",
    "for line in sys.stdin": "import sys\nprint([line for line in sys.stdin])",
    "sys.stdin.buffer": "import sys\nprint(sys.stdin.buffer.read())",
    "open(0)": "print(open(0, closefd=False).read())",
    "/dev/stdin": "print(open('/dev/stdin').read())",
    "a name for sys.stdin from an earlier run": "print(earlier.readline())",
    "a child process": "import subprocess\n_ = subprocess.run(['cat'])",
    "a child by os.system": "import os\n_ = os.system('read x; echo $x')",
    "a fork that has no end of its own": "import os, sys\nif os.fork() == 0:\n    os._exit(0)\nprint(sys.stdin.read())",
    "asyncio in a thread":
      "import asyncio, sys\nprint(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))",
    "with a deadly SIGPIPE": "import signal\n_ = signal.signal(signal.SIGPIPE, signal.SIG_DFL)\nprint(input())",
  },
  node: {
    "process.stdin as an iterable":
      "for await (const text of process.stdin.setEncoding('utf8')) process.stdout.write(text); undefined",
    "process.stdin's events":
      "process.stdin.on('data', (text) => process.stdout.write(text)).on('end', () => console.log('end')); undefined",
    "fs.readFileSync(0)": "process.stdout.write(require('fs').readFileSync(0)); undefined",
    "/dev/stdin": "process.stdout.write(require('fs').readFileSync('/dev/stdin')); undefined",
    "readline/promises":
      "const answer = await require('readline/promises').createInterface({ input: process.stdin }).question(''); console.log(answer)",
    "a child process": "require('child_process').execFileSync('cat', { stdio: 'inherit' }); undefined",
  },
  bash: {
    read: 'read -r a; read -r b; echo "$a $b"',
    "while read": "while read -r line; do echo $line; done",
    mapfile: 'mapfile -t lines; echo "$lines"',
    "/dev/stdin": "cat /dev/stdin",
    "a child process": "cat",
    "a subshell": "(head -n 1; cat)",
    "a bare wait beside it": "sleep 0 & wait; cat",
  },
};

for (const language of languages) {
  describe(language, () => {
    let prompt: Prompt;
    beforeAll(async () => {
      prompt = await Prompt.start(language);
      if (language === "python") await prompt.run("from sys import stdin as earlier");
    }, patienceMs);
    afterAll(() => prompt[Symbol.asyncDispose]());

    for (const [way, source] of Object.entries(ways[language])) {
      test(
        `${way} reads what is written, and nothing of it is left for the next run`,
        async () => {
          const ran = await runWith(prompt, source, ["first\n", "second\n"]);
          expect(ran).toMatchObject({ success: true, stderr: "" });
          expect(ran.stdout).toContain(way === "a fork that has no end of its own" ? "second" : "first");
          const next = await runWith(prompt, source, ["other\n", "other\n"]);
          expect(next.stdout).not.toMatch(/first|second/);
        },
        patienceMs,
      );
    }
  });
}

test(
  "a Node program that has been answered ends, though its input is open",
  async () => {
    await using prompt = await Prompt.start("node");
    const source = `
const lines = require("node:readline").createInterface({ input: process.stdin, output: process.stdout });
lines.question("name? ", (answer) => { console.log("got", answer); lines.close(); });
undefined`;
    for (const name of ["Ada", "Bea"]) {
      const ran = await runWith(prompt, source, [`${name}\n`, null]);
      expect(ran).toEqual({ success: true, stdout: `name? got ${name}\n`, stderr: "" });
    }
  },
  patienceMs,
);

test(
  "Python that has put another stream in the place of sys.stdin goes on to read that",
  async () => {
    await using prompt = await Prompt.start("python");
    await prompt.run("import io, sys\nsys.stdin = io.StringIO('own 1\\nown 2\\n')");
    expect((await runWith(prompt, "print(input())", ["of the host's\n"])).stdout).toBe("own 1\n");
    expect((await prompt.run("print(input())")).stdout).toBe("own 2\n");
  },
  patienceMs,
);

test(
  "a server that a run has started finds the end of its input when the run is over",
  async () => {
    await using prompt = await Prompt.start("python");
    const source =
      "import subprocess\nchild = subprocess.Popen(['sh', '-c', 'cat > /dev/null; echo ended'], stdout=subprocess.PIPE)";
    expect((await runWith(prompt, source, ["first\n", null])).success).toBe(true);
    expect((await prompt.run("print(child.communicate()[0])")).stdout).toBe("b'ended\\n'\n");
  },
  patienceMs,
);
