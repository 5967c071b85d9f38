// What the Python runner promises to the programs that run in it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rehearse } from "./rehearse.ts";
import { Prompt, spawnIn } from "./spawn.ts";

let prompt: Prompt;
beforeAll(async () => {
  prompt = await Prompt.start("python");
});
afterAll(() => prompt[Symbol.asyncDispose]());

rehearse(() => prompt, {
  "a last expression is printed as at the prompt, and None is not": [
    { source: "40 + 2", stdout: "42\n", result: "42" },
    { source: "_ * 2", stdout: "84\n", result: "84" },
    { source: "'a\\nb'", stdout: "'a\\nb'\n", result: "'a\\nb'" },
    { source: "x = 1", stdout: "", result: null },
    { source: "None", stdout: "", result: null },
    { source: "1\n2", stdout: "2\n", result: "2" },
    { source: "'\\ud800'", stdout: "'\\ud800'\n", result: "'\\ud800'" },
    { source: "", stdout: "", result: null },
  ],
  "a last value comes behind everything that was printed before it, wherever that goes": [
    { source: "import sys, os\nsys.stdout.write('no break')\n1", stdout: "no break1\n", result: "1" },
    { source: "sys.stdout.buffer.write(b'raw ') and 2", stdout: "raw 2\n" },
    { source: "os.system('echo child') or 3", stdout: "child\n3\n" },
    { source: "'é' * 3", stdout: "'ééé'\n" },
    { source: "'x' * 100_000", stdout: `'${"x".repeat(100_000)}'\n` },
    { source: "'x' * 3_900", stdout: `'${"x".repeat(3_900)}'\n` },
    { source: "import asyncio\nawait asyncio.sleep(0, 4)", stdout: "4\n", result: "4" },
    {
      source: "old = os.dup(1)\nnew = os.open('elsewhere', os.O_RDWR | os.O_CREAT)\nos.dup2(new, 1)\n5",
      stdout: "",
      result: "5",
    },
    { source: "open('elsewhere').read()", stdout: "'5\\n'\n" },
    { source: "import io\nsys.stdout = kept = io.StringIO()\n6", stdout: "" },
    { source: "sys.stdout = sys.__stdout__\nkept.getvalue()", stdout: "'6\\n'\n" },
    { source: "sys.stdout = open('other', 'w', encoding='utf-8')\n6", stdout: "" },
    { source: "sys.stdout.close()\nsys.stdout = sys.__stdout__\nopen('other').read()", stdout: "'6\\n'\n" },
    { source: "sys.stdout.reconfigure(encoding='utf-16')\n7", stdout: "7\0\n\0" },
    { source: "sys.stdout.reconfigure(encoding='utf-8')" },
    { source: "hook = sys.displayhook\ndef show(value):\n    print('<', end='')\n    hook(value)\n    print('>')" },
    { source: "sys.displayhook = show\n8", stdout: "<8\n>\n", result: "8" },
    { source: "sys.displayhook = hook\nsys.displayhook(9)\n10", stdout: "9\n10\n", result: "10" },
    {
      source: "class Hook:\n    def show(self, value):\n        print('<', value)\nsys.displayhook = Hook().show\n12",
      stdout: "< 12\n",
    },
    { source: "sys.displayhook = hook" },
    { source: "seen = []\nwrite = sys.stdout.write\nsys.stdout.write = seen.append\n13", stdout: "" },
    { source: "sys.stdout.write = write\nseen", stdout: "['13', '\\n']\n" },
    { source: "(os.fork() and os.wait()) and 11", stdout: "0\n11\n", result: "11" },
  ],
  "variables, functions, imports and futures stay": [
    { source: "import math\nx = 42\ndef double(n):\n\n    return n * 2" },
    { source: "print(double(x), math.floor(2.5))", stdout: "84 2\n" },
    { source: "from __future__ import annotations\ndef f(a: Missing): pass" },
    { source: "def g(a: Missing): pass\ng.__annotations__", stdout: "{'a': 'Missing'}\n" },
  ],
  "output is exactly what was written": [
    { source: "print('x', end='')", stdout: "x" },
    { source: "import sys\nsys.stdout.buffer.write(bytes([0, 255]).replace(b'\\xff', b''))\nNone", stdout: "\0" },
    { source: "print('é', file=sys.stderr)", stderr: "é\n" },
    { source: "print('a' * 1_000_000)", stdout: `${"a".repeat(1_000_000)}\n` },
  ],
  "a syntax error anywhere runs nothing": [
    {
      source: "print('never')\nx = (",
      success: false,
      stdout: "",
      stderr: /^ {2}File "<cell \d+>", line 2\n(?:.*\n)*SyntaxError: /,
    },
    { source: "print('never')\nreturn 5", success: false, stdout: "", stderr: /return 5\n(?:.*\n)*SyntaxError/ },
    { source: "print('never')\0", success: false, stdout: "", stderr: /null byte/ },
  ],
  "a traceback shows the user's lines, also those of earlier runs, and none of the runner's": [
    { source: "y = 1\ndef fail():\n\n    raise ValueError('boo')" },
    {
      source: "y = 2\nfail()\ny = 3",
      success: false,
      stderr:
        /^Traceback \(most recent call last\):\n {2}File "<cell \d+>", line 2, in <module>\n {4}fail\(\)\n(?:[ ~^]+\n)? {2}File "<cell \d+>", line 4, in fail\n {4}raise ValueError\('boo'\)\nValueError: boo\n$/,
    },
    { source: "y", stdout: "2\n" },
    {
      source: "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e",
      success: false,
      stderr: /^Traceback.*\n(?:.*\n)*.*direct cause.*\n(?:.*\n)*KeyError: 'k'\n$/,
    },
    {
      source: "class Bad:\n    def __repr__(self): return 1 / 0\nBad()",
      success: false,
      stderr: /^Traceback.*\n.*in __repr__\n(?:.*\n)*ZeroDivisionError: division by zero\n$/,
    },
  ],
  "sys.exit ends the run and nothing else": [
    { source: "import sys\nkept = 1\nprint('bye', end='')\nsys.exit(3)", success: false, exitCode: 3, stdout: "bye" },
    { source: "sys.exit()", success: true, exitCode: 0 },
    { source: "sys.exit('a message')", success: false, exitCode: 1, stderr: "a message\n" },
    { source: "exit()", success: true, exitCode: 0 },
    { source: "async def leave(): sys.exit(4)\nawait leave()", success: false, exitCode: 4 },
    { source: "kept", stdout: "1\n" },
  ],
  "an interrupt of the program's own is its own": [
    {
      source: "import asyncio, os, signal\nsignal.getsignal(signal.SIGINT) is signal.default_int_handler",
      stdout: "True\n",
    },
    {
      source: "try: signal.raise_signal(signal.SIGINT)\nexcept KeyboardInterrupt: print('caught')",
      stdout: "caught\n",
    },
    {
      source: "signal.raise_signal(signal.SIGINT)\nprint('never')",
      success: false,
      stdout: "",
      stderr: /KeyboardInterrupt\n$/,
    },
    {
      source: "os.kill(os.getpid(), signal.SIGINT)\nsignal.pause()",
      success: false,
      stderr: /KeyboardInterrupt\n$/,
    },
    {
      source: "import subprocess, time\nsubprocess.run(['sh', '-c', 'kill -INT $PPID'])\ntime.sleep(5)",
      success: false,
      stderr: /KeyboardInterrupt\n$/,
    },
    {
      source: "import _thread\n_thread.interrupt_main()\ntime.sleep(5)",
      success: false,
      stderr: /KeyboardInterrupt\n$/,
    },
    { source: "raise KeyboardInterrupt", success: false, stderr: /KeyboardInterrupt\n$/ },
    {
      source:
        "async def main():\n    try:\n        os.kill(os.getpid(), signal.SIGINT)\n        await asyncio.sleep(5)\n    finally:\n        print('cleaned')\ntry: asyncio.run(main())\nexcept KeyboardInterrupt: print('ended')",
      stdout: "cleaned\nended\n",
    },
    {
      source: "await asyncio.sleep(0)\nos.kill(os.getpid(), signal.SIGINT)\nawait asyncio.sleep(5)",
      success: false,
      stderr: /KeyboardInterrupt\n$/,
    },
    {
      source: "old = signal.signal(signal.SIGINT, lambda *_: print('mine'))\nold is signal.default_int_handler",
      stdout: "True\n",
    },
    { source: "signal.raise_signal(signal.SIGINT)", stdout: "mine\n" },
    { source: "old = signal.signal(signal.SIGINT, old)" },
  ],
  "all runs share one context": [
    { source: "import asyncio, contextvars, decimal\nvariable = contextvars.ContextVar('variable', default=0)" },
    { source: "await asyncio.sleep(0)\ndecimal.getcontext().prec = 5\ntoken = variable.set(1)" },
    { source: "decimal.Decimal(1) / 3, variable.get()", stdout: "(Decimal('0.33333'), 1)\n" },
    { source: "await asyncio.sleep(0)\ndecimal.getcontext().prec, variable.get()", stdout: "(5, 1)\n" },
    { source: "variable.reset(token)\ntoken = variable.set(2)" },
    {
      source: "await asyncio.sleep(0)\nasync def get(): return variable.get()\nawait asyncio.create_task(get())",
      stdout: "2\n",
    },
    { source: "async def put(): variable.set(3)\nawait asyncio.create_task(put())\nvariable.get()", stdout: "2\n" },
    { source: "await put()\nvariable.get()", stdout: "3\n" },
    { source: "await asyncio.sleep(0)\nvariable.reset(token)" },
    { source: "variable.get(), asyncio.run(get())", stdout: "(0, 0)\n" },
    { source: "decimal.getcontext().prec = 28" },
  ],
  "a warning is shown once a place in each run": [
    { source: "import warnings\ndef old(): warnings.warn('old', DeprecationWarning, 2)" },
    {
      source: "for _ in range(2): old()",
      stderr: /^<cell \d+>:1: DeprecationWarning: old\n {2}for _ in range\(2\): old\(\)\n$/,
    },
    {
      source: "for _ in range(3): old()",
      stderr: /^<cell \d+>:1: DeprecationWarning: old\n {2}for _ in range\(3\): old\(\)\n$/,
    },
    { source: "old()\nold()", stderr: /^(<cell \d+>:[12]: DeprecationWarning: old\n {2}old\(\)\n){2}$/ },
    { source: "import asyncio\nawait asyncio.sleep(0)\nold()", stderr: /:3: DeprecationWarning/ },
    { source: "import asyncio\nawait asyncio.sleep(0)\nold()", stderr: /:3: DeprecationWarning/ },
  ],
  "an exception whose own methods fail is told all the same": [
    {
      source: "class Group(Exception): exceptions = None\nraise Group('of none')",
      success: false,
      stderr: /Group: of none\n$/,
    },
    {
      source: "class Group(Exception):\n    @property\n    def exceptions(self): 1 / 0\nraise Group('that fails')",
      success: false,
      stderr: /Group: that fails\n$/,
    },
    {
      source: "class Bad:\n    def __str__(self): 1 / 0\nimport sys\nsys.exit(Bad())",
      success: false,
      exitCode: 1,
      stderr: /./,
    },
    {
      source: "class Mute(Exception):\n    def __str__(self): 1 / 0\nraise Mute",
      success: false,
      stderr: /Mute: <(exception str\(\) failed|unprintable Mute object)>\n$/,
    },
    { source: "'still here'", stdout: "'still here'\n" },
  ],
  "stdin is empty, also for child processes": [
    { source: "input('? ')", success: false, stdout: "? ", stderr: /EOFError/ },
    { source: "import os\nos.system('cat')", stdout: "0\n" },
  ],
  "what native code and child processes print is captured, in order of the flushes": [
    {
      source: "import os\nprint('first')\nos.write(1, b'second')\nos.system('echo third')\nNone",
      stdout: "first\nsecondthird\n",
    },
    { source: "import ctypes\nctypes.CDLL(None).printf(b'native')\nNone", stdout: "native" },
    {
      source: "import subprocess\nsubprocess.run(['sh', '-c', 'echo out; echo err >&2'])\nNone",
      stdout: "out\n",
      stderr: "err\n",
    },
  ],
  "streams that a program has broken are whole in the next run": [
    { source: "os.close(1)", stdout: "" },
    { source: "print('back')", stdout: "back\n" },
    { source: "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)\nprint('lost')", stdout: "" },
    { source: "print('back')", stdout: "back\n" },
    { source: "sys.stdout = None" },
    { source: "print('back')", stdout: "back\n" },
    { source: "sys.stderr.close(); sys.stdin.close(); sys.__stdout__.close()" },
    { source: "print('back'); print('error', file=sys.stderr)", stdout: "back\n", stderr: "error\n" },
  ],
  "top-level await shares one event loop between runs": [
    { source: "import asyncio\nawait asyncio.sleep(0.01)\n'done'", stdout: "'done'\n" },
    { source: "task = asyncio.create_task(asyncio.sleep(0.01, 'late'))\nawait asyncio.sleep(0)" },
    { source: "await task", stdout: "'late'\n" },
    { source: "[n async for n in aiter_missing()] if False else 5", stdout: "5\n" },
    {
      source: "async def fail():\n    1 / 0\nawait fail()",
      success: false,
      stderr:
        /^Traceback.*\n {2}File "<cell \d+>", line 3, in <module>\n(?:.*\n)*ZeroDivisionError: division by zero\n$/,
    },
    { source: "async def two(): return 2\nasyncio.run(two())", stdout: "2\n" },
    { source: "await two()", stdout: "2\n" },
  ],
  "__main__ is a real module": [
    { source: "if __name__ == '__main__': print('main')", stdout: "main\n" },
    { source: "import pickle\nclass A: pass\ntype(pickle.loads(pickle.dumps(A()))) is A", stdout: "True\n" },
    { source: "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\nP(1)", stdout: "P(x=1)\n" },
    {
      source: "import inspect\ndef shown(): return 1\nprint(inspect.getsource(shown), end='')",
      stdout: "def shown(): return 1\n",
    },
    { source: "answer = 42\nfrom __main__ import answer as same\nsame", stdout: "42\n" },
    { source: "from multiprocessing import get_context\ndef square(n): return n * n" },
    { source: "with get_context('fork').Pool(2) as pool: print(pool.map(square, [2, 3]))", stdout: "[4, 9]\n" },
  ],
  "a forked child that reaches the end of the source ends there": [
    {
      source:
        "import os, sys\nchild = os.fork()\nif child == 0: sys.exit(7)\nos.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if hasattr(os, 'waitstatus_to_exitcode') else 7",
      stdout: "7\n",
    },
    { source: "'still here'", stdout: "'still here'\n" },
    {
      source:
        "sys.stdout.flush()\nchild = os.fork()\nif child == 0: print([n for n in os.listdir('/proc/self/fd') if int(n) >= 100])\nelse: os.waitpid(child, 0)",
      stdout: "[]\n",
    },
  ],
  "modules in the working directory can be imported": [
    { source: "open('mine.py', 'w').write('value = 5')\nNone" },
    { source: "import mine\nmine.value", stdout: "5\n" },
  ],
  "a result is capped, what is printed is not": [
    { source: "'x' * 100_000", stdout: `'${"x".repeat(100_000)}'\n`, result: `'${"x".repeat(65_535)}` },
  ],
});

