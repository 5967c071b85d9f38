// The scripts for developers tell what they take, and refuse what they do not know, before they install or start anything.

import { expect, test } from "bun:test";
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root, run, scratch } from "./scratch.ts";

const shells = [["sh"], ["bash", "--posix"], ["busybox", "sh"]].filter(([name = ""]) => Bun.which(name) !== null);

/** Where nothing is installed, and npm would leave a trace. */
async function freshClone() {
  const folder = await scratch();
  for (const part of ["scripts", "package.json", "bun.lock"]) {
    await cp(join(root, part), join(folder.path, "clone", part), { recursive: true });
  }
  const fakes = join(folder.path, "fakes");
  await mkdir(fakes);
  for (const name of ["npm", "bun", "apt-get"]) {
    await writeFile(join(fakes, name), `#!/bin/sh\ntouch '${folder.path}/started'\nexit 1\n`, { mode: 0o755 });
  }
  return {
    path: folder.path,
    script: (name: string, argv: readonly string[], shell: readonly string[] = ["sh"]) =>
      run([...shell, join(folder.path, "clone/scripts", name), ...argv], { env: { PATH: `${fakes}:/usr/bin:/bin` } }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

for (const name of ["build", "release", "test"]) {
  test(`scripts/${name} --help tells its usage, an unknown option is refused with it, and nothing is installed`, async () => {
    await using clone = await freshClone();
    for (const shell of shells) {
      for (const flag of ["--help", "-h"]) {
        const { status, stdout, stderr } = await clone.script(name, [flag], shell);
        expect({ shell, status, stderr }).toEqual({ shell, status: 0, stderr: "" });
        expect(stdout).toStartWith(`Usage: scripts/${name} `);
      }
      for (const argv of [["--compressio", "best"], ["--no", "--help"], ["-x"], ["--*"]]) {
        const { status, stdout, stderr } = await clone.script(name, argv, shell);
        expect({ shell, argv, status, stdout }).toEqual({ shell, argv, status: 2, stdout: "" });
        expect(stderr).toStartWith(`scripts/${name}: "${argv[0]}" is not an option of this script\nUsage: `);
      }
    }
    expect((await readdir(clone.path)).sort()).toEqual(["clone", "fakes"]);
  });
}

test("an option of the usage is taken, with its value behind it or in it", async () => {
  await using clone = await freshClone();
  for (const argv of [["--compression", "quick"], ["--compression=quick"], ["--no-embed"]]) {
    const { status, stderr } = await clone.script("build", argv);
    expect({ argv, status }).toEqual({ argv, status: 1 });
    expect(stderr).not.toContain("is not an option");
  }
  expect(await readdir(clone.path)).toContain("started");
});

test.each([
  ["build", ["--target"]],
  ["build", ["something"]],
  ["release", ["0.1.0", "--out"]],
])("what is wrong with the arguments of scripts/%s is told without a stack: %p", async (name, argv) => {
  const { status, stderr } = await run([process.execPath, join(root, `scripts/${name}.ts`), ...argv]);
  expect({ status, lines: stderr.trim().split("\n").length }).toEqual({ status: 2, lines: 1 });
  expect(stderr).toEndWith(`Type: scripts/${name} --help\n`);
});
