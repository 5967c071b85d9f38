// Access tokens of the configured authorization server: JWTs, checked as RFC 9068 section 4 and RFC 8725 ask.

import { errors, type JWTPayload, jwtVerify } from "jose";
import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { createIssuerKeys, IssuerUnreachable } from "./issuer.ts";

export type OAuthSettings = {
  /** Letter by letter what the tokens' `iss` says. */
  readonly issuer: string;
  readonly audience: string;
  /** All of them are needed. */
  readonly scopes: readonly string[];
  /** Found through the issuer's metadata unless given. */
  readonly jwksUrl?: string;
};

export type Verdict =
  | { readonly kind: "valid"; readonly principal: string }
  | { readonly kind: "invalid"; readonly why: string }
  | { readonly kind: "insufficient_scope" }
  | { readonly kind: "issuer_unreachable" };

export type VerifyAccessToken = (token: string) => Promise<Verdict>;

/** Asymmetric ones alone: whoever can check a symmetric signature can make one, and `none` is none. */
const algorithms = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
/** Many issuers leave `typ` out or say JWT; any other type is another kind of token that the same keys have signed. */
const acceptedTypes = new Set([undefined, "jwt", "at+jwt", "application/at+jwt"]);
/** How far the issuer's clock may be from ours. */
const clockToleranceS = 30;
/** OpenID Connect Core section 2 allows a subject no more characters; they stay in memory and in the ledger. */
const maxSubjectCharacters = 255;

export function createAccessTokenVerifier(settings: OAuthSettings, clock: Clock, emit: Emit): VerifyAccessToken {
  const keys = createIssuerKeys({ issuer: settings.issuer, jwksUrl: settings.jwksUrl, clock, emit });

  return async (token) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer: settings.issuer,
        audience: settings.audience,
        algorithms,
        requiredClaims: ["exp", "sub"],
        clockTolerance: clockToleranceS,
        currentDate: new Date(clock.now()),
      });
      if (!acceptedTypes.has(protectedHeader.typ?.toLowerCase())) return invalid("is not an access token");
      // Bound to a key (RFC 9449, RFC 8705) whose possession is not proved here: as a plain bearer token it is stolen.
      if (payload.cnf !== undefined) return invalid("is bound to a key; only plain bearer tokens are accepted");
      // Typed as a string by jose, which checks only that it is there.
      const sub: unknown = payload.sub;
      if (typeof sub !== "string" || sub === "" || sub.length > maxSubjectCharacters)
        return invalid("has no usable subject");
      if (!hasScopes(payload, settings.scopes)) return { kind: "insufficient_scope" };
      // Subjects are unique within one issuer only. The space keeps it apart from the names of static tokens.
      return { kind: "valid", principal: `${settings.issuer} ${sub}` };
    } catch (error) {
      return verdictOf(error);
    }
  };
}

/** `scope` is RFC 9068's; `scp` is what Microsoft's and Okta's issuers say. */
function hasScopes(payload: JWTPayload, wanted: readonly string[]): boolean {
  const claim = payload.scope ?? payload.scp;
  const granted: readonly unknown[] = typeof claim === "string" ? claim.split(" ") : [claim].flat();
  return wanted.every((scope) => granted.includes(scope));
}

function verdictOf(error: unknown): Verdict {
  if (error instanceof IssuerUnreachable || error instanceof errors.JWKSTimeout) return { kind: "issuer_unreachable" };
  if (error instanceof errors.JWTExpired) return invalid("has expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") return invalid("is for another audience");
    if (error.claim === "iss") return invalid("is of another issuer");
    if (error.claim === "nbf") return invalid("is not valid yet");
    return invalid("lacks a claim that is needed, or has one of the wrong type");
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return invalid("is signed with an algorithm that is not accepted");
  if (error instanceof errors.JWKSInvalid) return { kind: "issuer_unreachable" };
  // Everything else that jose says, and a key that the runtime cannot use, is about the token: never let it in, never crash.
  return invalid("is not valid");
}

function invalid(why: string): Verdict {
  return { kind: "invalid", why };
}