describe("an interrupt", () => {
  for (const [what, source] of Object.entries({
    "a loop": "while True: pass",
    "a sleep": "import time; time.sleep(600)",
    "a child process": "import subprocess; subprocess.run(['sleep', '600'])",
    "a blocking read": "import os; os.read(os.pipe()[0], 1)",
    "a lock": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "an await": "import asyncio\nawait asyncio.sleep(600)",
    "a loop in a coroutine": "import asyncio\nawait asyncio.sleep(0)\nwhile True: pass",
    "asyncio.run":
      "import asyncio\nasync def main():\n    print('on')\n    await asyncio.sleep(600)\nasyncio.run(main())",
    "what has a handler of its own that raises":
      "import signal, time\ndef stop(*_): raise KeyboardInterrupt\nold = signal.signal(signal.SIGINT, stop)\ntry: time.sleep(600)\nfinally: _ = signal.signal(signal.SIGINT, old)",
    "what has a handler of its own that does nothing":
      "import signal, time\nold = signal.signal(signal.SIGINT, lambda *_: None)\ntry:\n    while True: pass\nfinally: _ = signal.signal(signal.SIGINT, old)",
    "what ignores the signal":
      "import signal, time\nold = signal.signal(signal.SIGINT, signal.SIG_IGN)\ntry: time.sleep(600)\nfinally: _ = signal.signal(signal.SIGINT, old)",
    "an await of a future that nobody sets": "import asyncio\nawait asyncio.get_running_loop().create_future()",
  })) {
    test(`ends ${what}, and the state stays`, async () => {
      await prompt.run("kept = 'kept'");
      const ran = await prompt.interruptAfterOutput(source.includes("'on'") ? source : `print('on')\n${source}`);
      expect(ran).toMatchObject({ ended: "interrupted", success: false, interpreterRestarted: false, stdout: "on\n" });
      expect(ran.stderr).toEndWith("KeyboardInterrupt\n");
      expect(await prompt.run("kept")).toMatchObject({ stdout: "'kept'\n", stderr: "" });
    });
  }

  test("that comes while an error is being shown does not spoil it", async () => {
    const source =
      "import os, signal\nclass Told(Exception):\n    def __str__(self):\n        os.kill(os.getpid(), signal.SIGINT)\n        return 'shown'\nraise Told";
    const ran = await prompt.run(source);
    expect(ran.ended).toBe("exited");
    expect(ran.stderr).toEndWith("Told: shown\n");
  });

  test("that comes as a run ends never reaches the next one", async () => {
    for (let round = 0; round < 100; round++) {
      const abort = new AbortController();
      const running = prompt.run(`for i in range(${round * 50}): pass`, abort.signal);
      setTimeout(() => abort.abort(), round % 4);
      const { ended } = await running;
      expect(["exited", "interrupted"]).toContain(ended);
      expect(await prompt.run("sum(range(2000))")).toMatchObject({ stdout: "1999000\n", stderr: "" });
    }
  });

  test("lets a handler of the program's own end the run as it likes", async () => {
    const handled =
      "import signal, time\non = True\ndef stop(signum, frame):\n    global on\n    on = False\nold = signal.signal(signal.SIGINT, stop)\nprint('on')\nwhile on: time.sleep(0.01)\n_ = signal.signal(signal.SIGINT, old)\nprint('done')";
    expect(await prompt.interruptAfterOutput(handled)).toMatchObject({
      ended: "interrupted",
      interpreterRestarted: false,
      stdout: "on\ndone\n",
      stderr: "",
    });
    const inLoop =
      "import asyncio, signal\nasync def main():\n    over = asyncio.Event()\n    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, over.set)\n    print('on')\n    await over.wait()\n    print('done')\nasyncio.run(main())";
    expect(await prompt.interruptAfterOutput(inLoop)).toMatchObject({ ended: "interrupted", stdout: "on\ndone\n" });
    expect(await prompt.run("signal.getsignal(signal.SIGINT) is signal.default_int_handler")).toMatchObject({
      stdout: "True\n",
    });
  });

  test("of the program's own that come in thousands take no interpreter away", async () => {
    await using fresh = await Prompt.start("python");
    const source =
      "import subprocess\nstorm = subprocess.Popen(['sh', '-c', 'sleep 0.1; i=0; while [ $((i += 1)) -lt 3000 ]; do kill -INT $PPID; done; echo >over'])";
    await fresh.run(source);
    while (!(await Bun.file(`${fresh.directory}/over`).exists())) {
      expect(await fresh.run("sum([1, 2])")).toMatchObject({ ended: "exited", interpreterRestarted: false });
    }
    expect(await fresh.run("sum([1, 2])")).toMatchObject({ stdout: "3\n", stderr: "" });
  });

  test("as a signal from outside ends the run that is on, and does nothing between runs", async () => {
    process.kill(prompt.interpreter.pid, "SIGINT");
    // A signal is not told when it has been taken notice of.
    await Bun.sleep(50);
    expect(await prompt.run("1")).toMatchObject({ stdout: "1\n", stderr: "" });
    const source = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(600)";
    expect(await prompt.run(source)).toMatchObject({
      ended: "exited",
      success: false,
      interpreterRestarted: false,
      stderr: expect.stringMatching(/KeyboardInterrupt\n$/),
    });
    expect(await prompt.run("2")).toMatchObject({ stdout: "2\n", stderr: "" });
  });
});

