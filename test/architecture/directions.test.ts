// The table of directions is shown to hold: an import that breaks it is refused, and the way it should be is not.

import { expect, test } from "bun:test";
import { problemsOf, roomOf } from "../../scripts/directions/check.ts";
import { packages, rooms } from "../../scripts/directions/table.ts";

const forbidden: readonly (readonly [file: string, ...from: readonly string[]])[] = [
  ["failure.ts", "./sessions/sessions.ts", "node:fs"],
  ["events.ts", "./failure.ts", "node:fs"],
  ["clock.ts", "./sandbox/port.ts", "node:fs"],
  ["main.ts", "./sessions/sessions.ts", "./mcp/tool.ts", "./http/app.ts", "./sandbox/choose.ts", "elysia"],
  [
    "server.ts",
    "./main.ts",
    "./commands/pull.ts",
    "@modelcontextprotocol/sdk/types.js",
    "microsandbox",
    "node:process",
  ],
  ["commands/x.ts", "../server.ts", "../sessions/sessions.ts", "../mcp/tool.ts", "microsandbox", "elysia"],
  [
    "config/x.ts",
    "../sessions/sessions.ts",
    "../mcp/tool.ts",
    "../http/app.ts",
    "../sandbox/choose.ts",
    "../server.ts",
  ],
  [
    "http/x.ts",
    "../config/options.ts",
    "../sandbox/namespace/host.ts",
    "../watch/log.ts",
    "../server.ts",
    "microsandbox",
  ],
  ["http/auth/x.ts", "../../commands/token.ts", "@modelcontextprotocol/sdk/types.js"],
  [
    "mcp/x.ts",
    "../http/app.ts",
    "../config/options.ts",
    "../sandbox/namespace/host.ts",
    "../watch/metrics.ts",
    "elysia",
  ],
  ["mcp/tools/x.ts", "../../http/app.ts", "../../sandbox/choose.ts"],
  ["sessions/x.ts", "../mcp/tool.ts", "../http/app.ts", "../config/options.ts", "../sandbox/choose.ts", "../server.ts"],
  [
    "sessions/x.ts",
    "../sandbox/namespace/host.ts",
    "node:child_process",
    "@sinclair/typebox",
    "./guest.cjs/../../main.ts",
  ],
  ["watch/x.ts", "../sessions/sessions.ts", "../config/options.ts", "../sandbox/port.ts", "../state/installation.ts"],
  ["state/x.ts", "../sessions/ledger.ts", "../config/options.ts", "../watch/log.ts"],
  ["sandbox/port.ts", "./namespace/host.ts", "./choose.ts", "../clock/x.ts", "../sessions/sessions.ts", "elysia"],
  ["sandbox/checks/x.ts", "../../commands/doctor/doctor.ts", "../namespace/host.ts", "microsandbox"],
  ["sandbox/runner/x.ts", "../../sessions/sessions.ts", "../namespace/host.ts", "../linked/link.ts"],
  ["sandbox/linked/x.ts", "../microvm/host.ts", "../server/host.ts"],
  [
    "sandbox/namespace/x.ts",
    "../server/host.ts",
    "../choose.ts",
    "../../server.ts",
    "../../config/options.ts",
    "elysia",
  ],
  ["sandbox/server/x.ts", "../namespace/host.ts", "../microvm/names.ts", "../../watch/metrics.ts", "bun:ffi"],
  ["sandbox/microvm/x.ts", "../namespace/host.ts", "../checks/finding.ts", "../../config/version.ts", "elysia"],
  ["sandbox/microvm/guest/x.ts", "../host.ts", "../runtime/runtime.ts", "../images/images.ts"],
  ["sandbox/microvm/images/x.ts", "../host.ts", "../guest/exec.ts"],
  ["sandbox/microvm/runtime/x.ts", "../boot.ts", "../../port.ts"],
  ["sandbox/runner/x.mjs", "./runner.ts", "../server/guest/relay.mjs", "elysia"],
  ["sessions/x.ts", "a-package-of-nobody"],
  ["elsewhere/x.ts", "../clock.ts"],
];

