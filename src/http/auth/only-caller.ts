// Who all callers are, where that is known before anybody has called.

import { type AuthMode, isOpen } from "./authenticator.ts";
import { localPrincipal, unnamedPrincipal } from "./tokens.ts";

export type OnlyCallerSettings = {
  readonly transport: "http" | "stdio";
  readonly host: string;
  readonly auth: AuthMode;
  readonly authTokens: readonly { readonly principal: string }[];
  readonly authTokenFile: string | undefined;
  readonly oauthIssuer: string | undefined;
};

/** Undefined where there may be several, or who it is comes with the call. */
export function onlyCaller(settings: OnlyCallerSettings): string | undefined {
  const { transport, host, auth, authTokens, authTokenFile, oauthIssuer } = settings;
  if (transport === "stdio") return localPrincipal;
  const hasMore = authTokenFile !== undefined || oauthIssuer !== undefined;
  if (isOpen(auth, hasMore || authTokens.length > 0, host)) return localPrincipal;
  const names = new Set(authTokens.map(({ principal }) => principal));
  if (hasMore || names.size > 1) return undefined;
  const [name = unnamedPrincipal] = names;
  return name;
}
