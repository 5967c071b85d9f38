// The completions of fish.

import { type Flag, questions, type Words } from "./words.ts";

export function fishScript({ commands, flags }: Words): string {
  const lines = [
    "complete -c msb-mcp -f",
    ...commands.flatMap(({ name, summary, operands, switches }) => [
      `complete -c msb-mcp -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
      ...(operands.length === 0
        ? []
        : [
            `complete -c msb-mcp -n ${quoted(`__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${operands.join(" ")}`)} -a ${quoted(operands.join(" "))}`,
          ]),
      ...switches.map(
        (it) =>
          `complete -c msb-mcp -n ${quoted(`__fish_seen_subcommand_from ${name}`)} -l ${it.name.slice(2)} -d ${quoted(it.summary)}`,
      ),
    ]),
    ...flags.map(
      ({ name, summary, value }) => `complete -c msb-mcp -l ${name.slice(2)}${offered(value)} -d ${quoted(summary)}`,
    ),
    ...questions.map(({ name, summary }) => `complete -c msb-mcp -l ${name.slice(2)} -d ${quoted(summary)}`),
  ];
  return `# fish completions of msb-mcp. Load them with: msb-mcp completions fish | source
# or save them as ~/.config/fish/completions/msb-mcp.fish

${lines.join("\n")}
`;
}

function offered(value: Flag["value"]): string {
  switch (value.kind) {
    case "boolean":
      return "";
    case "file":
      return " -r -F";
    case "word":
      return value.choices.length === 0 ? " -x" : ` -x -a ${quoted(value.choices.join(" "))}`;
  }
}

/** In single quotes, fish takes a backslash before a quote and before itself. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
