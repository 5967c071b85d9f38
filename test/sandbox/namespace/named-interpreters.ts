// Interpreters that are not in the system's folders, for tests: made of those that are, in folders that are removed again.

import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { findInterpreter } from "../../../src/sandbox/namespace/tools.ts";

export type Folder = Disposable & { readonly path: string };

export function temporaryFolder(): Folder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "msb-mcp-interpreters-")));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A second Python: a copy of the program, with the libraries of the first. Its path. */
export function secondPython(folder: string): string {
  const first = realpathSync(findInterpreter("python"));
  const where = "import sysconfig; print(sysconfig.get_path('stdlib'))";
  const library = Bun.spawnSync([first, "-I", "-c", where]).stdout.toString().trim();
  mkdirSync(join(folder, "bin"), { recursive: true });
  mkdirSync(join(folder, "lib"));
  copyFileSync(first, join(folder, "bin/python3"));
  symlinkSync(library, join(folder, "lib", basename(library)));
  return join(folder, "bin/python3");
}

/** A virtual environment of a Python, with the module `only_here` in it. The path of its Python. */
export function virtualEnvironment(folder: string, python: string): string {
  Bun.spawnSync([python, "-I", "-m", "venv", "--without-pip", folder]);
  const where = "import sysconfig; print(sysconfig.get_path('purelib'))";
  const own = join(folder, "bin/python3");
  const packages = Bun.spawnSync([own, "-I", "-c", where]).stdout.toString().trim();
  writeFileSync(join(packages, "only_here.py"), "answer = 42\n");
  return own;
}

export function secondNode(folder: string): string {
  mkdirSync(join(folder, "bin"), { recursive: true });
  cpSync(realpathSync(findInterpreter("node")), join(folder, "bin/node"));
  return join(folder, "bin/node");
}

/** Answers whoever asks with this; nothing else can be had of it. */
export function answering(path: string, answer: unknown): string {
  writeFileSync(path, `#!/bin/sh\ncat <<'END'\n${typeof answer === "string" ? answer : JSON.stringify(answer)}\nEND\n`);
  chmodSync(path, 0o755);
  return path;
}
