// What the Node runner shows beside the output: forms of values, their places, and what does not fit.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { systemClock } from "../../../src/clock.ts";
import { pictureOf } from "../../../src/sandbox/picture.ts";
import { runnerPrograms } from "../../../src/sandbox/runner/programs.ts";
import { startInterpreter } from "../../../src/sandbox/runner/runner.ts";
import { samplePng } from "../../programs/sample.ts";
import { Prompt, spawnIn } from "./spawn.ts";

/** `png`: a real one. `head(width, height, bytes)`: the beginning of one. `noisy(width, height)`: a real one that hardly packs. */
const kinds = `
var png = Buffer.from("${samplePng}", "base64");
var head = (width, height, bytes = 0) => {
  const head = Buffer.concat([png.subarray(0, 33), Buffer.alloc(bytes)]);
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return head;
};
var painted = (width, height, colour, channels, paint) => {
  const rows = Buffer.alloc((width * channels + 1) * height);
  for (let y = 0; y < height; y++) paint(rows.subarray(y * (width * channels + 1) + 1, (y + 1) * (width * channels + 1)), y);
  const part = (type, data) => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type), data, Buffer.alloc(4)]);
    bytes.writeUInt32BE(data.length, 0);
    return bytes;
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, colour, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  return Buffer.concat([png.subarray(0, 8), part("IHDR", header), part("IDAT", zlib.deflateSync(rows)), part("IEND", Buffer.alloc(0))]);
};`;

let prompt: Prompt;
let folder: string;
beforeAll(async () => {
  prompt = await Prompt.start("node");
  folder = join(prompt.directory, "displays");
  await prompt.run(kinds);
});
afterAll(() => prompt[Symbol.asyncDispose]());

async function dataOf(source: string) {
  return (await prompt.run(source)).displays.map(({ data }) => data);
}

/** On a busy machine. */
const patient = { interruptGraceMs: 20_000 };
const picture = { "image/png": samplePng };

