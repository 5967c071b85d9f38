// What one of several callers may take, where the operator has not said.

import type { Config } from "./options.ts";

/** Half of it, so that one caller leaves room for others; all of it where there can be only one caller. */
export function leftRunningOfOne(
  settings: Pick<Config, "maxLeftRunningPerPrincipal" | "maxLeftRunningInAll">,
  isOnlyOne: boolean,
): number {
  const { maxLeftRunningPerPrincipal: given, maxLeftRunningInAll: all } = settings;
  return given ?? shareOf(all, isOnlyOne);
}

/** The same of what downloads take (`--max-cache-bytes`). */
export function cacheBytesOfOne({ maxCacheBytes: all }: Pick<Config, "maxCacheBytes">, isOnlyOne: boolean): number {
  return shareOf(all, isOnlyOne);
}

function shareOf(all: number, isOnlyOne: boolean): number {
  return isOnlyOne ? all : Math.ceil(all / 2);
}
