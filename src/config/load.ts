// argv and environment → a Config, or every problem at once. Nothing is read from the process here; of the machine only what
// the values themselves name (the folders of shared volumes, the file of templates).

import { type CommandLine, readCommandLine } from "./argv.ts";
import type { Command } from "./commands.ts";
import { type Config, type Option, type OptionName, options } from "./options.ts";
import { rules } from "./rules.ts";

export type Loaded =
  | {
      readonly kind: "config";
      readonly command: Command;
      /** As of CommandLine. */
      readonly operands: readonly string[];
      readonly switches: ReadonlySet<string>;
      readonly texts: CommandLine["texts"];
      readonly config: Config;
      /** The options that were given by a flag or a variable. */
      readonly given: ReadonlySet<OptionName>;
    }
  /** One line each; none shows a secret. */
  | { readonly kind: "problems"; readonly problems: readonly string[] }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Flags before variables before defaults; an empty variable is an unset one. `argv` is without the program's own name. Paths
 * are taken from `cwd`.
 */
export function loadConfig(
  argv: readonly string[],
  env: Environment,
  { cwd, homeDir }: { readonly cwd: string; readonly homeDir: string },
): Loaded {
  const table: Readonly<Record<OptionName, Option<unknown>>> = options;
  const line = readCommandLine(argv, Object.values(table));
  const [question] = line.asksFor;
  if (question !== undefined) return { kind: question };

  const place = {
    cwd,
    homeDir,
    stateHome: absolute(env.XDG_STATE_HOME),
    cacheHome: absolute(env.XDG_CACHE_HOME),
    variable: (name: string) => env[name],
  };
  const values: Partial<Record<OptionName, unknown>> = {};
  const given = new Set<OptionName>();
  const unread = new Set<OptionName>();
  const problems = [...line.problems];

  for (const name of optionNames) {
    const option = table[name];
    const source = sourceOf(option, line.texts, env);
    if (source === undefined) {
      values[name] = option.fallback(place);
      continue;
    }
    given.add(name);
    const { kind } = option;
    if (source.texts.length > 1 && !kind.repeatable) {
      unread.add(name);
      problems.push(`${source.name}: given ${source.texts.length} times; allowed is once`);
      continue;
    }
    const reading = kind.read(source.texts, place);
    if (reading.ok) {
      values[name] = reading.value;
    } else {
      unread.add(name);
      const reasons = reading.reasons ?? [
        `${source.texts.map(kind.show).join(", ")} is not allowed; it must be ${kind.rule}`,
      ];
      problems.push(...reasons.map((reason) => `${source.name}: ${reason}`));
    }
  }

  // Every name of the table has just been given what its own kind or fallback returned, or is in `unread`.
  const config = values as Config;
  for (const { needs, check, isOfServing = false } of rules) {
    if (isOfServing && line.command !== "serve") continue;
    if (!needs.some((name) => unread.has(name))) problems.push(...check(config));
  }
  if (problems.length > 0) return { kind: "problems", problems };
  const { command, operands, switches, texts } = line;
  return { kind: "config", command, operands, switches, texts, config, given };
}

/** The XDG base directory specification has relative paths ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path : undefined;
}

const optionNames = Object.keys(options) as readonly OptionName[];

type Source = { readonly name: string; readonly texts: readonly string[] };

function sourceOf(
  option: Option<unknown>,
  flags: ReadonlyMap<string, readonly string[]>,
  env: Environment,
): Source | undefined {
  const texts = option.flag === undefined ? undefined : flags.get(option.flag);
  if (option.flag !== undefined && texts !== undefined) return { name: option.flag, texts };
  const text = env[option.variable];
  return text === undefined || text === "" ? undefined : { name: option.variable, texts: [text] };
}
