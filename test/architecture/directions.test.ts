// The directions of imports are rules of biome.json. Each is shown here to hold: in a tree of the same shape, a line that breaks
// it is refused, and the way it should be is not. Biome reads the tree once for all of them.

import { beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const biome = join(root, "node_modules/@biomejs/biome/bin/biome");

const forbidden: readonly (readonly [file: string, code: string, rule: string])[] = [
  ...["failure", "events", "clock"].flatMap((name) => [
    imports(`src/${name}.ts`, "./sessions/sessions.ts"),
    imports(`src/${name}.ts`, "node:fs"),
  ]),
  imports("src/watch/log.ts", "../sessions/sessions.ts"),
  imports("src/watch/metrics.ts", "../config/options.ts"),
  imports("src/watch/metrics.ts", "../sandbox/port.ts"),

  imports("src/config/x.ts", "../sessions/sessions.ts"),
  imports("src/config/x.ts", "../mcp/tool.ts"),
  imports("src/config/x.ts", "../http/app.ts"),
  imports("src/config/x.ts", "../sandbox/port.ts"),
  imports("src/config/x.ts", "../server.ts"),

  imports("src/sandbox/x.ts", "../sessions/sessions.ts"),
  imports("src/sandbox/x.ts", "../mcp/tool.ts"),
  imports("src/sandbox/x.ts", "../http/app.ts"),
  imports("src/sandbox/x.ts", "../config/options.ts"),
  imports("src/sandbox/x.ts", "../server.ts"),
  imports("src/sandbox/x.ts", "../watch/log.ts"),
  imports("src/sandbox/port.ts", "./namespace/host.ts"),
  imports("src/sandbox/port.ts", "../clock.ts"),
  imports("src/sandbox/runner/x.ts", "../../sessions/sessions.ts"),
  imports("src/sandbox/runner/x.ts", "../namespace/host.ts"),
  imports("src/sandbox/namespace/x.ts", "../../sessions/sessions.ts"),
  imports("src/sandbox/namespace/x.ts", "../../server.ts"),
  imports("src/sandbox/namespace/x.ts", "../server/host.ts"),
  imports("src/sandbox/server/x.ts", "../namespace/host.ts"),
  imports("src/sandbox/server/x.ts", "../../config/options.ts"),
  imports("src/sandbox/microvm/x.ts", "../namespace/host.ts"),

  imports("src/sessions/x.ts", "../mcp/tool.ts"),
  imports("src/sessions/x.ts", "../http/app.ts"),
  imports("src/sessions/x.ts", "../config/options.ts"),
  imports("src/sessions/x.ts", "../sandbox/choose.ts"),
  imports("src/sessions/x.ts", "../sandbox/namespace/host.ts"),
  imports("src/sessions/x.ts", "../server.ts"),

  imports("src/mcp/x.ts", "../http/app.ts"),
  imports("src/mcp/tools/x.ts", "../../http/app.ts"),
  imports("src/mcp/x.ts", "../config/options.ts"),
  imports("src/mcp/x.ts", "../sandbox/namespace/host.ts"),

  imports("src/http/x.ts", "../config/options.ts"),
  imports("src/http/x.ts", "../sandbox/namespace/host.ts"),
  imports("src/http/x.ts", "../server.ts"),

  ...["src/config/x.ts", "src/sandbox/x.ts", "src/sessions/x.ts", "src/mcp/x.ts", "src/http/x.ts"].map((file) =>
    imports(file, "../commands/doctor/report.ts"),
  ),
  imports("src/commands/x.ts", "microsandbox"),
  imports("src/commands/x.ts", "elysia"),

  imports("src/server.ts", "./main.ts"),
  imports("src/main.ts", "./sessions/sessions.ts"),
  imports("src/main.ts", "elysia"),

  ...["src/mcp/x.ts", "src/sessions/x.ts", "src/sandbox/namespace/x.ts", "src/config/x.ts"].flatMap((file) => [
    imports(file, "elysia"),
    imports(file, "@elysiajs/cors"),
  ]),
  ...["src/http/x.ts", "src/sessions/x.ts", "src/sandbox/server/x.ts", "src/server.ts"].map((file) =>
    imports(file, "@modelcontextprotocol/sdk/types.js"),
  ),
  ...["src/sandbox/namespace/x.ts", "src/sessions/x.ts", "src/server.ts"].map((file) => imports(file, "microsandbox")),
  ["src/mcp/x.ts", 'export const later = import("elysia");', "noRestrictedImports"],
  ["src/mcp/x.ts", 'export { Elysia } from "elysia";', "noRestrictedImports"],

  ["src/sessions/x.ts", "export const home = process.env.HOME;", "noRestrictedGlobals"],
  imports("src/server.ts", "node:process"),
  ["src/server.ts", "export const home = Bun.env.HOME;", "noJsRestrictedProperties"],
  ["src/sandbox/namespace/x.ts", "export const home = Bun.env.HOME;", "noJsRestrictedProperties"],
  ["src/http/x.ts", 'export const run = () => Bun.spawn(["true"]);', "noJsRestrictedProperties"],
  imports("src/sessions/x.ts", "node:child_process"),
  ["src/sessions/x.ts", 'console.log("here");', "noConsole"],

  ["src/sessions/x.ts", 'export * from "./sessions.ts";', "noReExportAll"],
  ["src/sessions/x.ts", "export const x: any = 1;", "noExplicitAny"],
  ["src/sessions/x.ts", "export const x = (y?: string) => y!;", "noNonNullAssertion"],
  ["src/sessions/cycle-a.ts", 'export { b } from "./cycle-b.ts";', "noImportCycles"],
  ["src/sessions/cycle-b.ts", 'export { b } from "./cycle-a.ts";', "noImportCycles"],
];

const allowed: readonly (readonly [file: string, from: string])[] = [
  ["src/main.ts", "./server.ts"],
  ["src/main.ts", "./config/load.ts"],
  ["src/server.ts", "elysia"],
  ["src/server.ts", "./sandbox/namespace/host.ts"],
  ["src/http/x.ts", "elysia"],
  ["src/http/x.ts", "../mcp/endpoint.ts"],
  ["src/mcp/x.ts", "@modelcontextprotocol/sdk/types.js"],
  ["src/mcp/x.ts", "../sessions/sessions.ts"],
  ["src/sessions/x.ts", "../sandbox/port.ts"],
  ["src/sessions/x.ts", "../sandbox/flavors.ts"],
  ["src/sandbox/server/x.ts", "../port.ts"],
  ["src/sandbox/server/x.ts", "../../failure.ts"],
  ["src/sandbox/server/client.ts", "./x.ts"],
  ["src/sandbox/namespace/x.ts", "../runner/runner.ts"],
  ["src/sandbox/choose.ts", "./server/host.ts"],
  ["src/sandbox/port.ts", "./templates.ts"],
  ["src/config/x.ts", "../sandbox/volumes.ts"],
  ["src/watch/log.ts", "../events.ts"],
  ["src/commands/doctor/x.ts", "../../sandbox/namespace/host.ts"],
  ["src/server.ts", "./sandbox/checks/finding.ts"],
  ["src/main.ts", "./commands/doctor/doctor.ts"],
  ["src/watch/metrics.ts", "./metrics-table.ts"],
  ["src/watch/metrics.ts", "prom-client"],
];

/** Of each file, the rules that each line breaks. */
type Broken = (file: string, line: string) => readonly string[];

let broken: Broken = () => [];

beforeAll(async () => {
  broken = await lint([...forbidden, ...allowed.map(([file, from]) => imports(file, from))]);
});

test.each(forbidden)("%s may not have: %s", (file, line, rule) => {
  expect(broken(file, line)).toContain(rule);
});

test.each(allowed)("%s may import %s", (file, from) => {
  expect(broken(file, imports(file, from)[1])).not.toContain("noRestrictedImports");
});

function imports(file: string, from: string): readonly [file: string, line: string, rule: string] {
  return [file, `export { x } from "${from}";`, "noRestrictedImports"];
}

async function lint(cases: readonly (readonly [file: string, line: string, rule: string])[]): Promise<Broken> {
  const tree = await mkdtemp(join(tmpdir(), "directions-"));
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
