// What notebooks write, in the Python runner: commands, magics, and what is not Python after all.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Prompt } from "./spawn.ts";

let prompt: Prompt;
beforeAll(async () => {
  prompt = await Prompt.start("python");
});
afterAll(() => prompt[Symbol.asyncDispose]());

const printed = async (source: string) => {
  const { stdout, stderr } = await prompt.run(source);
  expect({ source, stderr }).toEqual({ source, stderr: "" });
  return stdout;
};

describe("commands", () => {
  test("what a command prints comes in its place, on the stream that it writes to", async () => {
    const ran = await prompt.run("print('1')\n!echo 2; echo error >&2\nprint('3')");
    expect(ran).toMatchObject({ stdout: "1\n2\n3\n", stderr: "error\n", success: true });
  });

  test("braces and names that are not Python's stay as they are", async () => {
    await prompt.run("n = 7");
    const source = "!echo 'a b' | awk '{print $2}' ; echo $no_such {no_such} {print} {{n}}";
    expect(await printed(`${source} \${HOME:+home}`)).toBe("b\n{no_such} {print} {n} home\n");
    expect(await printed("!echo {n:03d} {n!r} $n.txt '$n'")).toBe("007 7 7.txt $n\n");
    expect(await printed("!echo a | awk '{ if ($1 == \"a\") { print } }'")).toBe("a\n");
  });

  test("a command that is interrupted ends, with what it has started, and the state is kept", async () => {
    const seconds = `1000.${process.pid}`;
    await prompt.run("kept = 1");
    const ran = await prompt.interruptAfterOutput(`!echo on; sleep ${seconds} & sleep ${seconds}1; echo after`);
    expect(ran).toMatchObject({ stdout: "on\n", success: false, ended: "interrupted", interpreterRestarted: false });
    expect(await printed("kept")).toBe("1\n");
    const left = "processes = !ps -e -o args=\nprint([line for line in processes if line.startswith('sleep SECONDS')])";
    expect(await printed(left.replace("SECONDS", seconds))).toBe("[]\n");
  });

  test("the exit status is in _exit_code, and a failing command does not fail the source", async () => {
    expect(await printed("!exit 4\n_exit_code")).toBe("4\n");
    expect(await printed("out = !exit 5\n_exit_code")).toBe("5\n");
  });

  test("a script that fails does fail the source, by its own line", async () => {
    const ran = await prompt.run("%%bash\necho said\nexit 3");
    expect(ran).toMatchObject({ success: false, stdout: "said\n" });
    expect(ran.stderr).toBe(`Traceback (most recent call last):
  File "${/<cell \d+>/.exec(ran.stderr)?.[0]}", line 1, in <module>
    %%bash
subprocess.CalledProcessError: Command 'bash' returned non-zero exit status 3.
`);
    expect(await printed("%%bash --no-raise-error --out said\necho kept; exit 3")).toBe("");
    expect(await printed("said")).toBe("'kept\\n'\n");
  });

  test("%pip is the interpreter's own pip", async () => {
    expect(await printed("%pip --version")).toMatch(/^pip .*\(python 3\.\d+\)\n$/);
    expect(await printed("pip list --help | head -n 2")).toContain("Usage:");
  });
});

