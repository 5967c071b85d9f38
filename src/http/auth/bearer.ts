// The Authorization header and the challenges that answer it (RFC 6750, RFC 9728). Nothing of a token is ever repeated.

import type { Refusal } from "../refusal.ts";

export type Bearer =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "absent" }
  | { readonly kind: "malformed" };

/** What a client has to know to come back with a better token. */
export type Challenge = {
  /** Where RFC 9728 metadata are; only where access tokens of an authorization server are accepted. */
  readonly metadataUrl?: string;
  readonly scopes: readonly string[];
};

/** The characters of a token in a header: RFC 6750 section 2.1, `b64token`. */
const b64token = "[A-Za-z0-9._~+/-]+=*";
const bearerHeader = new RegExp(`^Bearer +(${b64token})$`, "i");
const wholeToken = new RegExp(`^${b64token}$`);

/** From the header only: a token in a URL ends up in logs and histories (OAuth 2.1 section 5.1 forbids it). */
export function bearerOf(request: Request): Bearer {
  const header = request.headers.get("authorization");
  if (header === null) return { kind: "absent" };
  // Several headers arrive as one comma list, which no token has.
  const token = bearerHeader.exec(header)?.[1];
  return token === undefined ? { kind: "malformed" } : { kind: "token", token };
}

export function isBearerToken(text: string): boolean {
  return wholeToken.test(text);
}

export function tokenMissing(challenge: Challenge): Refusal {
  return {
    status: 401,
    reason: "no token",
    message:
      "This server needs a token. Send it in the header Authorization: Bearer TOKEN; one in the URL is not read.",
    // RFC 6750 section 3.1: no error code where nothing was tried.
    headers: { "WWW-Authenticate": challengeOf(challenge, {}) },
  };
}

export function headerMalformed(challenge: Challenge): Refusal {
  const what = "The Authorization header is not one bearer token";
  return {
    status: 401,
    reason: "malformed Authorization header",
    message: `${what}. Send exactly one header Authorization: Bearer TOKEN.`,
    headers: { "WWW-Authenticate": challengeOf(challenge, { error: "invalid_token", error_description: what }) },
  };
}

/** `why` ends "The token …", and says nothing that the token's sender could not know. */
export function tokenInvalid(challenge: Challenge, why: string): Refusal {
  return {
    status: 401,
    reason: `token ${why}`,
    message: `The token ${why}. Get a valid one for this server and send it in the header Authorization: Bearer TOKEN.`,
    headers: {
      "WWW-Authenticate": challengeOf(challenge, { error: "invalid_token", error_description: `The token ${why}` }),
    },
  };
}

export function scopeMissing(challenge: Challenge): Refusal {
  return {
    status: 403,
    reason: "insufficient scope",
    message: `The token lacks a scope that this server needs: ${challenge.scopes.join(" ")}. Get one that has all of them.`,
    headers: { "WWW-Authenticate": challengeOf(challenge, { error: "insufficient_scope" }) },
  };
}

function challengeOf({ metadataUrl, scopes }: Challenge, error: Readonly<Record<string, string>>): string {
  const parameters = {
    realm: "msb-mcp",
    ...error,
    ...(scopes.length > 0 && { scope: scopes.join(" ") }),
    ...(metadataUrl !== undefined && { resource_metadata: metadataUrl }),
  };
  return `Bearer ${Object.entries(parameters)
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ")}`;
}
