// What notebooks write, held against a real IPython: the same cells, in the same order, print the same. Skipped where it cannot be
// downloaded.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonWith } from "../../clients/foreign.ts";
import { notebookCells } from "./notebook-cells.ts";
import { Prompt, spawnIn } from "./spawn.ts";

const { argv, missing } = await pythonWith("python-ipython", ["ipython==8.37.0"]);
const reason = missing === undefined ? "" : ` (skipped: IPython cannot be had here: ${missing})`;

describe.skipIf(missing !== undefined)(`IPython${reason}`, () => {
  test("prints the same for every cell, and fails where it fails", async () => {
    const theirs = await inIpython(notebookCells.map(({ source }) => source));
    await using prompt = await Prompt.start("python", spawnIn, argv[0]);
    const ours: { readonly stdout: string; readonly success: boolean }[] = [];
    for (const { source } of notebookCells) ours.push(await prompt.run(source));
    const expected = notebookCells.map(({ source, fails = false }, at) => ({
      source,
      success: !fails,
      stdout: comparable(theirs[at]?.stdout ?? "", fails),
    }));
    expect(theirs.map(({ success }) => success)).toEqual(expected.map(({ success }) => success));
    expect(
      notebookCells.map(({ source }, at) => ({
        source,
        success: ours[at]?.success,
        stdout: comparable(ours[at]?.stdout ?? ""),
      })),
    ).toEqual(expected);
  });
});

/** Times are what they are. IPython has tracebacks on stdout, and gives commands a terminal. */
function comparable(stdout: string, fails = false): string {
  return stdout
    .replaceAll("\r\n", "\n")
    .replace(/^CPU times: .*\nWall time: .*$/gm, "TIMES")
    .replace(fails ? /(?:^-{20,}\n|^.*File .*\n|UsageError|Error)[\s\S]*$/m : /$^/, "")
    .trim();
}

async function inIpython(
  sources: readonly string[],
): Promise<readonly { readonly stdout: string; readonly success: boolean }[]> {
  const directory = mkdtempSync(join(tmpdir(), "ipython-test-"));
  try {
    const child = Bun.spawn([...argv, join(import.meta.dir, "ipython-cells.py")], {
      cwd: directory,
      env: { PATH: process.env.PATH ?? "", HOME: directory },
      stdio: ["pipe", "ignore", "pipe", "pipe"],
    });
    void child.stdin.write(JSON.stringify(sources));
    void child.stdin.end();
    const fd = child.stdio[3];
    const answer = typeof fd === "number" ? Bun.file(fd).text() : "";
    const errors = new Response(child.stderr).text();
    await child.exited;
    return JSON.parse((await answer) || (await errors));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
