// The command line, taken apart: the command and its operands, which flags were given with which texts, and what is no flag of ours. What the texts
// mean is not looked at here (load.ts).

import { type Command, type CommandEntry, commands, type Operand } from "./commands.ts";
import { isBooleanWord, quote } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import type { Option } from "./options.ts";

export type CommandLine = {
  readonly command: Command;
  /** As many as the command requires at least, and no more than it takes; each one of its choices, if it has any. */
  readonly operands: readonly string[];
  /** Those of the command's switches without a text that were given. */
  readonly switches: ReadonlySet<string>;
  /** The texts of each flag that was given, in order; of switches that have one, too. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  readonly asksFor: ReadonlySet<"help" | "version">;
  readonly problems: readonly string[];
};

const questions = new Map<string, "help" | "version">([
  ["--help", "help"],
  ["-h", "help"],
  ["--version", "version"],
  ["-v", "version"],
  ["-V", "version"],
]);

export function readCommandLine(argv: readonly string[], table: readonly Option<unknown>[]): CommandLine {
  const flags = new Map(
    table.flatMap((option) => (option.flag === undefined ? [] : [[option.flag as string, option]])),
  );
  const texts = new Map<string, string[]>();
  const asksFor = new Set<"help" | "version">();
  const problems: string[] = [];
  const rest = [...argv];
  // As many other programs know them.
  if (argv[0] === "help" || argv[0] === "version") rest[0] = `--${argv[0]}`;
  const word = rest[0]?.startsWith("-") === false ? rest.shift() : undefined;
  const command = commands.find(({ name }) => name === (word ?? "serve"));
  if (command === undefined) problems.push(noSuchCommand(word ?? ""));
  const known = new Map<string, string | undefined>(
    command?.switches.map(({ name, placeholder }) => [name, placeholder]),
  );
  const names = [...flags.keys(), "--help", "--version", ...known.keys()];
  const room = command?.operands.length ?? 0;
  const operands: string[] = [];
  const switches = new Set<string>();
  let before: Option<unknown> | undefined;

  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const equals = argument.indexOf("=");
    const name = equals < 0 ? argument : argument.slice(0, equals);
    const question = questions.get(argument);
    const option = flags.get(name);
    if (question !== undefined) {
      asksFor.add(question);
    } else if (known.has(argument) && known.get(argument) === undefined) {
      switches.add(argument);
    } else if (known.get(name) !== undefined) {
      const text = equals < 0 ? rest.shift() : argument.slice(equals + 1);
      if (text === undefined || text.startsWith("--"))
        problems.push(`${name}: has no value; it must be a ${known.get(name)}`);
      else if (texts.has(name)) problems.push(`${name}: given 2 times; allowed is once`);
      else texts.set(name, [text]);
    } else if (option !== undefined) {
      before = option;
      const text = equals < 0 ? textOf(option, rest) : argument.slice(equals + 1);
      if (text === undefined) problems.push(`${name}: has no value; it must be ${option.kind.rule}`);
      else texts.set(name, [...(texts.get(name) ?? []), text]);
    } else if (argument.startsWith("-") && argument !== "-") {
      problems.push(`${visibleName(name)}: no such flag; the nearest is ${nearest(name, names)}`);
      // What follows was meant as its value: one mistake, one problem.
      if (equals < 0 && rest[0]?.startsWith("-") === false) rest.shift();
    } else if (operands.length < room) {
      operands.push(argument);
    } else {
      // Shown as a value of the flag before it would be: a second value of a secret one is a secret too.
      const shown = before === undefined ? quote(argument) : before.kind.show(argument);
      problems.push(
        `argument ${argv.length - rest.length}: ${shown} is neither a flag nor the value of one; see --help`,
      );
    }
  }
  if (command !== undefined) problems.push(...operandProblems(command, operands));
  return { command: command?.name ?? "serve", operands, switches, texts, asksFor, problems };
}

function operandProblems({ name, operands }: CommandEntry, given: readonly string[]): readonly string[] {
  return operands.flatMap((operand, index) => {
    const text = given[index];
    if (text === undefined) {
      return operand.isRequired ? [`${name}: ${operand.name} is missing; it must be ${allowed(operand)}`] : [];
    }
    return operand.choices?.includes(text) === false
      ? [
          `${name}: ${quote(text)} is no ${operand.name}; the nearest is ${nearest(text, operand.choices)} (it must be ${allowed(operand)})`,
        ]
      : [];
  });
}

function allowed({ name, choices }: Operand): string {
  return choices === undefined ? `a ${name}` : `one of ${choices.join(", ")}`;
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
