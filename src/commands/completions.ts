// `msb-mcp completions SHELL`: the script that makes a shell complete our command line. All of it comes from the tables of commands and
// options; what each shell's script looks like is in completions/.

import { type CommandEntry, commands, type Shell } from "../config/commands.ts";
import { type Option, options } from "../config/options.ts";
import { bashScript } from "./completions/bash.ts";
import { fishScript } from "./completions/fish.ts";
import type { Flag, Words } from "./completions/words.ts";
import { zshScript } from "./completions/zsh.ts";

/** Ends with a newline. */
export function completions(shell: Shell): string {
  const words = { commands: commands.map(commandWords), flags: Object.values<Option<unknown>>(options).flatMap(flag) };
  switch (shell) {
    case "bash":
      return bashScript(words);
    case "zsh":
      return zshScript(words);
    case "fish":
      return fishScript(words);
  }
}

function commandWords({ name, summary, operands, switches }: CommandEntry): Words["commands"][number] {
  return { name, summary, operands: operands.flatMap(({ choices = [] }) => choices), switches };
}

/** None for an option that is a variable only. */
function flag({ flag: name, summary, kind }: Option<unknown>): readonly Flag[] {
  if (name === undefined) return [];
  const { placeholder, repeatable } = kind;
  if (placeholder === undefined) return [{ name, summary, repeatable, value: { kind: "boolean" } }];
  if (kind.completions === "files") return [{ name, summary, repeatable, value: { kind: "file", placeholder } }];
  return [{ name, summary, repeatable, value: { kind: "word", placeholder, choices: kind.completions ?? [] } }];
}
