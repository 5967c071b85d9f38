// Static tokens: named, kept as SHA-256 digests, compared in constant time.

import { createHash, timingSafeEqual } from "node:crypto";

export type TokenDigest = { readonly principal: string; readonly sha256: Uint8Array };

/** Whoever calls where no token is asked for. No token may have this name. */
export const localPrincipal = "local";
/** Whoever calls with a token that has no name, one of our own making included. */
export const unnamedPrincipal = "default";

export function sha256(token: string): Uint8Array {
  return createHash("sha256").update(token, "utf8").digest();
}

/** The principal whose token it is. Every digest is compared, so that the time tells neither a match nor its place. */
export function principalOf(token: string, digests: readonly TokenDigest[]): string | undefined {
  const wanted = sha256(token);
  let principal: string | undefined;
  for (const known of digests) {
    if (timingSafeEqual(known.sha256, wanted)) principal = known.principal;
  }
  return principal;
}