const allowed: readonly (readonly [file: string, ...from: readonly string[]])[] = [
  ["main.ts", "./server.ts", "./config/load.ts", "./commands/pull.ts", "./watch/log.ts", "node:process"],
  ["server.ts", "./sandbox/open.ts", "./http/app.ts", "./sessions/sessions.ts", "./state/installation.ts"],
  ["commands/doctor/x.ts", "../../sandbox/namespace/host.ts", "../../config/options.ts", "./doctor.ts"],
  ["config/x.ts", "../sandbox/volumes.ts", "../http/auth/problems.ts"],
  ["http/x.ts", "elysia", "../mcp/endpoint.ts", "./auth/tokens.ts"],
  ["mcp/x.ts", "@modelcontextprotocol/sdk/types.js", "../sessions/sessions.ts", "./tools/execute-code.ts"],
  ["sessions/x.ts", "../sandbox/port.ts", "../sandbox/flavors.ts", "../clock.ts", "node:path", "bun:sqlite"],
  ["watch/x.ts", "../events.ts", "prom-client", "../../package.json"],
  ["sandbox/port.ts", "./templates.ts", "../failure.ts"],
  ["sandbox/namespace/x.ts", "../runner/runner.ts", "../port.ts", "../../failure.ts", "bun:ffi"],
  ["sandbox/server/x.ts", "../linked/link.ts", "./guest/relay.mjs"],
  ["sandbox/microvm/x.ts", "./guest/warden.ts", "./runtime/runtime.ts", "microsandbox"],
  ["sandbox/server/guest/relay.mjs", "./sweep.mjs", "node:child_process"],
];

test.each(each(forbidden))("src/%s may not import %s", (file, from) => {
  expect(problemsOf(file, `export { x } from "${from}";`)).toHaveLength(1);
});

test.each(each(allowed))("src/%s may import %s", (file, from) => {
  expect(problemsOf(file, `export { x } from "${from}";`)).toEqual([]);
});

test.each([
  'import "../mcp/tool.ts";',
  'import tool from "../mcp/tool.ts";',
  'import type { Tool } from "../mcp/tool.ts";',
  'export * from "../mcp/tool.ts";',
  'export type { Tool } from "../mcp/tool.ts";',
  'export const later = () => import("../mcp/tool.ts");',
  'export type Tool = import("../mcp/tool.ts").Tool;',
  "export const later = (name: string) => import(name);",
])("an import is seen however it is written: %s", (line) => {
  expect(problemsOf("sessions/x.ts", `// "../sandbox/port.ts"\n${line}\n`)).toEqual([
    expect.stringMatching(/^src\/sessions\/x\.ts:2 imports /),
  ]);
});

test("what only looks like an import is none", () => {
  expect(problemsOf("sessions/x.ts", 'export const said = `import x from "elysia"`;\n// import "elysia"\n')).toEqual(
    [],
  );
});

test("a room imports only from rooms further down", () => {
  const names = Object.keys(rooms);
  for (const [room, places] of Object.entries(rooms)) {
    const targets = places.map((place) => place.replace(/\/\*\*$/, ""));
    const upwards = targets.filter((target) => names.indexOf(roomOf(target) ?? "") < names.indexOf(room));
    expect({ room, upwards }).toEqual({ room, upwards: [] });
  }
});

test("the places of packages are rooms, or folders in one", () => {
  expect(
    Object.values(packages)
      .flat()
      .filter((place) => roomOf(place) === undefined),
  ).toEqual([]);
});

function each(table: typeof forbidden): [file: string, from: string][] {
  return table.flatMap(([file, ...imports]) => imports.map((from): [string, string] => [file, from]));
}
