// What is wrong with the options that say who may call, taken together. No message shows a token.

import type { OAuthSettings } from "./access-token.ts";
import type { AuthMode } from "./authenticator.ts";
import { isBearerToken } from "./bearer.ts";
import { isTrustworthyUrl } from "./issuer.ts";
import { localPrincipal } from "./tokens.ts";

export type AuthChoices = {
  readonly mode: AuthMode;
  readonly tokens: readonly { readonly principal: string; readonly token: string }[];
  readonly hasTokenFile: boolean;
  readonly oauth: Partial<OAuthSettings>;
};

/** Below this many characters even a random token can be guessed at the rate a server answers. */
const minTokenCharacters = 16;

/** One sentence a problem, each beginning with its option; empty where the authenticator can be made. */
export function authProblems({ mode, tokens, hasTokenFile, oauth }: AuthChoices): readonly string[] {
  const { issuer, audience, jwksUrl, scopes = [] } = oauth;
  const hasTokens = tokens.length > 0 || hasTokenFile;
  const hasOAuth = issuer !== undefined || audience !== undefined || jwksUrl !== undefined || scopes.length > 0;
  const problems = tokens.flatMap(({ principal, token }) => tokenProblems(principal, token));

  if (mode === "none" && (hasTokens || hasOAuth)) {
    problems.push("--auth (MCP_AUTH): none contradicts the tokens or the OAuth issuer given; leave one of them out");
  }
  if (mode === "token" && hasOAuth) {
    problems.push("--auth (MCP_AUTH): token contradicts the --oauth options; auto accepts both kinds of token");
  }
  if (mode === "oauth" && hasTokens) {
    problems.push("--auth (MCP_AUTH): oauth contradicts --auth-token; auto accepts both kinds of token");
  }
  if (mode === "oauth" || hasOAuth) {
    if (issuer === undefined) problems.push(`${issuerOption}: not given; it must be the authorization server's URL`);
    if (audience === undefined) {
      problems.push(
        "--oauth-audience (MCP_OAUTH_AUDIENCE): not given; it must be what the tokens for this server say, by MCP its URL",
      );
    }
  }
  if (issuer !== undefined && !isTrustworthyUrl(issuer))
    problems.push(`${issuerOption}: must be https://, or http:// on loopback`);
  if (jwksUrl !== undefined && !isTrustworthyUrl(jwksUrl)) {
    problems.push("--oauth-jwks-url (MCP_OAUTH_JWKS_URL): must be https://, or http:// on loopback");
  }
  return problems;
}

const issuerOption = "--oauth-issuer (MCP_OAUTH_ISSUER)";

function tokenProblems(principal: string, token: string): string[] {
  const option = `--auth-token (MCP_AUTH_TOKEN): the token of ${principal}`;
  if (principal === localPrincipal) return [`${option} has the name of callers without a token; choose another`];
  if (!isBearerToken(token)) return [`${option} may have only letters, digits, - . _ ~ + / and = at its end`];
  return token.length < minTokenCharacters
    ? [`${option} has ${token.length} characters; it must have at least ${minTokenCharacters} (openssl rand -hex 32)`]
    : [];
}
