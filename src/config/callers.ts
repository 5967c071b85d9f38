// What one of several callers may take, where the operator has not said.

import type { Config } from "./options.ts";

type CallerSettings = Pick<Config, "transport" | "auth" | "authTokens" | "authTokenFile" | "oauthIssuer">;

/** Half of it, so that one caller leaves room for others; all of it where there can be only one caller. */
export function leftRunningOfOne(
  settings: CallerSettings & Pick<Config, "maxLeftRunningPerPrincipal" | "maxLeftRunningInAll">,
): number {
  const { maxLeftRunningPerPrincipal: given, maxLeftRunningInAll: all } = settings;
  return given ?? (mayBeSeveral(settings) ? Math.ceil(all / 2) : all);
}

/** The same of what downloads take (`--max-cache-bytes`). */
export function cacheBytesOfOne(settings: CallerSettings & Pick<Config, "maxCacheBytes">): number {
  const { maxCacheBytes: all } = settings;
  return mayBeSeveral(settings) ? Math.ceil(all / 2) : all;
}

function mayBeSeveral({ transport, auth, authTokens, authTokenFile, oauthIssuer }: CallerSettings): boolean {
  if (transport === "stdio" || auth === "none") return false;
  return authTokens.length > 1 || authTokenFile !== undefined || oauthIssuer !== undefined;
}