describe("display() and last values", () => {
  test("a picture comes in its place, and a last value's behind its text", async () => {
    const ran = await prompt.run("console.log('é'); display(png); console.log('after');\n({ _repr_png_: () => png })");
    expect(ran.stdout).toBe("é\nafter\n{ _repr_png_: [Function: _repr_png_] }\n");
    expect(ran.displays).toEqual([
      { data: picture, at: 3 },
      { data: picture, at: Buffer.byteLength(ran.stdout) },
    ]);
  });

  test("bytes of every kind are shown as what is said of them, or as what they begin like", async () => {
    const bytes = "[png, new Uint8Array(png), new DataView(new Uint8Array(png).buffer), new Uint8Array(png).buffer]";
    const shared =
      "(() => { const all = new SharedArrayBuffer(png.length); new Uint8Array(all).set(png); return all; })()";
    expect(await dataOf(`for (const all of [...${bytes}, ${shared}]) display(all)`)).toEqual(Array(5).fill(picture));
    expect(await dataOf("display(png, 'image/png')")).toEqual([picture]);
    expect(await dataOf("display(png.toString('base64'), 'image/png')")).toEqual([picture]);
    expect(await dataOf("display('data:image/png;base64,' + png.toString('base64'))")).toEqual([picture]);
    expect(await dataOf("display(Buffer.from('<?xml version=\"1.0\"?><svg/>'.replace('/', ' ')))")).toEqual([
      { "image/svg+xml": '<?xml version="1.0"?><svg >' },
    ]);
    expect(await dataOf("display('# é', 'text/markdown'); display(Buffer.from('é'), 'text/html')")).toEqual([
      { "text/markdown": "# é" },
      { "text/html": "é" },
    ]);
    expect(await dataOf("display({ a: [1n].length }, 'application/json')")).toEqual([
      { "application/json": '{"a":1}' },
    ]);
  });

  test("every method of IPython's is asked, by its name or its symbol", async () => {
    const forms = `png: png, svg: "<svg/>", html: "<b>", markdown: "*m*", latex: "$x$", json: { a: 1 }`;
    const all = { "image/svg+xml": "<svg/>", "text/html": "<b>", "text/markdown": "*m*", "text/latex": "$x$" };
    for (const name of ["'_repr_' + form + '_'", "Symbol.for('_repr_' + form + '_')"]) {
      const source = `display(Object.fromEntries(Object.entries({ ${forms} }).map(([form, value]) => [${name}, () => value])))`;
      expect(await dataOf(source)).toEqual([{ ...picture, ...all, "application/json": '{"a":1}' }]);
    }
    const bundle = `class Chart { _repr_mimebundle_() { return { "text/markdown": "#", "text/plain": "own" } } }`;
    expect(await dataOf(`${bundle}; display(new Chart())`)).toEqual([{ "text/markdown": "#", "text/plain": "own" }]);
    expect(await dataOf("new Chart()")).toEqual([{ "text/markdown": "#" }]);
    expect(await dataOf("display({ _repr_png_: () => [png, { width: 3 }] })")).toEqual([picture]);
  });

  test("a canvas is shown as a picture, as a last value too", async () => {
    await prompt.run("class Canvas { getContext() {} toBuffer(type) { if (type === 'image/png') return png } }");
    expect(await dataOf("display(new Canvas()); new Canvas()")).toEqual([picture, picture]);
  });

  test("what is yet to come is shown where it was asked for, and is waited for", async () => {
    const blob = await prompt.run(
      "display(new Blob([png], { type: 'image/png' })); display(new Blob([png])); console.log('more'); setTimeout(() => console.log('late'), 50)",
    );
    expect(blob.displays).toEqual([
      { data: picture, at: 0 },
      { data: picture, at: 0 },
    ]);
    const slow = "{ _repr_png_: async () => { await new Promise((resolve) => setTimeout(resolve, 100)); return png } }";
    const ran = await prompt.run(`display(${slow}); console.log('shown'); (${slow})`);
    expect(ran.displays.map(({ at }) => at)).toEqual([0, Buffer.byteLength(ran.stdout)]);
    const failing = await prompt.run("display({ _repr_png_: async () => { throw new Error('no paper') } })");
    expect(failing).toMatchObject({
      success: true,
      displays: [{ data: {}, note: "its image/png failed: Error: no paper" }],
    });
  });

  test("what has no other form is printed as the prompt prints it", async () => {
    const source =
      "display(1); display('two'); display([3]); display(null); display(undefined); display(Buffer.from('x'))";
    expect(await prompt.run(source)).toMatchObject({
      stdout: "1\n'two'\n[ 3 ]\nnull\nundefined\n<Buffer 78>\n",
      displays: [],
      result: null,
    });
  });

  test("a last value whose text says what it is is not told as HTML too", async () => {
    expect(await dataOf("({ rows: 3, _repr_html_: () => '<table>' })")).toEqual([]);
    await prompt.run("class Page { _repr_html_() { return '<table>' } }");
    expect(await dataOf("new Page()")).toEqual([{ "text/html": "<table>" }]);
  });

  test("a method that fails is told, a trap of a proxy is not sprung, and the program goes on", async () => {
    const source = "display({ _repr_png_() { throw new TypeError('no\\nink') }, _repr_markdown_: () => 'm' }); 'end'";
    const ran = await prompt.run(source);
    expect(ran).toMatchObject({ success: true, stderr: "", result: "'end'" });
    expect(ran.displays).toMatchObject([
      { data: { "text/markdown": "m" }, note: "its _repr_png_ failed: TypeError: no ink" },
    ]);
    const trap = "new Proxy({}, { has() { console.log('sprung') }, get() { console.log('sprung') } })";
    expect((await prompt.run(trap)).stdout).not.toContain("sprung");
    expect(await prompt.run("display({ get _repr_png_() { throw 5 } }); 1")).toMatchObject({
      success: true,
      stdout: "1\n",
    });
  });

  test("the name is the user's to take", async () => {
    await using fresh = await Prompt.start("node");
    await fresh.run(kinds);
    await fresh.run("const show = display");
    expect(await fresh.run("let display = 5; display")).toMatchObject({ stdout: "5\n" });
    expect((await fresh.run("show(png)")).displays).toMatchObject([{ data: picture }]);
  });
});

