// `--help`: the tables of options and commands, as a terminal shows them.

import { type CommandEntry, commands, usageOf } from "./commands.ts";
import { type Option, options } from "./options.ts";

/** Columns of a terminal that `--help` keeps within. */
const WIDTH = 100;

const INDENT = "      ";

/** Ends with a newline. */
export function helpText(version: string): string {
  const groups = Object.groupBy(Object.values<Option<unknown>>(options), (option) => option.group);
  const sections = Object.entries(groups).map(([group, members]) =>
    [`${group}:`, ...members.flatMap(entryLines)].join("\n"),
  );
  return `${[
    `msb-mcp ${version}: an MCP server that runs code for AI agents in isolated sandboxes`,
    "Usage: msb-mcp [command] [flags]",
    ["Commands:", ...commands.flatMap(commandLines)].join("\n"),
    ...sections,
    "Other:\n  -h, --help\n  -v, -V, --version",
    "A flag beats its variable, a variable beats the default. An empty variable is an unset one.",
    "SIGTERM and SIGINT stop the server: running calls get 10 s to end, a second signal ends it at once.",
  ].join("\n\n")}\n`;
}

function commandLines(entry: CommandEntry): readonly string[] {
  const switches = entry.switches.map(
    ({ name, placeholder, summary }) => `      ${[name, placeholder].join(" ").trimEnd().padEnd(11)} ${summary}`,
  );
  return [`  ${usageOf(entry).padEnd(24)}${entry.summary}`, ...switches];
}

function entryLines(option: Option<unknown>): readonly string[] {
  const { placeholder, repeatable, rule } = option.kind;
  const value = placeholder === undefined ? "" : ` ${placeholder}${repeatable ? " …" : ""}`;
  const name = option.flag === undefined ? option.variable : `${option.flag}${value}`;
  const variable = option.flag === undefined ? "environment only" : option.variable;
  const fallback = option.fallbackShown === undefined ? "" : `; default: ${option.fallbackShown}`;
  return [`  ${name}  [${variable}]`, ...wrap(`${option.summary}: ${rule}${fallback}`)];
}

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  let line = INDENT;
  for (const word of text.split(" ")) {
    if (line !== INDENT && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = INDENT;
    }
    line += line === INDENT ? word : ` ${word}`;
  }
  return [...lines, line];
}
