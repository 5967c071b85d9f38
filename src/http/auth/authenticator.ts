// Who is calling: one of the modes of --auth, settled at the start, asked once a request. Whether the page or the name the
// request came by is allowed is the guard's to say. CONTRACT.md section 7.

import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { isLoopback } from "../authority.ts";
import type { Access } from "../not-found.ts";
import type { Refusal } from "../refusal.ts";
import { createAccessTokenVerifier, type OAuthSettings, type VerifyAccessToken } from "./access-token.ts";
import { bearerOf, type Challenge, headerMalformed, scopeMissing, tokenInvalid, tokenMissing } from "./bearer.ts";
import { firstToken } from "./first-token.ts";
import { metadataUrl, type ResourceMetadata, resourceMetadata } from "./metadata.ts";
import { localPrincipal, principalOf, sha256, type TokenDigest, unnamedPrincipal } from "./tokens.ts";

export type AuthMode = "auto" | "none" | "token" | "oauth";

export type Authentication =
  | { readonly ok: true; readonly principal: string }
  | { readonly ok: false; readonly refusal: Refusal };

export interface Authenticator {
  /** What a caller needs: nothing, a token of the operator's, or one of an authorization server. But for nothing, a request without is turned away. */
  readonly access: Access;
  /** What is asked for, in a few words for the log. */
  readonly description: string;
  /** At once but where an authorization server may have to be asked. Never rejects. Nothing of the token is in the refusal. */
  authenticate(request: Request): Authentication | Promise<Authentication>;
  /** The document for `metadataPaths`; undefined (404) where no authorization server is configured. */
  resourceMetadata(request: Request): ResourceMetadata | undefined;
}

export type AuthenticatorSettings = {
  /** Free of problems (see authProblems). */
  readonly mode: AuthMode;
  readonly listeningHost: string;
  readonly tokens: readonly { readonly principal: string; readonly token: string }[];
  /** Of the file of hashed tokens. */
  readonly digests: readonly TokenDigest[];
  readonly oauth?: OAuthSettings;
  /** Where a token of our own making is kept. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** Throws Failure("configuration") where a token of our own has to be made or read and cannot be. */
export async function createAuthenticator(settings: AuthenticatorSettings): Promise<Authenticator> {
  const { mode, listeningHost, tokens, oauth, clock, emit } = settings;
  const digests = [
    ...settings.digests,
    ...tokens.map(({ principal, token }) => ({ principal, sha256: sha256(token) })),
  ];
  const isConfigured = digests.length > 0 || oauth !== undefined;
  if (isOpen(mode, isConfigured, listeningHost)) {
    if (!isLoopback(listeningHost)) emit({ type: "server.warning", message: openToAll(listeningHost) });
    return open;
  }
  if (!isConfigured) digests.push(await ownToken(settings.stateDir, emit));
  return closed(digests, oauth, oauth && createAccessTokenVerifier(oauth, clock, emit));
}

/** Whether nobody is asked for a token. */
export function isOpen(mode: AuthMode, isConfigured: boolean, listeningHost: string): boolean {
  return mode === "none" || (mode === "auto" && !isConfigured && isLoopback(listeningHost));
}

const local: Authentication = { ok: true, principal: localPrincipal };

const open: Authenticator = {
  access: "open",
  description: "none",
  authenticate: () => local,
  resourceMetadata: () => undefined,
};

async function ownToken(stateDir: string, emit: Emit): Promise<TokenDigest> {
  const { path, token, isNew } = await firstToken(stateDir);
  const message =
    `No token is configured, so one ${isNew ? "has been made" : "of an earlier start is used"}: clients must send the one in ` +
    `${path} in the header Authorization. To print it: msb-mcp token, or docker exec CONTAINER msb-mcp token`;
  emit({ type: "server.warning", message });
  return { principal: unnamedPrincipal, sha256: sha256(token) };
}

function closed(
  digests: readonly TokenDigest[],
  oauth: OAuthSettings | undefined,
  verify: VerifyAccessToken | undefined,
): Authenticator {
  const challengeFor = (request: Request): Challenge => {
    const url = oauth && metadataUrl(request, oauth);
    return { scopes: oauth?.scopes ?? [], ...(url !== undefined && { metadataUrl: url }) };
  };
  return {
    access: oauth === undefined ? "token" : "oauth",
    description: [digests.length > 0 && "token", oauth && "oauth"].filter(Boolean).join(", "),
    authenticate: (request) => {
      const bearer = bearerOf(request);
      if (bearer.kind === "absent") return refused(tokenMissing(challengeFor(request)));
      if (bearer.kind === "malformed") return refused(headerMalformed(challengeFor(request)));
      const principal = principalOf(bearer.token, digests);
      if (principal !== undefined) return { ok: true, principal };
      if (verify === undefined) return refused(tokenInvalid(challengeFor(request), unknown));
      return verify(bearer.token).then((verdict) => {
        if (verdict.kind === "valid") return { ok: true, principal: verdict.principal };
        if (verdict.kind === "issuer_unreachable") return refused(issuerUnreachable);
        const challenge = challengeFor(request);
        return refused(verdict.kind === "invalid" ? tokenInvalid(challenge, verdict.why) : scopeMissing(challenge));
      });
    },
    resourceMetadata: (request) => oauth && resourceMetadata(request, oauth),
  };
}

const unknown = "is not known here";

const issuerUnreachable: Refusal = {
  status: 503,
  code: -32603,
  reason: "authorization server unreachable",
  message:
    "The token could not be checked, because the authorization server does not answer as it should. The token may well be " +
    "valid: try again in a few seconds; if it keeps failing, ask the operator of this server to look at --oauth-issuer.",
  headers: { "Retry-After": "5" },
};

function refused(refusal: Refusal): Authentication {
  return { ok: false, refusal };
}

function openToAll(listeningHost: string): string {
  return (
    `--auth none on ${listeningHost}: ANYBODY who can reach this address can run code here, without a token. ` +
    "Take --auth none away unless something in front of this server checks who calls."
  );
}
