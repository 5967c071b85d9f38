// What the Python runner shows beside the output, without any package: forms of values, their places, and what does not fit.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Prompt } from "./spawn.ts";

let prompt: Prompt;
beforeAll(async () => {
  prompt = await Prompt.start("python");
  await prompt.run(kinds);
  // Where an IPython is installed, it is not found.
  await prompt.run("import sys\nsys.path[:] = [part for part in sys.path if not part.endswith('-packages')]");
});
afterAll(() => prompt[Symbol.asyncDispose]());

/** `Of(form=value)`: a value with the methods of these forms. `png(width, height, bytes)`: as large as is said. */
const kinds = `
import struct, zlib
class Of:
    def __init__(self, **forms): self.__class__ = type("Of", (), {
        "_repr_%s_" % name: (lambda form: lambda self: form() if callable(form) else form)(form) for name, form in forms.items()})
def png(width=1, height=1, size=0):
    def part(name, data): return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + part(b"IHDR", head) + part(b"tEXt", b"a\\0" * (size // 2)) + part(b"IEND", b"")
`;

describe("display() and last values", () => {
  test("a picture comes in its place, and a last value's behind its text", async () => {
    const ran = await prompt.run("print('before')\ndisplay(Of(png=png()))\nprint('after')\nOf(png=png(2, 2))");
    expect(ran.stdout).toMatch(/^before\nafter\n<__main__\.Of object at \w+>\n$/);
    expect(ran.result).toMatch(/^<__main__\.Of object/);
    expect(ran.displays.map(({ at }) => at)).toEqual([7, Buffer.byteLength(ran.stdout)]);
    expect(ran.displays.map(({ data }) => Object.keys(data))).toEqual([["image/png"], ["image/png"]]);
    const shown = Buffer.from(ran.displays[1]?.data["image/png"] ?? "", "base64");
    expect([shown.readUInt32BE(16), shown.readUInt32BE(20)]).toEqual([2, 2]);
  });

  test("every form of IPython's is told with its media type", async () => {
    const { displays } =
      await prompt.run(`display(Of(svg="<svg/>", html="<b>b</b>", markdown="*m*", latex="$x$", json={"a": [1]}))
display(Of(jpeg=(b"\\xff\\xd8\\xff\\xc0\\0\\x11\\x08\\0\\x01\\0\\x02", {"width": 1})))
class Bundle:
    def _repr_mimebundle_(self, include=None, exclude=None): return {"text/markdown": "#", "text/plain": "own"}, {}
display(Bundle())`);
    expect(displays.map(({ data }) => data)).toEqual([
      {
        "image/svg+xml": "<svg/>",
        "text/html": "<b>b</b>",
        "text/markdown": "*m*",
        "text/latex": "$x$",
        "application/json": '{"a": [1]}',
      },
      { "image/jpeg": "/9j/wAARCAABAAI=" },
      { "text/markdown": "#", "text/plain": "own" },
    ]);
  });

  test("what has no other form is printed, and so is what display() gets of plain values", async () => {
    const ran = await prompt.run("display(1, 'two', [3], None)\ndisplay()");
    expect(ran).toMatchObject({ stdout: "1\n'two'\n[3]\nNone\n", displays: [], result: null });
    const long = await prompt.run("display('x' * 100_000)");
    expect(long).toMatchObject({ stdout: `'${"x".repeat(100_000)}'\n`, displays: [] });
    const widget = await prompt.run(`class Widget:
    def _repr_mimebundle_(self, **options):
        return {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "a widget"}
display(Widget())`);
    expect(widget).toMatchObject({ stdout: "a widget\n", displays: [] });
  });

  test("a last value whose text was printed is not told as HTML too", async () => {
    await prompt.run(
      "class Texted:\n    def __repr__(self): return 'text'\n    def _repr_html_(self): return '<b>text</b>'",
    );
    expect(await prompt.run("Texted()")).toMatchObject({ stdout: "text\n", displays: [] });
    const { displays } = await prompt.run("display(Texted())");
    expect(displays.map(({ data }) => data)).toEqual([{ "text/html": "<b>text</b>", "text/plain": "text" }]);
  });

  test("a method that fails is told, and the program goes on", async () => {
    const ran = await prompt.run("display(Of(png=lambda: 1 / 0, markdown='m'), Of(png=lambda: 'no base64'))\n'end'");
    expect(ran).toMatchObject({ success: true, stderr: "", result: "'end'" });
    expect(ran.displays).toMatchObject([
      { data: { "text/markdown": "m" }, note: "its _repr_png_ failed: ZeroDivisionError: division by zero" },
      { path: expect.any(String), note: "its image/png cannot be read" },
    ]);
  });

  test("the bytes of a picture are shown as one, and other bytes are printed", async () => {
    const pictures = {
      "image/png": "png(2, 3)",
      "image/jpeg": 'b"\\xff\\xd8\\xff\\xc0\\0\\x11\\x08\\0\\x01\\0\\x02"',
      "image/gif": 'bytearray(b"GIF89a\\1\\0\\2\\0")',
      "image/webp": 'b"RIFF\\0\\0\\0\\0WEBPVP8X" + bytes(14)',
    };
    const ran = await prompt.run(`display(${Object.values(pictures).join(", ")}, b"GIF", b"RIFF" * 20, png(0, 1))`);
    expect(ran.displays.map(({ data }) => Object.keys(data))).toEqual(Object.keys(pictures).map((type) => [type]));
    expect(ran.stdout).toStartWith("b'GIF'\nb'RIFFRIFF");
    expect(ran.stdout).toEndWith("IEND\\xaeB`\\x82'\n");
    expect(await prompt.run("png()")).toMatchObject({ displays: [], stdout: expect.stringMatching(/^b'/) });
  });

  test("a picture that is damaged is saved as it came, and that is told", async () => {
    const forms = ["png(0, 5)", "png()[:20]", "b'pixels'", "'bm8gcGljdHVyZQ=='", "{'a': 1}"];
    const { displays } = await prompt.run(forms.map((form) => `display(Of(png=${form}))`).join("\n"));
    expect(displays.map(({ data, note }) => ({ data, note }))).toEqual(
      forms.map(() => ({ data: { "text/plain": "" }, note: "its image/png cannot be read" })),
    );
    const saved = displays.map(({ path = "" }) => readFileSync(path, "latin1"));
    expect(saved.slice(2)).toEqual(["pixels", "bm8gcGljdHVyZQ==", '{"a": 1}']);
  });

  test("a warning of a value's own method is told without the runner's name, and the next run's again", async () => {
    await prompt.run(`import warnings
def warned():
    warnings.warn("old", FutureWarning, stacklevel=2)
    warnings.warn("new", FutureWarning, stacklevel=3)
    return "m"`);
    for (const source of ["display(Of(markdown=warned))", "display(Of(markdown=warned), Of(markdown=warned))"]) {
      const { stderr, displays } = await prompt.run(source);
      expect(displays[0]?.data).toEqual({ "text/markdown": "m" });
      expect(stderr).toMatch(/^(<cell \d+>:\d+: FutureWarning: old\nFutureWarning: new\n)+$/);
    }
  });

  test("an answer that is short comes behind what was shown", async () => {
    for (let round = 0; round < 20; round++) {
      const ran = await prompt.run(`display(Of(markdown="m" * ${round * 100}))\n1`);
      expect(ran).toMatchObject({ stdout: "1\n", result: "1", interpreterRestarted: false });
      expect(ran.displays).toHaveLength(1);
    }
  });

  test("values are shown from coroutines, from threads, and not by a fork", async () => {
    const source = `import asyncio, os, threading
async def later():
    await asyncio.sleep(0)
    display(Of(markdown="awaited"))
await later()
thread = threading.Thread(target=lambda: display(Of(markdown="threaded")))
thread.start(); thread.join()
if os.fork() == 0: display(Of(markdown="forked"))
else: os.wait()`;
    const ran = await prompt.run(source);
    expect(ran.displays.map(({ data }) => data["text/markdown"])).toEqual(["awaited", "threaded"]);
    expect(ran).toMatchObject({ stdout: "forked\n", success: true, stderr: "" });
    await prompt.run(
      "threads = [threading.Thread(target=lambda: display(Of(markdown='m' * 9_000))) for _ in range(20)]",
    );
    const many = await prompt.run("for one in threads: one.start()\nfor one in threads: one.join()");
    expect(many.displays).toHaveLength(20);
  });

  test("a signal's handler that shows something within a display breaks nothing", async () => {
    const source = `import signal
alarms = [Of(markdown="alarm")] * 40
signal.signal(signal.SIGALRM, lambda *_: alarms and display(alarms.pop()))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for _ in range(40): display(Of(markdown="m" * 30_000))
signal.setitimer(signal.ITIMER_REAL, 0)`;
    const ran = await prompt.run(source);
    expect(ran).toMatchObject({ success: true, stderr: "", interpreterRestarted: false });
    expect(ran.displays.filter(({ data }) => data["text/markdown"] !== "alarm")).toHaveLength(40);
  });

  test("whatever a program has put in the place of builtins and modules' functions, its values are shown", async () => {
    await using fresh = await Prompt.start("python");
    await fresh.run(kinds);
    await fresh.run(`import os, sys, json, binascii, time, io
show, data = display, png()
class Picture:
    def _repr_png_(self): return data
    def _repr_json_(self): return [1]`);
    await fresh.run(`for module in (os, json, binascii, time, io, os.path):
    for name in [*vars(module)]:
        if name[:2] != "__": setattr(module, name, None)
for name in [*__builtins__.__dict__]: __builtins__.__dict__[name] = None`);
    const ran = await fresh.run("show(Picture())");
    expect(ran).toMatchObject({ ended: "exited", success: true, interpreterRestarted: false });
    expect(ran.displays.map(({ data }) => Object.keys(data))).toEqual([["image/png", "application/json"]]);
  });

  test("a call with IPython's options is understood", async () => {
    const source = `handle = display(Of(markdown="1"), display_id=True)
handle.update(Of(markdown="2"))
display({"text/markdown": "raw"}, raw=True)`;
    const { displays } = await prompt.run(source);
    expect(displays.map(({ data }) => data["text/markdown"])).toEqual(["1", "2", "raw"]);
  });
});

describe("what does not fit", () => {
  const readSaved = (path = "") => readFileSync(path).toString();

  test("the ninth picture and what is over the budget go to files, and each is told", async () => {
    const { displays } = await prompt.run("for n in range(10): display(Of(png=png(n + 1)))");
    expect(displays.filter(({ data }) => "image/png" in data)).toHaveLength(8);
    expect(displays.slice(8).map(({ note }) => note)).toEqual(Array(2).fill("a run shows at most 8 pictures"));
    expect(displays[9]?.path).toStartWith(join(prompt.directory, "displays", "picture-"));
    expect(readFileSync(displays[9]?.path ?? "").readUInt32BE(16)).toBe(10);
    const large = await prompt.run("for n in range(3): display(Of(png=png(9, 9, 300_000)))");
    expect(large.displays.map(({ data }) => "image/png" in data)).toEqual([true, false, false]);
    const length = large.displays.reduce((sum, { data }) => sum + (data["image/png"] ?? "").length, 0);
    expect(length).toBeLessThanOrEqual(700_000);
  });

  test("long texts go to files", async () => {
    const { displays } = await prompt.run("display(Of(html='<p>' * 20_000, svg='<svg/>'), Of(json=['é' * 40_000]))");
    expect(displays).toMatchObject([
      { data: { "image/svg+xml": "<svg/>" }, note: "60000 characters of text/html" },
      { note: expect.stringMatching(/^\d+ characters of application\/json$/) },
    ]);
    expect(readSaved(displays[0]?.path)).toBe("<p>".repeat(20_000));
    expect(JSON.parse(readSaved(displays[1]?.path))).toEqual(["é".repeat(40_000)]);
  });

  test("a file of that name is left as it is", async () => {
    const fresh = await Prompt.start("python");
    await using _ = fresh;
    mkdirSync(join(fresh.directory, "displays"));
    writeFileSync(join(fresh.directory, "displays", "display-1.html"), "mine");
    await fresh.run(kinds);
    const { displays } = await fresh.run("display(Of(html='x' * 40_000))");
    expect(displays[0]?.path).toBe(join(fresh.directory, "displays", "display-2.html"));
    expect(readSaved(join(fresh.directory, "displays", "display-1.html"))).toBe("mine");
  });

  test("where nothing can be saved, that is told, and nothing half is left", async () => {
    await using fresh = await Prompt.start("python");
    await fresh.run(kinds);
    const noRoom = `import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))`;
    expect(await fresh.run(noRoom)).toMatchObject({ success: true });
    const ran = await fresh.run("display(Of(html='x' * 40_000, markdown='m'))");
    expect(ran.displays).toMatchObject([
      { note: "40000 characters of text/html; it could not be saved: File too large" },
    ]);
    expect(readdirSync(join(fresh.directory, "displays"))).toEqual([]);
    writeFileSync(join(fresh.directory, "file"), "");
    const nowhere = await fresh.run(`import os\nos.environ["HOME"] = "${join(fresh.directory, "file")}"
display(Of(png=png(5_000)))`);
    expect(nowhere).toMatchObject({ success: true, stdout: expect.stringContaining("it could not be saved: ") });
  });

  test("a run tells at most 100 displays, and of the others how many", async () => {
    const { displays } = await prompt.run("for n in range(1_000): display(Of(markdown=str(n)))");
    expect(displays).toHaveLength(100);
    expect(displays[98]?.data).toEqual({ "text/markdown": "98" });
    expect(displays[99]?.note).toBe("901 more were left out: a run shows at most 99");
    expect(await prompt.run("display(Of(markdown='m'))")).toMatchObject({ displays: [{ at: 0 }] });
  });
});

describe("IPython, where it is not installed", () => {
  test("notebooks' names are there, and show what they hold", async () => {
    const source = `from IPython.display import display, HTML, Markdown, JSON, SVG, Latex, Math, Image, Javascript, clear_output
from IPython.core.display import display as same, HTML as same_html
from IPython import get_ipython
assert get_ipython() is None and same_html is HTML
clear_output(wait=True)
display(HTML("<i>h</i>"), Markdown("*m*"), JSON({"a": 1}), SVG("<svg/>"), Latex("$l$"), Math("m"), Image(data=png()))
display(Javascript("alert(1)"), Image(url="https://a.test/b.png"))
Markdown("last")`;
    const ran = await prompt.run(source);
    expect(ran).toMatchObject({ success: true, stderr: "" });
    expect(ran.stdout).toMatch(
      /^alert\(1\)\n<Image: https:\/\/a\.test\/b\.png>\n<IPython\.core\.display\.Markdown object at \w+>\n$/,
    );
    const told = ran.displays.flatMap(({ data }) => Object.entries(data));
    expect(told.filter(([mediaType]) => mediaType !== "image/png")).toEqual([
      ["text/html", "<i>h</i>"],
      ["text/markdown", "*m*"],
      ["application/json", '{"a": 1}'],
      ["image/svg+xml", "<svg/>"],
      ["text/latex", "$l$"],
      ["text/latex", "$$m$$"],
      ["text/markdown", "last"],
    ]);
  });

  test("it has no other modules, and nothing of it is there before it is asked for", async () => {
    await using fresh = await Prompt.start("python");
    expect(await fresh.run("import sys\n[name for name in sys.modules if 'IPython' in name]")).toMatchObject({
      result: "[]",
    });
    expect(await prompt.run("import IPython.core.magic")).toMatchObject({
      success: false,
      stderr: expect.stringContaining("ModuleNotFoundError: No module named 'IPython.core.magic'"),
    });
  });

  test("one that is installed is the one that is found, and its display() shows here", async () => {
    await using fresh = await Prompt.start("python");
    const folder = join(fresh.directory, "IPython");
    mkdirSync(join(folder, "core"), { recursive: true });
    writeFileSync(join(folder, "__init__.py"), "from .core.display_functions import display\nown = True");
    writeFileSync(join(folder, "core", "__init__.py"), "");
    writeFileSync(join(folder, "core", "display_functions.py"), "def display(*objects): print(*objects)");
    await fresh.run(kinds);
    const ran = await fresh.run("import IPython\nIPython.display(Of(markdown='m'))\nIPython.own");
    expect(ran).toMatchObject({ stdout: "True\n", displays: [{ data: { "text/markdown": "m" } }] });
    expect(await fresh.run("import IPython.display")).toMatchObject({ success: false });
  });
});

test("nothing of displays/ is compiled for a run that shows nothing", async () => {
  await using fresh = await Prompt.start("python");
  const isLoaded = "import sys\n'parts' in vars(sys.meta_path[0])";
  expect(await fresh.run(`import json\n${isLoaded}`)).toMatchObject({ result: "False" });
  expect(await fresh.run(`display(1)\n${isLoaded}`)).toMatchObject({ result: "True" });
  expect(existsSync(join(fresh.directory, "displays"))).toBe(false);
});
