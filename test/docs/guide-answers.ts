// A guide's calls of tools, typed as a reader would type them: its functions first, then the block. What they answer, one after the other.

import { expect } from "bun:test";
import { fencedBlock } from "./blocks.ts";
import type { Served, Shell } from "./shell.ts";

export type GuideAnswer = {
  readonly content: readonly [{ readonly text: string }];
  readonly structuredContent: Readonly<Record<string, unknown>>;
};

type GuideBlock = { readonly guide: string; readonly functions: string; readonly block: string };

/** Of the calls whose answers a reader sees. */
export async function guideAnswers(
  shell: Shell,
  server: Served,
  { guide, functions, block }: GuideBlock,
): Promise<readonly GuideAnswer[]> {
  const [defined, typed] = [await fencedBlock(guide, functions), await fencedBlock(guide, block)];
  const host = new URL(server.url ?? "").host;
  // Answers have no line end of their own.
  const text = `${defined.replace("localhost:8000", host)}\n${typed}`.replace(/^( *-d .*)$/m, "$1; echo");
  const { status, stdout, stderr } = await shell.run(text);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).result);
}
