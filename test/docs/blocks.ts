// The fenced commands of the documents, by name: `<!-- test: NAME -->` on the line before a block. Tests run the very text that a reader sees.

import { join } from "node:path";
import { Glob } from "bun";

export const root = join(import.meta.dir, "../..");

export type Block = {
  /** From the project's folder: docs/docker.md. */
  readonly file: string;
  readonly line: number;
  /** Undefined where the comment is missing. */
  readonly name: string | undefined;
  /** sh, console, toml, … */
  readonly language: string;
  readonly text: string;
  /** A reader is to type it. */
  readonly isCommand: boolean;
};

/** Languages of what a reader types. */
const commandLanguages = ["sh", "console", "bash", "shell", "powershell"];

/** The text of one block, whatever its language. Throws if it is not there once. */
export async function fencedBlock(file: string, name: string): Promise<string> {
  const named = (await documentBlocks(file)).filter((block) => block.name === name);
  const [block] = named;
  if (block === undefined || named.length > 1) throw new Error(`${file} has ${named.length} blocks named ${name}`);
  return block.text;
}

/** README.md and all below docs/. */
export async function documents(): Promise<readonly string[]> {
  const docs = await Array.fromAsync(new Glob("docs/**/*.md").scan(root));
  return ["README.md", ...docs.sort()];
}

/** All fenced blocks of a document, in its order. */
export async function documentBlocks(file: string): Promise<readonly Block[]> {
  const lines = (await Bun.file(join(root, file)).text()).split("\n");
  const found: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent, fence, language] = /^( *)(`{3,}|~{3,})([^`\s]*)/.exec(lines[at] ?? "") ?? [];
    if (indent === undefined || fence === undefined || language === undefined) continue;
    const start = at;
    for (at++; at < lines.length && lines[at]?.trim() !== fence; at++);
    const text = lines.slice(start + 1, at).map((line) => line.slice(indent.length));
    const name = /^ *<!-- test: (\S+) -->$/.exec(lines[start - 1] ?? "")?.[1];
    found.push({
      file,
      line: start + 1,
      name,
      language,
      text: `${text.join("\n")}\n`,
      isCommand: commandLanguages.includes(language),
    });
  }
  return found;
}