describe("a new interpreter", () => {
  // Whatever it imports at its start or later on, these are not it.
  const traps = [
    "traceback",
    "linecache",
    "re",
    "token",
    "json",
    "_json",
    "queue",
    "warnings",
    "ctypes",
    "threading",
    "signal",
    "calendar",
  ];
  for (const [what, { source, ...expected }] of Object.entries({
    "shows the line of a first source that fails": {
      source: "x = 0\n1 / x",
      success: false,
      stdout: "",
      stderr:
        /^Traceback .*\n {2}File "<cell 1>", line 2, in <module>\n {4}1 \/ x\n(?:[ ~^]+\n)?ZeroDivisionError: .*\n$/,
    },
    "shows the line of a first source that does not compile": {
      source: "print('never')\nreturn 5",
      success: false,
      stdout: "",
      stderr: /return 5\n(?:.*\n)*SyntaxError/,
    },
    "lets a first source find modules of the user's before all others": {
      source: "try: import calendar\nexcept RuntimeError as error: print(error)",
      success: true,
      stdout: "the user's\n",
      stderr: /^$/,
    },
    "takes a first source's future for those to come": {
      source: "from __future__ import annotations\ndef f(a: Missing): pass\nprint(f.__annotations__)",
      success: true,
      stdout: "{'a': 'Missing'}\n",
      stderr: /^$/,
    },
    "evaluates a first source that imports nothing": {
      source: "'\\u00e4'",
      success: true,
      stdout: "'ä'\n",
      stderr: /^$/,
    },
  })) {
    test(what, async () => {
      await using fresh = await Prompt.start("python", (directory) => {
        for (const name of traps) writeFileSync(join(directory, `${name}.py`), 'raise RuntimeError("the user\'s")\n');
        return spawnIn(directory);
      });
      const { success, stdout, stderr } = await fresh.run(source);
      expect({ success, stdout }).toEqual({ success: expected.success, stdout: expected.stdout });
      expect(stderr).toMatch(expected.stderr);
    });
  }

  test("passes over half a line that somebody left, whatever the user has called json.py", async () => {
    let left = (_: string) => {};
    await using fresh = await Prompt.start("python", (directory) => {
      writeFileSync(join(directory, "json.py"), 'raise RuntimeError("the user\'s")\n');
      return (argv, options) => {
        const process = spawnIn(directory)(argv, options);
        left = process.write;
        return process;
      };
    });
    left('{"id": "a", "sour\n');
    expect(await fresh.run("6 * 7")).toMatchObject({ stdout: "42\n", stderr: "" });
  });

  test("lets a first source that prints a traceback itself show its lines", async () => {
    await using fresh = await Prompt.start("python");
    const source = "import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: traceback.print_exc()";
    expect((await fresh.run(source)).stderr).toContain("    try: 1 / 0\n");
  });

  test("has imported what it may need by the time that nobody asks it for anything", async () => {
    await using fresh = await Prompt.start("python");
    const source = "any(one.__name__ == 'TracebackException' for one in object.__subclasses__())";
    while ((await fresh.run(source)).stdout !== "True\n") {
      // Longer than it waits, so that the question does not keep it from being idle.
      await Bun.sleep(400);
    }
  });
});