describe("magics", () => {
  test("those that set up a notebook do nothing", async () => {
    const source =
      "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n%config InlineBackend.figure_format = 'retina'\nprint('on')";
    expect(await printed(source)).toBe("on\n");
  });

  test("%%capture keeps displays and the output of commands", async () => {
    await prompt.run("%%capture out\nprint('a')\ndisplay({'text/html': '<b>'}, raw=True)\n!echo b");
    expect(await printed("out.stdout, len(out.outputs)")).toBe("('a\\nb\\n', 1)\n");
    const { displays } = await prompt.run("out.show()");
    expect(displays.map(({ data }) => data["text/html"])).toEqual(["<b>"]);
  });

  test("%%html is shown as HTML", async () => {
    const { displays } = await prompt.run("%%html\n<b>bold</b>");
    expect(displays.map(({ data }) => data["text/html"])).toEqual(["<b>bold</b>"]);
  });

  test("%time takes what awaits, and says how long it took", async () => {
    const times = /^CPU times: user .+, sys: .+, total: .+\nWall time: .+\n$/;
    expect(await printed("import asyncio\n%time await asyncio.sleep(0)")).toMatch(times);
    expect(await printed("%%time\nfor i in range(3):\n    await asyncio.sleep(0)")).toMatch(times);
  });

  test("%timeit says how long a loop takes", async () => {
    const line = /^[\d.]+ [mµn]?s ± [\d.]+ [mµn]?s per loop \(mean ± std\. dev\. of 2 runs, 5 loops each\)\n$/;
    expect(await printed("numbers = [1]\n%timeit -n 5 -r 2 sum(numbers)")).toMatch(line);
    expect(await printed("%%timeit -n 5 -r 2\nsum(numbers)\nlen(numbers)")).toMatch(line);
  });

  test("obj? tells the signature and the docstring, obj?? the source", async () => {
    await prompt.run('def area(r: float) -> float:\n    """Of a circle."""\n    return 3 * r * r');
    expect(await printed("area?")).toMatch(/Signature: +area\(r: float\) -> float\n(?:.*\n)*Docstring: +Of a circle\./);
    expect(await printed("?area")).toBe(await printed("area?"));
    expect(await printed("area??")).toContain("    return 3 * r * r");
  });

  test("%who names what is the user's, and not ours", async () => {
    await using fresh = await Prompt.start("python");
    expect(await fresh.run("%who")).toMatchObject({ stdout: "Interactive namespace is empty.\n" });
    await fresh.run("b = 1\na = 'x'");
    expect((await fresh.run("%who")).stdout.split(/\s+/)).toEqual(["a", "b", ""]);
    expect(await fresh.run("%who_ls str")).toMatchObject({ stdout: "['a']\n" });
  });
});

describe("what is not there", () => {
  const refused = async (source: string) => {
    const { stdout, stderr, success } = await prompt.run(source);
    expect({ source, success, stdout }).toEqual({ source, success: false, stdout: "" });
    expect(stderr).toContain("\nSyntaxError: ");
    // Where the signs below the line stand differs between versions of Python.
    return stderr.replace(/^ {2}File "<cell \d+>", /, "").replace(/^ +\^+\n/gm, "");
  };

  test("an unknown magic is an error before anything runs, with its line and what to write instead", async () => {
    expect(await refused("print('not yet')\n%nonesuch 1")).toBe(
      "line 2\n    %nonesuch 1\nSyntaxError: the magic %nonesuch does not exist here. Write plain Python, or !COMMAND for a command line.\n",
    );
    expect(await refused("%conda install numpy")).toContain("Write %pip install NAME.");
    expect(await refused("%%R\nx <- 1")).toContain("the magic %%R does not exist here.");
    expect(await refused("x = %run file.py")).toContain("runpy");
  });

  test("a magic of a whole source further down is told to be one", async () => {
    expect(await refused("print(1)\n%%bash\nls")).toContain("a magic with %% stands in the first line of a source");
  });

  test("an error in Python beside a command is told with the user's line", async () => {
    expect(await refused("!echo one\n1 +")).toBe("line 2\n    1 +\nSyntaxError: invalid syntax\n");
    expect(await refused("x = (1,\n%pwd")).toMatch(/^line \d\n/);
    expect(await refused("%time 1 +")).toContain("    %time 1 +\n");
  });

  test("what is no notebook's is refused as Python refuses it", async () => {
    expect(await refused("1 +")).toBe("line 1\n    1 +\nSyntaxError: invalid syntax\n");
    expect(await refused("hello there")).toBe("line 1\n    hello there\nSyntaxError: invalid syntax\n");
  });
});

describe("Python", () => {
  test("a traceback has the user's lines and their numbers", async () => {
    const { stderr } = await prompt.run("!true\n%cd -q .\n\nundefined_name");
    expect(stderr).toMatch(/line 4, in <module>\n {4}undefined_name\n/);
    const within = await prompt.run("x = 1\n%time 1 / 0");
    expect(within.stderr).toMatch(/line 2, in <module>\n {4}%time 1 \/ 0\nZeroDivisionError: .+\n$/);
  });

  test("what parses as Python is never read in another way", async () => {
    const source = "n = 7\ncd = pwd = 2\nx = (n\n%cd\n)\ns = '''\n!echo no\n%pwd\n'''\nprint(x, s)";
    expect(await printed(source)).toBe("1 \n!echo no\n%pwd\n\n");
    expect(await printed("'__notebook__' in globals()")).toBe("False\n");
  });

  test("sources that are indented as a whole, and a byte order mark, run", async () => {
    expect(await printed("\n    def f():\n        return 1\n\n    f()")).toBe("1\n");
    expect(await printed("\ufeffprint('with a mark')")).toBe("with a mark\n");
    expect(await printed("\ufeff  !echo both")).toBe("both\n");
  });
});
