// TypeScript in the Node runner: with a Node that erases types and with one that is handed an eraser, both held against what the new one does with
// files. They come from the npm registry, and the tests that take them are skipped where they cannot be downloaded.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packagesOf } from "../../clients/foreign.ts";
import { Prompt, spawnIn } from "./spawn.ts";

/** As models write them, in order and in one interpreter: a later one may declare the names of an earlier one again. None is JavaScript. */
const typescriptPrograms = readFileSync(join(import.meta.dir, "typescript-programs.txt"), "utf8").split("\n// ---\n");

const versions = { "26": "26.10.0", "18": "18.20.8" } as const;
const { folder, missing } = await packagesOf(
  "node-versions",
  JSON.stringify({
    private: true,
    dependencies: Object.fromEntries(
      Object.entries(versions).map(([name, version]) => [`node-${name}`, `npm:node-linux-${process.arch}@${version}`]),
    ),
  }),
);
const nodeOf = (name: keyof typeof versions) => join(folder, "node_modules", `node-${name}`, "bin/node");
const reason = missing === undefined ? "" : ` (skipped: Node 26 and 18 cannot be had here: ${missing})`;

describe.skipIf(missing !== undefined).each(["26", "18"] as const)(`TypeScript in Node %s${reason}`, (name) => {
  let prompt: Prompt;
  beforeAll(async () => {
    prompt = await Prompt.start("node", spawnIn, nodeOf(name));
  });
  afterAll(() => prompt?.[Symbol.asyncDispose]());

  const refused = async (source: string) => {
    const { success, stdout, stderr } = await prompt.run(source);
    expect({ source, success, stdout }).toEqual({ source, success: false, stdout: "" });
    return stderr.replace(/^cell-\d+/, "cell");
  };

  test("every program prints what it prints as a file of Node's own", async () => {
    expect(typescriptPrograms.length).toBeGreaterThanOrEqual(60);
    const directory = mkdtempSync(join(tmpdir(), "typescript-test-"));
    try {
      const theirs = inFiles(directory);
      for (const [at, source] of typescriptPrograms.entries()) {
        const { success, stdout, stderr } = await prompt.run(source.replaceAll(/^export /gm, ""));
        expect({ source, success, stdout, stderr }).toEqual({
          source,
          success: true,
          stdout: theirs[at] ?? "",
          stderr: "",
        });
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("none of the programs is JavaScript", () => {
    const javascript = new Bun.Transpiler({ loader: "js" });
    for (const source of typescriptPrograms) {
      expect({ source, parses: parses(javascript, source) }).toEqual({ source, parses: false });
    }
  });

  test("the value of a last expression is shown, and names stay", async () => {
    expect(await prompt.run("const kept: number = 41;\nkept as number")).toMatchObject({
      stdout: "41\n",
      result: "41",
    });
    expect(await prompt.run("kept + 1")).toMatchObject({ stdout: "42\n" });
    expect(await prompt.run("let kept: string = 'anew'; kept")).toMatchObject({ stdout: "'anew'\n" });
  });

  test("an error has the line and the column of the source", async () => {
    const { stderr } = await prompt.run("interface P {\n  a: number;\n}\nconst q: P = null as any; q.a;");
    expect(stderr).toMatch(/^cell-\d+:4\nconst q: P = null as any; q\.a;\n {28}\^\n\nTypeError: /);
  });

  test("what blanks do not make JavaScript of is transformed", async () => {
    expect(await prompt.run("enum Color { Red, Green }\nColor.Green")).toMatchObject({ stdout: "1\n", stderr: "" });
    expect(await prompt.run("Color[0]")).toMatchObject({ stdout: "'Red'\n" });
    const property = "class Q {\n  constructor(private z: number) {}\n}\nnew Q(3)";
    expect(await prompt.run(property)).toMatchObject({ stdout: "Q { z: 3 }\n" });
    expect(await prompt.run("namespace N { export const a = 1 }\nN.a")).toMatchObject({ stdout: "1\n" });
    expect(await prompt.run("const three = <number>3; three")).toMatchObject({ stdout: "3\n" });
  });

  test("what nothing makes JavaScript of is told, with its place and what to write instead", async () => {
    expect(await refused("const s: string = 'a';\n\nmodule M { export const a = 1 }")).toBe(
      "cell:3\nmodule M { export const a = 1 }\n^\n\nSyntaxError: `module` keyword is not supported. Use `namespace` instead.\n",
    );
  });

  // Of files, Node 22.18 and later erases types.
  if (name === "26")
    test("files in TypeScript can be imported", async () => {
      writeFileSync(
        join(prompt.directory, "lib.ts"),
        "export interface A { x: number }\nexport const twice = (n: number): number => n * 2;\n",
      );
      expect(
        await prompt.run("import { twice, type A } from './lib.ts';\nconst of: A = { x: twice(4) };\nof.x"),
      ).toMatchObject({
        stdout: "8\n",
        stderr: "",
      });
      expect(await prompt.run("(await import('./lib.ts')).twice(2)")).toMatchObject({ stdout: "4\n", stderr: "" });
    });

  test("JavaScript that parses is not touched, and what is neither is told as Node tells it", async () => {
    // A comparison in JavaScript, a call with a type in TypeScript.
    expect(await prompt.run("var f = 1, g = 2, h = 3;\nf<g>(h)")).toMatchObject({ stdout: "false\n" });
    expect(await refused("let a: = 3")).toContain("SyntaxError: Unexpected token ':'");
    expect(await refused("1 +")).toBe("SyntaxError: Unexpected end of input\n");
    expect(await refused("let d: number = 1; let d: number = 2")).toContain("Identifier 'd' has already been declared");
  });
});

test("this machine's Node runs it, whatever a program has put in the place of builtins before", async () => {
  await using prompt = await Prompt.start("node");
  const replaced = ["WebAssembly", "TextDecoder", "Function", "Buffer", "SharedArrayBuffer", "FinalizationRegistry"];
  await prompt.run(
    `${replaced.map((name) => `globalThis.${name} = null;`).join(" ")} require('util').TextDecoder = null;`,
  );
  const { stdout, stderr } = await prompt.run("enum N { Two = 2 }\nconst n: number = N.Two;\nconsole.log(n)");
  expect({ stdout, stderr }).toEqual({ stdout: "2\n", stderr: "" });
  expect(await prompt.run("1 +")).toMatchObject({ stderr: "SyntaxError: Unexpected end of input\n" });
});

test.skipIf(missing !== undefined)(
  "where the eraser that is handed over does not load, an old Node says so, once a source has types",
  async () => {
    const program = join(mkdtempSync(join(tmpdir(), "typescript-test-")), "node");
    writeFileSync(program, `#!/bin/sh\nexec '${nodeOf("18")}' --no-expose-wasm "$@"\n`, { mode: 0o755 });
    await using prompt = await Prompt.start("node", spawnIn, program);
    for (const cell of [1, 2]) {
      expect((await prompt.run("const n: number = 1;\nconsole.log(n)")).stderr).toStartWith(
        `cell-${cell}:1\nconst n: number = 1;\n      ^\n\nSyntaxError: TypeScript cannot be run here: this is Node v18.`,
      );
    }
    expect(await prompt.run("1 +")).toMatchObject({ stderr: "SyntaxError: Unexpected end of input\n" });
  },
);

/** What each program prints as a file, imported by one Node. */
function inFiles(directory: string): readonly string[] {
  const mark = "--- the next program";
  const names = typescriptPrograms.map((source, at) => {
    writeFileSync(join(directory, `${at}.mts`), source);
    return `console.log("${mark}");\nawait import("./${at}.mts");`;
  });
  const all = join(directory, "all.mjs");
  writeFileSync(all, names.join("\n"));
  const { stdout, stderr } = Bun.spawnSync([nodeOf("26"), "--no-warnings", "--experimental-strip-types", all]);
  expect(stderr.toString()).toBe("");
  return stdout.toString().split(`${mark}\n`).slice(1);
}

function parses(transpiler: Bun.Transpiler, source: string): boolean {
  try {
    transpiler.transformSync(source);
    return true;
  } catch {
    return false;
  }
}
