// Who may call, and what they show.

import { hosts, httpUrl, issuerUrl, origins } from "../addresses.ts";
import { longToken, namedTokens, scopes } from "../credentials.ts";
import { boolean, choice, path, text } from "../kinds.ts";
import { noneByDefault, optional, withDefault } from "./option.ts";

export const accessOptions = {
  auth: withDefault("auto", {
    flag: "--auth",
    variable: "MCP_AUTH",
    group: "Access",
    summary: "Who may call; auto asks for a token unless it listens on loopback and none is configured",
    kind: choice(["auto", "none", "token", "oauth"]),
  }),
  authTokens: noneByDefault({
    flag: "--auth-token",
    variable: "MCP_AUTH_TOKEN",
    group: "Access",
    summary: "Bearer tokens, each a principal with sessions of its own",
    kind: namedTokens,
  }),
  authTokenFile: optional({
    flag: "--auth-token-file",
    variable: "MCP_AUTH_TOKEN_FILE",
    group: "Access",
    summary: "File of hashed bearer tokens, a principal a line",
    kind: path,
  }),
  oauthIssuer: optional({
    flag: "--oauth-issuer",
    variable: "MCP_OAUTH_ISSUER",
    group: "Access",
    summary: "Authorization server whose access tokens are accepted",
    kind: issuerUrl,
  }),
  oauthAudience: optional({
    flag: "--oauth-audience",
    variable: "MCP_OAUTH_AUDIENCE",
    group: "Access",
    summary: "Audience that an access token must have been issued for",
    kind: text,
  }),
  oauthScopes: noneByDefault({
    flag: "--oauth-scopes",
    variable: "MCP_OAUTH_SCOPES",
    group: "Access",
    summary: "Scopes that an access token must have",
    kind: scopes,
  }),
  oauthJwksUrl: optional({
    flag: "--oauth-jwks-url",
    variable: "MCP_OAUTH_JWKS_URL",
    group: "Access",
    summary: "The issuer's keys, if its metadata does not tell where they are",
    kind: httpUrl,
  }),
  operatorToken: optional({
    flag: undefined,
    variable: "MCP_OPERATOR_TOKEN",
    group: "Access",
    summary:
      "What POST /drain and GET /operator/sessions ask for, which are not served without it; no flag, so that it stays out of process lists",
    kind: longToken,
  }),
  allowedHosts: noneByDefault({
    flag: "--allowed-hosts",
    variable: "MCP_ALLOWED_HOSTS",
    group: "Access",
    summary: "Host headers to accept beside loopback names and the listening host",
    kind: hosts,
  }),
  allowedOrigins: noneByDefault({
    flag: "--allowed-origins",
    variable: "MCP_ALLOWED_ORIGINS",
    group: "Access",
    summary: "Web origins to accept beside loopback pages",
    kind: origins,
  }),
  enableCors: withDefault("false", {
    flag: "--enable-cors",
    variable: "MCP_ENABLE_CORS",
    group: "Access",
    summary: "Let pages of the allowed origins read the answers",
    kind: boolean,
  }),
} as const;