describe("what does not fit", () => {
  test("a picture that is no PNG and too large is a file, and told", async () => {
    const ran = await prompt.run(
      "display(Buffer.concat([Buffer.from('GIF89a\\x00\\x10\\x01\\x00', 'latin1'), Buffer.alloc(9)]))",
    );
    const path = join(folder, "picture-1.gif");
    expect(ran.displays).toMatchObject([{ data: {}, path, note: "its image/gif is 4096 × 1 pixels" }]);
    expect(readFileSync(path).length).toBe(19);
  });

  test("a PNG is made smaller, and looks the same", async () => {
    for (const [colour, channels, first] of [
      [0, 1, [200, 200, 200]],
      [2, 3, [200, 100, 50]],
      [4, 2, [200, 200, 200, 100]],
      [6, 4, [200, 100, 50, 128]],
    ] as const) {
      const row = `row.fill(Buffer.from([200, 100, 50, 128].slice(0, ${channels})))`;
      const { displays } = await prompt.run(`display(painted(2000, 1000, ${colour}, ${channels}, (row) => ${row}))`);
      const note = "made smaller, from 2000 × 1000 to 1568 × 784 pixels";
      expect(displays).toMatchObject([{ note }]);
      const bytes = Buffer.from(displays[0]?.data["image/png"] ?? "", "base64");
      expect(pictureOf(bytes)?.sides).toEqual({ width: 1568, height: 784 });
      // The pixels of the first row stand right behind its filter.
      const idat = bytes.indexOf("IDAT");
      const rows = inflateSync(bytes.subarray(idat + 4));
      expect([...rows.subarray(1, 1 + first.length)]).toEqual([...first]);
    }
  });

  test("a PNG whose pixels take too much is made smaller, within what an answer has", async () => {
    const source = `display(painted(900, 600, 2, 3, (row) => require('crypto').randomFillSync(row)))`;
    const { displays } = await prompt.run(source);
    expect(displays).toMatchObject([
      { note: expect.stringMatching(/^made smaller, from 900 × 600 to \d+ × \d+ pixels$/) },
    ]);
    expect(displays[0]?.data["image/png"]?.length).toBeLessThanOrEqual(700_000);
  });

  test("what is no picture at all, a bomb and 100 MB are files", async () => {
    const ran = await prompt.run(
      "display(Buffer.from('<script>'), 'image/png'); display(head(60000, 60000), 'image/png'); display(Buffer.alloc(1e8), 'image/png'); display(Buffer.alloc(9), 'application/x-thing')",
    );
    expect(ran.displays.map(({ note, path }) => [note, path === undefined])).toEqual([
      ["its image/png cannot be read", false],
      ["its image/png is 60000 × 60000 pixels", false],
      ["its image/png cannot be read", false],
      ["application/x-thing", false],
    ]);
  }, 20_000);

  test("a text of more than 32 KiB is a file that is not in another one's place", async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "display-1.html"), "the user's");
    rmSync(join(folder, "display-1.bin"), { force: true });
    await using fresh = await Prompt.start("node");
    await fresh.run(`process.env.HOME = ${JSON.stringify(prompt.directory)}`);
    const { displays } = await fresh.run("display('<p>'.repeat(20000), 'text/html')");
    expect(displays).toMatchObject([{ path: join(folder, "display-2.html"), note: "60000 bytes of text/html" }]);
    expect(readFileSync(join(folder, "display-1.html"), "utf8")).toBe("the user's");
    expect(readFileSync(join(folder, "display-2.html"), "utf8")).toHaveLength(60_000);
  });

  test("pictures beyond eight, or beyond the room for them, are files", async () => {
    const many = await prompt.run("for (let i = 0; i < 50; i++) display(png)");
    expect(many.displays.filter(({ data }) => "image/png" in data)).toHaveLength(8);
    expect(
      many.displays.filter(({ note, path }) => note === "a run shows at most 8 pictures" && existsSync(path ?? "")),
    ).toHaveLength(42);
    const large = await prompt.run(
      "for (let i = 0; i < 4; i++) display(Buffer.concat([Buffer.from('\\xff\\xd8\\xff\\xc0\\0\\x11\\x08\\0\\x01\\0\\x02', 'latin1'), Buffer.alloc(200000)]))",
    );
    expect(large.displays.filter(({ data }) => "image/jpeg" in data)).toHaveLength(2);
    expect(large.displays.filter(({ path }) => path !== undefined)).toHaveLength(2);
  });

  test("of a thousand displays a hundred are told, the last with how many more there were", async () => {
    const { displays, notices, success } = await prompt.run(
      "for (let i = 0; i < 1000; i++) display('x', 'text/markdown')",
    );
    expect([displays.length, notices, success]).toEqual([100, undefined, true]);
    expect(displays.at(-1)).toMatchObject({ note: "901 more were left out: a run shows at most 99" });
  });

  test("where no file can be made, the display says so and the program goes on", async () => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "a file");
    const ran = await prompt.run("display('x'.repeat(40000), 'text/plain'); 'on'");
    expect(ran).toMatchObject({ success: true, result: "'on'" });
    expect(ran.displays).toMatchObject([
      { data: {}, note: "40000 bytes of text/plain; it could not be saved: EEXIST" },
    ]);
    rmSync(folder);
  });
});

