// The command line, taken apart: the command, which flags were given with which texts, and what is no flag of ours. What the texts
// mean is not looked at here (load.ts).

import { isBooleanWord, quote } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import type { Option } from "./options.ts";

/** What the program is to do; what is no command is reported. */
export type Command = "serve" | "doctor" | "pull";

export type CommandLine = {
  readonly command: Command;
  /** `--json`, which only some commands know. */
  readonly json: boolean;
  /** The texts of each flag that was given, in order. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  readonly asksFor: ReadonlySet<"help" | "version">;
  readonly problems: readonly string[];
};

export const commands: readonly { readonly name: Command; readonly summary: string; readonly knowsJson: boolean }[] = [
  { name: "serve", summary: "serve MCP (the default)", knowsJson: false },
  {
    name: "doctor",
    summary: "tell what this machine can run, and what is missing; --json for programs",
    knowsJson: true,
  },
  { name: "pull", summary: "fetch the images of all templates ahead", knowsJson: false },
];

const questions = new Map<string, "help" | "version">([
  ["--help", "help"],
  ["-h", "help"],
  ["--version", "version"],
  ["-v", "version"],
]);

export function readCommandLine(argv: readonly string[], table: readonly Option<unknown>[]): CommandLine {
  const flags = new Map(
    table.flatMap((option) => (option.flag === undefined ? [] : [[option.flag as string, option]])),
  );
  const texts = new Map<string, string[]>();
  const asksFor = new Set<"help" | "version">();
  const problems: string[] = [];
  const rest = [...argv];
  const word = argv[0]?.startsWith("-") === false ? rest.shift() : undefined;
  const command = commands.find(({ name }) => name === (word ?? "serve"));
  if (command === undefined) problems.push(noSuchCommand(word ?? ""));
  const names = [...flags.keys(), "--help", "--version", ...(command?.knowsJson ? ["--json"] : [])];
  let json = false;
  let before: Option<unknown> | undefined;

  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const equals = argument.indexOf("=");
    const name = equals < 0 ? argument : argument.slice(0, equals);
    const question = questions.get(argument);
    const option = flags.get(name);
    if (question !== undefined) {
      asksFor.add(question);
    } else if (argument === "--json" && command?.knowsJson) {
      json = true;
    } else if (option !== undefined) {
      before = option;
      const text = equals < 0 ? textOf(option, rest) : argument.slice(equals + 1);
      if (text === undefined) problems.push(`${name}: has no value; it must be ${option.kind.rule}`);
      else texts.set(name, [...(texts.get(name) ?? []), text]);
    } else if (argument.startsWith("-") && argument !== "-") {
      problems.push(`${visibleName(name)}: no such flag; the nearest is ${nearest(name, names)}`);
      // What follows was meant as its value: one mistake, one problem.
      if (equals < 0 && rest[0]?.startsWith("-") === false) rest.shift();
    } else {
      // Shown as a value of the flag before it would be: a second value of a secret one is a secret too.
      const shown = before === undefined ? quote(argument) : before.kind.show(argument);
      problems.push(
        `argument ${argv.length - rest.length}: ${shown} is neither a flag nor the value of one; see --help`,
      );
    }
  }
  return { command: command?.name ?? "serve", json, texts, asksFor, problems };
}

function noSuchCommand(word: string): string {
  const names = commands.map(({ name }) => name);
  return `argument 1: ${quote(word)} is no command; the nearest is ${nearest(word, names)} (there are ${names.join(", ")})`;
}

/** The text of a flag without "=": the next argument, which is taken off, unless the flag may stand alone. */
function textOf(option: Option<unknown>, rest: string[]): string | undefined {
  const [next] = rest;
  if (option.kind.placeholder === undefined) {
    return next !== undefined && isBooleanWord(next) ? rest.shift() : "true";
  }
  return next === undefined || next.startsWith("--") ? undefined : rest.shift();
}

/** As much of it as can be a name; the rest may be a value, and a secret. */
function visibleName(name: string): string {
  const visible = /^--?[A-Za-z0-9_-]{0,60}/.exec(name)?.[0] ?? "";
  return visible.length < name.length ? `${visible}…` : visible;
}
