// The one table of options. Types, parsing, `--help` and docs/reference/options.md all come from it; an option is one entry in its group's file.

import { accessOptions } from "./options/access.ts";
import { clusterOptions } from "./options/cluster.ts";
import { limitsOptions } from "./options/limits.ts";
import type { Option } from "./options/option.ts";
import { sandboxesOptions } from "./options/sandboxes.ts";
import { serverOptions } from "./options/server.ts";

export type { Option } from "./options/option.ts";

export const options = {
  ...serverOptions,
  ...accessOptions,
  ...clusterOptions,
  ...sandboxesOptions,
  ...limitsOptions,
} as const;

export type OptionName = keyof typeof options;

export type Config = {
  readonly [Name in OptionName]: (typeof options)[Name] extends Option<infer T> ? T : never;
};