describe("at the edges of a run", () => {
  test("what is shown between runs is printed, with the path of what was saved", async () => {
    const directory = mkdtempSync(join(tmpdir(), "runner-test-"));
    const program = join(directory, "node.cjs");
    writeFileSync(program, runnerPrograms.node.source);
    const printed = Promise.withResolvers<string>();
    const onBackground = (_: unknown, bytes: Uint8Array) => printed.resolve(Buffer.from(bytes).toString());
    await using interpreter = await startInterpreter(
      {
        spawn: spawnIn(directory),
        language: "node",
        interpreter: "node",
        program,
        env: {},
        clock: systemClock,
        onBackground,
      },
      new AbortController().signal,
    );
    const shown: unknown[] = [];
    await interpreter.run({
      source: `${kinds}\nconst timer = setInterval(() => { if (!require("fs").existsSync("over")) return; clearInterval(timer); display(png) }, 20)`,
      signal: new AbortController().signal,
      onOutput: () => undefined,
      onDisplay: (display) => shown.push(display),
    });
    writeFileSync(join(directory, "over"), "");
    const path = join(directory, "displays", "picture-1.png");
    expect(await printed.promise).toBe(`[a picture is shown only while a run is on; saved as ${path}]\n`);
    expect([shown, existsSync(path)]).toEqual([[], true]);
    rmSync(directory, { recursive: true });
  });

  test("an exception behind it, process.exit and an interrupt leave what was shown", async () => {
    expect(await prompt.run("display(png); throw new Error('after')")).toMatchObject({
      success: false,
      displays: [{ data: picture }],
    });
    expect(await prompt.run("display(png); process.exit(3)")).toMatchObject({
      exitCode: 3,
      displays: [{ data: picture }],
    });
    const ran = await prompt.interruptAfterOutput("display(png); console.log('on'); for (;;);", undefined, patient);
    expect(ran).toMatchObject({ ended: "interrupted", interpreterRestarted: false, displays: [{ data: picture }] });
  });

  test("code that is interrupted amid displays loses none of what follows", async () => {
    for (let round = 0; round < 5; round++) {
      const ran = await prompt.interruptAfterOutput(
        "console.log('on'); for (;;) display('x'.repeat(30000), 'text/markdown');",
        undefined,
        patient,
      );
      expect(ran.ended).toBe("interrupted");
      expect(await prompt.run("display(png); 6 * 7")).toMatchObject({ result: "42", displays: [{ data: picture }] });
    }
  });

  test("a program that replaces what it could be shown by is shown all the same", async () => {
    await using fresh = await Prompt.start("node");
    await fresh.run(kinds);
    const replaced =
      "JSON, Reflect, Buffer, Uint8Array.prototype, Buffer.prototype, String.prototype, require('fs'), require('vm'), require('util')";
    await fresh.run(`for (const all of [${replaced}]) for (const name of Object.getOwnPropertyNames(all)) {
      if (typeof Object.getOwnPropertyDescriptor(all, name).value === "function" && name !== "constructor") all[name] = null;
    }`);
    expect((await fresh.run("display(png)")).displays).toMatchObject([{ data: picture }]);
  });

  test("a line of the user's own on the runner's descriptor shows nothing under another id, and ends nothing", async () => {
    const line = JSON.stringify({ id: "another", display: { number: 1, data: picture } });
    const ran = await prompt.run(`require("fs").writeSync(3, ${JSON.stringify(`${line}\n`)}); console.log("d1")`);
    expect(ran).toMatchObject({ stdout: "d1\n", displays: [], interpreterRestarted: false });
  });

  test("a child process has no part in it", async () => {
    const { displays, success } = await prompt.run(
      "require('child_process').execFileSync(process.execPath, ['-e', 'console.log(typeof display)'], { encoding: 'utf8' })",
    );
    expect([displays, success]).toEqual([[], true]);
  });
});

test("nothing of a run without displays stands in the home", async () => {
  await using fresh = await Prompt.start("node");
  await fresh.run("1 + 1; ({ a: 1 })");
  expect(readdirSync(fresh.directory).filter((name) => name === "displays")).toEqual([]);
});
