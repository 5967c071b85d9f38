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
};

/** Languages of what a reader types. */
const commandLanguages = ["sh", "console", "bash", "shell", "powershell"];

/** Every block of a document that a reader types, in its order. */
export async function commandBlocks(file: string): Promise<readonly Block[]> {
  return (await blocks(file)).filter(({ language }) => commandLanguages.includes(language));
}

/** The text of one block, whatever its language. Throws if it is not there once. */
export async function fencedBlock(file: string, name: string): Promise<string> {
  const named = (await blocks(file)).filter((block) => block.name === name);
  const [block] = named;
  if (block === undefined || named.length > 1) throw new Error(`${file} has ${named.length} blocks named ${name}`);
  return block.text;
}

/** README.md and all below docs/. */
export async function documents(): Promise<readonly string[]> {
  const docs = await Array.fromAsync(new Glob("docs/**/*.md").scan(root));
  return ["README.md", ...docs.sort()];
}

async function blocks(file: string): Promise<readonly Block[]> {
  const lines = (await Bun.file(join(root, file)).text()).split("\n");
  const found: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent, fence, language] = /^( *)(`{3,}|~{3,})([^`\s]*)/.exec(lines[at] ?? "") ?? [];
    if (indent === undefined || fence === undefined || language === undefined) continue;
    const start = at;
    for (at++; at < lines.length && lines[at]?.trim() !== fence; at++);
    const text = lines.slice(start + 1, at).map((line) => line.slice(indent.length));
    const name = /^ *<!-- test: (\S+) -->$/.exec(lines[start - 1] ?? "")?.[1];
    found.push({ file, line: start + 1, name, language, text: `${text.join("\n")}\n` });
  }
  return found;
}
