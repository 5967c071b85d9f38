// The runner's programs, compiled by the server for the interpreters of its guests.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { CompiledPrograms } from "../../../src/sandbox/namespace/compiled.ts";
import { openLibc } from "../../../src/sandbox/namespace/libc.ts";
import { findInterpreter } from "../../../src/sandbox/namespace/tools.ts";
import { runIn } from "../../contract/port-contract.ts";
import { bootOne, eventually, namespaceHost, patienceMs } from "./machine.ts";

test("a program that an interpreter has compiled is for that interpreter alone, until it did not start", async () => {
  await using programs = new CompiledPrograms(openLibc());
  const python = findInterpreter("python");
  const wanted = [{ language: "python", path: python }] as const;
  expect(programs.find(python)).toBeNull();
  await Promise.all([programs.make(wanted), programs.make(wanted)]);
  const made = programs.find(python);
  expect(made).toMatchObject({ path: "/run/msb/python.pyc" });
  expect(programs.find("/bin/sh")).toBeNull();
  expect(programs.find("/usr/bin/no-such-python")).toBeNull();
  programs.forget(python);
  expect(programs.find(python)).toBeNull();
});

test(
  "sandboxes start the compiled program, which no guest can change, and shows as little of itself as the source",
  async () => {
    await using host = namespaceHost();
    expect(await host.health(new AbortController().signal)).toEqual({ ok: true });
    await eventually("a sandbox starts it", async () => {
      await using sandbox = await bootOne(host, "looks");
      const { stdout } = await runIn(sandbox, "code", "print(open('/proc/self/cmdline').read())");
      return stdout.includes("/run/msb/python.pyc");
    });
    await using sandbox = await bootOne(host, "tries");
    for (const mode of ["ab", "r+b", "wb"]) {
      const { stderr } = await runIn(sandbox, "code", `open('/run/msb/python.pyc', '${mode}')`);
      expect(stderr).toMatch(/(PermissionError|Read-only file system)/);
    }
    const { stderr } = await runIn(sandbox, "code", "def half(n):\n    return n / 0\nhalf(1)");
    expect(stderr).toMatch(/^Traceback \(most recent call last\):\n {2}File "<cell \d+>", line 3, in <module>\n/);
    expect(stderr).not.toContain("python.py");
    const forked = await runIn(
      sandbox,
      "code",
      "import os, inspect\nos.fork() and os.wait()\nprint(inspect.getsource(half), end='')",
    );
    expect(forked.stdout).toBe("def half(n):\n    return n / 0\n".repeat(2));
  },
  patienceMs,
);

test("a host that is disposed while it compiles leaves no process", async () => {
  const children = () => readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
  // Other tests' may end meanwhile.
  const before = children();
  await using programs = new CompiledPrograms(openLibc());
  const making = programs.make([{ language: "python", path: findInterpreter("python") }]);
  await programs[Symbol.asyncDispose]();
  await making;
  expect(children().filter((pid) => !before.includes(pid))).toEqual([]);
});
