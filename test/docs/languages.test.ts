// The page on languages: its examples run, and what its table names is there.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Prompt } from "../sandbox/runner/spawn.ts";
import { fencedBlock } from "./blocks.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/languages.md"), "utf8");

/** The fenced blocks of a language. */
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, block = ""]) => block);

test("every example in Python runs, and every magic of the table exists", async () => {
  await using prompt = await Prompt.start("python");
  expect(blocks("python").length).toBeGreaterThan(0);
  for (const source of blocks("python"))
    expect({ source, ...(await prompt.run(source)) }).toMatchObject({ success: true, stderr: "" });
  const table = page.slice(page.indexOf("| write |"), page.indexOf("- Magics with"));
  const magics = [...new Set([...table.matchAll(/`(%%?\w+)/g)].map(([, magic = ""]) => magic))];
  expect(magics.length).toBeGreaterThan(20);
  const { stdout } = await prompt.run(
    `cells = __notebook__.cell.__func__.__globals__\nprint([name for name in ${JSON.stringify(magics)} if name.lstrip('%') not in cells['CELL_MAGICS' if name.startswith('%%') else 'LINE_MAGICS']])`,
  );
  expect(stdout).toBe("[]\n");
});

test("every example in TypeScript runs", async () => {
  await using prompt = await Prompt.start("node");
  expect(blocks("typescript").length).toBeGreaterThan(0);
  for (const source of blocks("typescript")) {
    const { stdout, stderr } = await prompt.run(source);
    expect({ source, stdout, stderr }).toEqual({ source, stdout: "5\n", stderr: "" });
  }
});

test("the example in bash runs", async () => {
  await using prompt = await Prompt.start("bash");
  const source = await fencedBlock("docs/languages.md", "languages-bash");
  expect(await prompt.run(source)).toMatchObject({ success: true, exitCode: 0, stdout: "", stderr: "" });
});
