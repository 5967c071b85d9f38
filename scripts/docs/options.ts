// docs/reference/options.md: the tables of options and commands.

import { commands, usageOf } from "../../src/config/commands.ts";
import { type Option, options } from "../../src/config/options.ts";
import { markdownTable } from "./markdown.ts";

const columns = ["flag", "environment", "default", "what it is", "what is allowed"];

/** The options as Markdown, a section for each group. Without a newline at its end. */
export function optionsMarkdown(): string {
  const groups = Object.entries(Object.groupBy(Object.values<Option<unknown>>(options), (option) => option.group));
  return groups
    .map(([group, members]) => `## ${group}\n\n${markdownTable(columns, members.map(optionCells))}`)
    .join("\n\n");
}

/** The commands as Markdown, each with its switches. Without a newline at its end. */
export function commandsMarkdown(): string {
  const rows = commands.flatMap((entry) => [
    [`\`msb-mcp ${usageOf(entry)}\``, entry.summary],
    ...entry.switches.map(({ name, summary }) => [`\`msb-mcp ${entry.name} ${name}\``, summary]),
  ]);
  return markdownTable(["command", "what it does"], rows);
}

function optionCells({ flag, variable, fallbackShown, summary, kind }: Option<unknown>): readonly string[] {
  return [
    flag === undefined ? "–" : `\`${flag}\``,
    `\`${variable}\``,
    fallbackShown === undefined ? "–" : `\`${fallbackShown}\``,
    summary,
    kind.repeatable ? `${kind.rule}; the flag may be repeated` : kind.rule,
  ];
}
