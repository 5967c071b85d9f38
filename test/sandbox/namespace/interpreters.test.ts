// The Python and the Node that the operator names: sandboxes use those, see all of them, and nothing that stands beside them.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { Event } from "../../../src/events.ts";
import type { InterpreterPaths } from "../../../src/sandbox/interpreter-paths.ts";
import { createNamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import { requireNew } from "../../../src/sandbox/namespace/installed.ts";
import { runIn } from "../../contract/port-contract.ts";
import { fencedBlock } from "../../docs/blocks.ts";
import { startWhole } from "../../end-to-end/server.ts";
import { bootOne, command, namespaceHost, nodeTemplate, pythonTemplate } from "./machine.ts";
import { answering, secondNode, secondPython, temporaryFolder, virtualEnvironment } from "./named-interpreters.ts";

// Interpreters are copied, and asked outside of sandboxes as well. Milliseconds.
setDefaultTimeout(60_000);

function hostWith(interpreters: InterpreterPaths, emit: (event: Event) => void = () => undefined) {
  const stateDir = `/tmp/msb-mcp-tests/${Bun.nanoseconds()}`;
  return createNamespaceHost({ volumes: [], stateDir, interpreters, clock: systemClock, emit });
}

async function failureOf(interpreters: InterpreterPaths, template = pythonTemplate): Promise<string> {
  await using host = hostWith(interpreters);
  return await bootOne(host, "refused", template).then(
    () => "a sandbox came",
    (error: unknown) => String(error),
  );
}

test("a Python that is named is the one of code, commands and scripts; the log has its version; its neighbours are not seen", async () => {
  using folder = temporaryFolder();
  const python = secondPython(folder.path);
  mkdirSync(join(folder.path, "share"));
  writeFileSync(join(folder.path, "key.txt"), "secret");
  const events: Event[] = [];
  await using host = hostWith({ python }, (event) => events.push(event));
  await using sandbox = await bootOne(host, "named");
  const { stdout } = await runIn(sandbox, "code", "import sys, json, ctypes\nprint(sys.executable, sys.prefix)");
  expect(stdout).toBe(`${python} ${folder.path}\n`);
  expect((await command(sandbox, "command -v python3")).stdout).toBe(`${python}\n`);
  expect((await command(sandbox, `ls ${folder.path}`)).stdout).toBe("bin\nlib\n");
  const written = await command(sandbox, `touch ${folder.path}/bin/other`);
  expect(written.stderr).toContain("Read-only file system");
  const found = events.filter((event) => event.type === "interpreter.found");
  expect(found).toEqual([{ type: "interpreter.found", language: "python", path: python, version: expect.any(String) }]);
});

test("a virtual environment's Python brings its packages, and that which it was made of", async () => {
  using folder = temporaryFolder();
  const python = virtualEnvironment(join(folder.path, "env"), secondPython(join(folder.path, "base")));
  // As a user's ~/.local/bin leads to it.
  mkdirSync(join(folder.path, "links"));
  const link = join(folder.path, "links/python");
  symlinkSync(python, link);
  await using host = hostWith({ python });
  await using sandbox = await bootOne(host, "environment");
  expect((await runIn(sandbox, "code", "import only_here; only_here.answer")).stdout).toBe("42\n");
  const told = await runIn(sandbox, "code", "import sys; print(sys.prefix, sys.base_prefix)");
  expect(told.stdout).toBe(`${join(folder.path, "env")} ${join(folder.path, "base")}\n`);

  await using other = hostWith({ python: link });
  await using linked = await bootOne(other, "linked");
  expect((await runIn(linked, "code", "import sys; sys.executable")).stdout).toBe(`'${link}'\n`);
  expect((await command(linked, `ls ${join(folder.path, "links")}`)).stdout).toBe("python\n");
});

test("a template's own interpreter goes before the named one, and others keep theirs", async () => {
  using folder = temporaryFolder();
  const python = secondPython(folder.path);
  await using host = namespaceHost();
  const own = { ...pythonTemplate, name: "own", interpreter: python };
  for (const [template, expected] of [
    [own, `'${python}'\n`],
    [pythonTemplate, expect.stringMatching(/^'\/usr\//)],
  ] as const) {
    await using sandbox = await bootOne(host, `of-${template.name}`, template);
    expect((await runIn(sandbox, "code", "import sys; sys.executable")).stdout).toEqual(expected);
  }
});

test("a Node that is named is the one of code and commands", async () => {
  using folder = temporaryFolder();
  const node = secondNode(folder.path);
  await using host = hostWith({ node });
  await using sandbox = await bootOne(host, "named-node", nodeTemplate);
  expect((await runIn(sandbox, "code", "process.execPath")).stdout).toBe(`'${node}'\n`);
  expect((await command(sandbox, "command -v node")).stdout).toBe(`${node}\n`);
});

test("one that is too old is refused with its version and the oldest that is allowed", async () => {
  using folder = temporaryFolder();
  const told = (version: string) => ({ version, executable: "/usr/bin/python3", prefixes: ["/usr"] });
  const python = answering(join(folder.path, "python"), told("3.7.17"));
  const node = answering(join(folder.path, "node"), told("16.20.2"));
  expect(await failureOf({ python })).toContain(
    `The python interpreter ${python} has version 3.7.17; sandboxes require 3.8 or later.`,
  );
  expect(await failureOf({ node }, nodeTemplate)).toContain(
    `The node interpreter ${node} has version 16.20.2; sandboxes require 18 or later.`,
  );
});

test("a bash that is too old is refused, and none other is asked for by name", () => {
  expect(() => requireNew("bash", "/bin/bash", "4.3.48")).toThrow(
    "The bash interpreter /bin/bash has version 4.3.48; sandboxes require 4.4 or later. Install a later one.",
  );
  expect(() => requireNew("bash", "/bin/bash", "4.4.0")).not.toThrow();
});

test("what is no interpreter, or lies where a sandbox has its own files, is refused with what to do", async () => {
  using folder = temporaryFolder();
  const words = answering(join(folder.path, "words"), "hello");
  expect(await failureOf({ python: words })).toContain(
    `${words} does not answer as a python interpreter does. Name one`,
  );
  const away = { version: "3.12.0", executable: "/home/user/py/bin/python3", prefixes: ["/home/user/py"] };
  const inHome = answering(join(folder.path, "home"), away);
  expect(await failureOf({ python: inHome })).toMatch(
    /cannot be shown to sandboxes: \/home\/user\/py.* is of it, and \/home\/user is a sandbox's own\. Install it elsewhere/,
  );
});

test("one that was replaced by a later one is asked anew, without a new start", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "python");
  await using host = hostWith({ python: answering(path, { version: "3.7.0", executable: path, prefixes: [] }) });
  await expect(bootOne(host, "before")).rejects.toThrow("has version 3.7.0");
  answering(path, { version: "3.6.15", executable: path, prefixes: [] });
  await expect(bootOne(host, "after")).rejects.toThrow("has version 3.6.15");
});

test("a server offers no template whose interpreter is too old, says so once at its start, and serves the others", async () => {
  using folder = temporaryFolder();
  const old = answering(join(folder.path, "node"), { version: "16.20.2", executable: "/usr/bin/node", prefixes: [] });
  const python = secondPython(join(folder.path, "second"));
  const environment = virtualEnvironment(join(folder.path, "env"), python);
  const shown = await fencedBlock("docs/backends.md", "backends-interpreter");
  const [, ...options] = shown.trim().replace("/srv/venv/bin/python3", environment).split(" ");
  const file = join(folder.path, "templates.toml");
  writeFileSync(
    file,
    `[second]\nlanguage = "python"\nimage = "python:3.13-slim"\ninterpreter = "second/bin/python3"\n`,
  );
  await using server = await startWhole([...options, "--interpreter", `node=${old}`, "--templates", file]);
  const refused = server.events.filter((event) => event.type === "template.refused");
  expect(refused).toMatchObject([{ template: "node", reason: expect.stringContaining("has version 16.20.2") }]);
  const { tools } = await server.client.listTools();
  const template = tools.find(({ name }) => name === "execute_code")?.inputSchema.properties?.template;
  expect(template).toMatchObject({ enum: ["python", "bash", "second"] });
  const code = "import sys; sys.executable";
  expect(await server.call("execute_code", { template: "second", code })).toMatchObject({ stdout: `'${python}'\n` });
  expect(await server.call("execute_code", { code })).toMatchObject({ stdout: `'${environment}'\n` });
});
