// The arguments of a script of the project; what is wrong with them ends it with a line of words, not with a stack.

import { type ParseArgsConfig, parseArgs } from "node:util";

export function parsedArguments<const Config extends ParseArgsConfig>(
  script: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${script}: ${error instanceof Error ? error.message : error}. Type: ${script} --help`);
    process.exit(2);
  }
}
