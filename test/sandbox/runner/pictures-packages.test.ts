// Pictures of the packages that people draw with, really installed: matplotlib, PIL, pandas, seaborn, plotly, Altair and Bokeh. Skipped where they
// cannot be downloaded.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pictureOf } from "../../../src/sandbox/picture.ts";
import { pythonWith } from "../../clients/foreign.ts";
import { type PlacedDisplay, Prompt, spawnIn } from "./spawn.ts";

const { argv, missing } = await pythonWith("python-pictures", [
  ...["matplotlib==3.11.2", "pillow==13.0.0", "pandas==3.1.1", "seaborn==0.13.2"],
  ...["plotly==7.1.0", "altair==6.3.0", "vl-convert-python==1.9.0.post1", "bokeh==3.9.2"],
]);
const reason = missing === undefined ? "" : ` (skipped: the packages cannot be had here: ${missing})`;

describe.skipIf(missing !== undefined)(`packages that draw${reason}`, () => {
  let prompt: Prompt;
  beforeAll(async () => {
    prompt = await Prompt.start("python", spawnIn, argv[0]);
    await run("import os, sys, numpy as np, matplotlib, matplotlib.pyplot as plt, pandas as pd\nfrom PIL import Image");
    await run("def numbered(count):\n    for n in range(count): plt.figure().text(0.5, 0.5, str(n))");
    // What is imported for the first time is compiled, and looks for all fonts.
  }, 300_000);
  afterAll(() => prompt?.[Symbol.asyncDispose]());

  const run = async (source: string) => {
    const ran = await prompt.run(source);
    expect({ source, stderr: ran.stderr, restarted: ran.interpreterRestarted }).toEqual({
      source,
      stderr: "",
      restarted: false,
    });
    return ran;
  };
  /** The pictures among the displays: decoded by PIL, with the pixels that they have. */
  const sidesOf = async (displays: readonly PlacedDisplay[]) => {
    const pictures = displays.flatMap(({ data }) => data["image/png"] ?? data["image/jpeg"] ?? []);
    const decode = pictures.map((base64) => `"${base64}"`).join(", ");
    await Bun.write(join(prompt.directory, "pictures.py"), `pictures = [${decode}]`);
    const decoded = await run(`import base64, io
names = {}; exec(open("pictures.py").read(), names)
images = [Image.open(io.BytesIO(base64.b64decode(one))) for one in names["pictures"]]
for image in images: image.load()
print([list(image.size) for image in images])`);
    const sides: unknown = JSON.parse(decoded.stdout);
    expect(sides).toEqual(
      pictures.map((base64) => {
        const { width, height } = pictureOf(Buffer.from(base64, "base64"))?.sides ?? {};
        return [width, height];
      }),
    );
    return pictures.map((base64) => {
      const { width = 0, height = 0 } = pictureOf(Buffer.from(base64, "base64"))?.sides ?? {};
      return { width, height, length: base64.length };
    });
  };

  test("matplotlib's open figures are shown at the end of the run, in their order, each once, and are closed", async () => {
    const ran = await run("plt.figure(2); plt.plot([1])\nplt.figure(1, figsize=(3, 2)); plt.plot([2])\nprint('drawn')");
    expect(ran.displays.map(({ at, data }) => [at, data["text/plain"]])).toEqual([
      [6, "<Figure size 300x200 with 1 Axes>"],
      [6, "<Figure size 640x480 with 1 Axes>"],
    ]);
    const [small, usual] = await sidesOf(ran.displays);
    expect(small?.width).toBeWithin(200, 330);
    expect(usual?.width).toBeWithin(500, 680);
    expect(await run("plt.get_fignums()")).toMatchObject({ displays: [], result: "[]" });
  });

  test("plt.show() shows them in its place, and display() and a last value show one", async () => {
    const ran = await run(`print("a"); plt.plot([1]); plt.show(); print("b"); plt.show()
figure, axes = plt.subplots(); display(figure); print("c")
plt.figure(); plt.plot([2]); print("d")
figure`);
    expect(ran.stdout).toBe("a\nb\nc\nd\n<Figure size 640x480 with 1 Axes>\n");
    const end = ran.stdout.length;
    expect(ran.displays.map(({ at }) => at)).toEqual([2, 4, end, end]);
  });

  test("a figure is shown though an exception comes after it, and not after plt.close()", async () => {
    const failed = await prompt.run("plt.plot([1]); 1 / 0");
    expect(failed).toMatchObject({ success: false, displays: [{ at: 0 }] });
    expect(failed.stderr).toMatch(
      /^Traceback.*\n {2}File "<cell \d+>", line 1(?:.*\n)*ZeroDivisionError: division by zero\n$/,
    );
    expect(await run("plt.plot([1]); plt.close()\nplt.figure(); plt.close('all')")).toMatchObject({ displays: [] });
    expect(await run("import sys\nplt.plot([1]); sys.exit(0)")).toMatchObject({ displays: [{}] });
  });

  test("without plt.show() too where Agg was chosen, and what is drawn step by step is shown once", async () => {
    await run("plt.switch_backend('Agg')");
    expect(await run("plt.plot([1])\nplt.savefig('saved.png')")).toMatchObject({ displays: [{}] });
    await run("plt.switch_backend('module://msb_mcp_figures')");
    expect(await run("for n in range(3): plt.plot([n]); plt.pause(0.001)")).toMatchObject({ displays: [{}] });
  });

  test("the dpi that a program sets is kept where it fits, else lowered; 30 megapixels too", async () => {
    const large = await run("plt.rcParams['figure.dpi'] = 200; plt.plot([1])");
    expect((await sidesOf(large.displays))[0]?.width).toBeWithin(1_000, 1_350);
    const larger = await run("plt.rcParams['savefig.dpi'] = 400; plt.plot([1])");
    expect(larger.displays).toMatchObject([
      { note: expect.stringMatching(/^made smaller: 156\d × \d+ pixels of 2\d+ × \d+$/) },
    ]);
    const huge = await run(
      "plt.rcdefaults(); plt.figure(figsize=(63, 50)); plt.imshow(np.random.rand(500, 600)); None",
    );
    for (const { width, height, length } of await sidesOf([...larger.displays, ...huge.displays])) {
      expect(Math.max(width, height)).toBeWithin(400, 1_569);
      expect(length).toBeLessThanOrEqual(700_000);
    }
  });

  test("of 50 figures 8 are shown and 42 are files, and all are told", async () => {
    const ran = await run(
      "plt.rcParams['figure.max_open_warning'] = 0\nplt.rcParams['figure.figsize'] = 1, 1\nnumbered(50)",
    );
    expect(ran.displays).toHaveLength(50);
    expect(await sidesOf(ran.displays)).toHaveLength(8);
    const saved = ran.displays.flatMap(({ path, note }) =>
      note === "a run shows at most 8 pictures" ? (path ?? []) : [],
    );
    expect(saved).toEqual(
      Array.from({ length: 42 }, (_, n) => join(prompt.directory, "displays", `figure-${n + 1}.png`)),
    );
    for (const path of saved) expect(pictureOf(readFileSync(path))?.mediaType).toBe("image/png");
    await run("plt.rcdefaults()");
  });

  test("noisy figures share the room of an answer", async () => {
    const ran = await run(`for n in range(4):
    plt.figure(figsize=(8, 8)); plt.imshow(np.random.rand(500, 500, 3))
None`);
    const sides = await sidesOf(ran.displays);
    expect(sides).toHaveLength(4);
    expect(sides.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(700_000);
  });

  test("a figure that cannot be drawn is told, and the program was fine", async () => {
    const ran = await run("plt.title(r'$\\\\notacommand$')\nprint('fine')");
    expect(ran).toMatchObject({
      success: true,
      stdout: expect.stringMatching(/^fine\n<Figure .*>\n\[it could not be drawn: /),
    });
    const far = await run("plt.text(0.5, 900, 'far away', transform=plt.gca().transAxes); None");
    expect((await sidesOf(far.displays))[0]?.height).toBeWithin(300, 500);
  });

  test("what matplotlib warns of is told once, and not as the runner's", async () => {
    const ran = await prompt.run("plt.title('\\u4e2d'); plt.show(); plt.title('\\u4e2d\\u4e2d')");
    expect(ran.displays).toHaveLength(2);
    expect(ran.stderr).toMatch(/^(UserWarning: Glyph 20013 .* missing from .*\n){2}$/);
  });

  test("figures of threads, of parts and without pyplot are shown, and forks save theirs", async () => {
    const threaded = await run(`import threading
thread = threading.Thread(target=lambda: plt.plot([1])); thread.start(); thread.join()`);
    expect(threaded.displays).toHaveLength(1);
    const part = await run(
      "figure = plt.figure(); left, right = figure.subfigures(1, 2); left.subplots(); display(right)",
    );
    expect(part.displays).toHaveLength(1);
    const own = await run("from matplotlib.figure import Figure\nown = Figure(); own.add_subplot().plot([1]); own");
    expect(own.displays).toHaveLength(1);
    const fork = await run("plt.plot([1])\nif os.fork() == 0: plt.show()\nelse: os.wait()");
    expect(fork.displays).toHaveLength(1);
    expect(fork.stdout).toMatch(/^<Figure .*>\n\[a picture is shown only while a run is on, .*; saved as .*\.png\]\n$/);
  });

  test("an interrupted run keeps its figures for the next", async () => {
    await prompt.interruptAfterOutput("plt.plot([1])\nprint('on')\nwhile True: pass");
    expect((await run("1")).displays).toHaveLength(1);
  });

  test("a program that the run starts draws as anywhere", async () => {
    const source =
      "import matplotlib.pyplot as plt; plt.plot([1]); plt.show(); plt.savefig('child.png'); print(plt.get_backend())";
    const ran = await run(`import subprocess\nsubprocess.run([sys.executable, "-c", "${source}"], check=True)\nNone`);
    expect(ran.stdout).toBe("agg\n");
  });

  test("seaborn's are matplotlib's", async () => {
    const ran = await run("import seaborn as sns\nsns.set_theme(); sns.histplot([1, 2, 2, 3]); None");
    expect(await sidesOf(ran.displays)).toHaveLength(1);
    await run("plt.rcdefaults()");
  });

  test("PIL's images are shown, made smaller where they are too large, in any mode", async () => {
    const ran =
      await run(`display(Image.new("RGB", (3000, 1000), "red"), Image.new("CMYK", (10, 10)), Image.new("P", (2000, 5)), Image.new("F", (9, 9)))
Image.effect_noise((4000, 3000), 90)`);
    const sides = await sidesOf(ran.displays);
    expect(sides.slice(0, 4).map(({ width, height }) => [width, height])).toEqual([
      [1568, 523],
      [10, 10],
      [1568, 4],
      [9, 9],
    ]);
    expect(sides[4]?.width).toBeWithin(400, 1_569);
    expect(ran.displays.map(({ note }) => note?.slice(0, 12))).toEqual([
      "made smaller",
      undefined,
      "made smaller",
      undefined,
      "made smaller",
    ]);
    const moving = await run(`buffer = io.BytesIO()
for side in (7, 2000):
    buffer.seek(0); Image.new("RGB", (side, 7)).save(buffer, "GIF", save_all=True, append_images=[Image.new("RGB", (side, 7), "red")])
    display({"image/gif": buffer.getvalue()}, raw=True)
buffer.seek(0); Image.new("RGB", (7, 7)).save(buffer, "BMP")
display({"image/bmp": buffer.getvalue()}, raw=True)`);
    expect(moving.displays.map(({ data, note }) => [Object.keys(data), note])).toEqual([
      [["image/gif"], undefined],
      [["image/png"], "the first picture of a GIF; made smaller: 1568 × 5 pixels of 2000 × 7"],
      [["image/png"], undefined],
    ]);
    const bytes = `class Bytes:
    def _repr_png_(self):
        buffer = io.BytesIO(); Image.new("RGB", (5000, 100)).save(buffer, "PNG"); return buffer.getvalue()
Bytes()`;
    expect((await sidesOf((await run(bytes)).displays))[0]).toMatchObject({ width: 1568, height: 31 });
  });

  test("pandas' tables are text of a bounded size, which tells how to have all", async () => {
    await run("table = pd.DataFrame(np.arange(30_000).reshape(1_000, 30))");
    const ran = await run("display(table)");
    expect(ran.displays).toEqual([]);
    expect(ran.stdout.length).toBeLessThan(4_000);
    expect(ran.stdout).toEndWith(
      "\n[part of 1000 rows × 30 columns; its to_string() has all, its to_csv(path) saves all]\n",
    );
    expect((await run("display(table[0])")).stdout).toContain("[part of 1000 values; ");
    expect(await run("table.iloc[:2, :2]")).toMatchObject({
      displays: [],
      stdout: "    0   1\n0   0   1\n1  30  31\n",
    });
    expect(
      (await run("pd.set_option('display.max_rows', None)\ndisplay(table[[0]])")).stdout.split("\n").length,
    ).toBeGreaterThan(1_000);
  });

  test("charts of plotly, Altair and Bokeh are pages in files, with a picture where there is an exporter", async () => {
    const ran = await run(`import plotly.express as px, altair as alt
from bokeh.plotting import figure as bokeh_figure, show
px.scatter(x=[1, 2], y=[3, 4]).show()
chart = bokeh_figure(); chart.line([1, 2], [3, 4]); show(chart)
alt.Chart(pd.DataFrame({"a": [1, 2]})).mark_bar().encode(x="a:O")`);
    expect(ran.displays.map(({ path }) => path?.split("/").at(-1))).toEqual([
      "plotly-1.html",
      "bokeh-1.html",
      "altair-1.html",
    ]);
    for (const { path = "" } of ran.displays) expect(readFileSync(path, "utf8")).toContain("</html>");
    expect(await sidesOf(ran.displays)).toHaveLength(1);
    expect(Object.keys(ran.displays[2]?.data ?? {})).toEqual(["image/png"]);
  });

  test("nothing but what was told is left behind", () => {
    const names = readdirSync(join(prompt.directory, "displays")).map((name) => name.replace(/-\d+/, ""));
    expect([...new Set(names)].sort()).toEqual(["altair.html", "bokeh.html", "figure.png", "plotly.html"]);
  });
});
