// TypeScript in the Node runner: with a new Node, held against what that does with files; with an old one, what is said. The new one comes from the
// npm registry, and the tests that take it are skipped where it cannot be downloaded.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packagesOf } from "../../clients/foreign.ts";
import { Prompt, spawnIn } from "./spawn.ts";

/** As models write them, in order and in one interpreter: a later one may declare the names of an earlier one again. None is JavaScript. */
const typescriptPrograms = readFileSync(join(import.meta.dir, "typescript-programs.txt"), "utf8").split("\n// ---\n");

const packageName = `node-linux-${process.arch}`;
const { folder, missing } = await packagesOf(
  "node-new",
  JSON.stringify({ private: true, dependencies: { [packageName]: "26.10.0" } }),
);
const newNode = join(folder, "node_modules", packageName, "bin/node");
const reason = missing === undefined ? "" : ` (skipped: Node 26 cannot be had here: ${missing})`;

describe.skipIf(missing !== undefined)(`TypeScript in Node 26${reason}`, () => {
  let prompt: Prompt;
  beforeAll(async () => {
    prompt = await Prompt.start("node", spawnIn, newNode);
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

  test("what blanks do not make JavaScript of is told, with its place and what to write instead", async () => {
    expect(await refused("const s: string = 'a';\n\nenum Color { Red }")).toBe(
      "cell:3\nenum Color { Red }\n^\n\nSyntaxError: TypeScript enum is not supported here: only types are erased. Write `const Name = { Member: 0 } as const` instead of an enum.\n",
    );
    expect(await refused("class Q {\n  constructor(private z: number) {}\n}")).toContain(
      "assign it in the constructor.",
    );
    expect(await refused("namespace N { export const a = 1 }")).toContain("instead of a namespace.");
    expect(await refused("const t = <number>3;")).toContain("Write `value as Type`.");
  });

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

test("a Node that erases no types says so, where a source has some", async () => {
  await using prompt = await Prompt.start("node");
  const erases = (await prompt.run("typeof require('node:module').stripTypeScriptTypes")).stdout === "'function'\n";
  const { stdout, stderr } = await prompt.run("const n: number = 1;\nconsole.log(n)");
  const refusal = "SyntaxError: TypeScript runs in Node 22.13 and later, and this is v";
  if (erases) expect({ stdout, stderr }).toEqual({ stdout: "1\n", stderr: "" });
  else expect(stderr).toStartWith(`cell-2:1\nconst n: number = 1;\n      ^\n\n${refusal}`);
  expect(await prompt.run("1 +")).toMatchObject({ stderr: "SyntaxError: Unexpected end of input\n" });
});

/** What each program prints as a file, imported by one Node. */
function inFiles(directory: string): readonly string[] {
  const mark = "--- the next program";
  const names = typescriptPrograms.map((source, at) => {
    writeFileSync(join(directory, `${at}.mts`), source);
    return `console.log("${mark}");\nawait import("./${at}.mts");`;
  });
  const all = join(directory, "all.mjs");
  writeFileSync(all, names.join("\n"));
  const { stdout, stderr } = Bun.spawnSync([newNode, "--no-warnings", "--experimental-strip-types", all]);
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
