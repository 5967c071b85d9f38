// What biome.json refuses in src/ beside its recommended rules: in a tree of the same shape, each line that breaks a rule is refused
// where it stands, and is not where it may stand. Biome reads the tree once for all of them.

import { beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const biome = join(root, "node_modules/@biomejs/biome/bin/biome");

type Line = readonly [file: string, line: string, rule: string];

const refused: readonly Line[] = [
  ["src/sessions/x.ts", "export const home = process.env.HOME;", "noRestrictedGlobals"],
  ["src/sandbox/microvm/x.ts", "export const home = process.env.HOME;", "noRestrictedGlobals"],
  ["src/server.ts", "export const home = Bun.env.HOME;", "noJsRestrictedProperties"],
  ["src/sandbox/namespace/x.ts", "export const home = Bun.env.HOME;", "noJsRestrictedProperties"],
  ["src/main.ts", "export const args = Bun.argv;", "noJsRestrictedProperties"],
  ["src/http/x.ts", 'export const run = () => Bun.spawn(["true"]);', "noJsRestrictedProperties"],
  ["src/sandbox/x.ts", 'export const run = () => Bun.spawnSync(["true"]);', "noJsRestrictedProperties"],
  ["src/sessions/x.ts", 'console.log("here");', "noConsole"],
  ["src/sessions/x.ts", 'export * from "./sessions.ts";', "noReExportAll"],
  ["src/sessions/x.ts", "export const x: any = 1;", "noExplicitAny"],
  ["src/sessions/x.ts", "export const x = (y?: string) => y!;", "noNonNullAssertion"],
  ["src/sessions/cycle-a.ts", 'export { b } from "./cycle-b.ts";', "noImportCycles"],
  ["src/sessions/cycle-b.ts", 'export { b } from "./cycle-a.ts";', "noImportCycles"],
  ["src/sessions/cycle-c.ts", 'import type { D } from "./cycle-d.ts";', "noImportCycles"],
  ["src/sessions/cycle-d.ts", 'export type { D } from "./cycle-c.ts";', "noImportCycles"],
];

const allowed: readonly Line[] = [
  ["src/main.ts", "export const home = process.env.HOME;", "noRestrictedGlobals"],
  ["src/sandbox/microvm/runtime/load.ts", "export const home = process.env.HOME;", "noRestrictedGlobals"],
  ["src/sandbox/namespace/x.ts", 'export const run = () => Bun.spawn(["true"]);', "noJsRestrictedProperties"],
];

/** Of each file, the rules that each line breaks. */
type Broken = (file: string, line: string) => readonly string[];

let broken: Broken = () => [];

beforeAll(async () => {
  broken = await lint([...refused, ...allowed]);
});

test.each(refused)("%s may not have: %s", (file, line, rule) => {
  expect(broken(file, line)).toContain(rule);
});

test.each(allowed)("%s may have: %s", (file, line, rule) => {
  expect(broken(file, line)).not.toContain(rule);
});

async function lint(cases: readonly Line[]): Promise<Broken> {
  const tree = await mkdtemp(join(tmpdir(), "lint-"));
  try {
    for (const name of ["biome.json", "package.json", ".gitignore"]) {
      await Bun.write(join(tree, name), Bun.file(join(root, name)));
    }
    const files = Map.groupBy(cases, ([file]) => file);
    for (const [file, members] of files) {
      await Bun.write(join(tree, file), members.map(([, line]) => `${line}\n`).join(""));
    }
    const run = Bun.spawn([process.execPath, biome, "lint", "--reporter=json", "--max-diagnostics=none", "."], {
      cwd: tree,
      stdout: "pipe",
      stderr: "pipe",
    });
    const [output] = await Promise.all([run.stdout.json(), run.stderr.text(), run.exited]);
    const diagnostics: readonly Diagnostic[] = output.diagnostics;
    return (file, line) => {
      const at = 1 + (files.get(file)?.findIndex((member) => member[1] === line) ?? -1);
      return diagnostics
        .filter(({ location }) => location.path === file && location.start.line === at)
        .map(({ category }) => category.split("/").at(-1) ?? "");
    };
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

type Diagnostic = {
  readonly category: string;
  readonly location: { readonly path: string; readonly start: { readonly line: number } };
};
