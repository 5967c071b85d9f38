// Which pages and which names may reach this server: Host and Origin, against DNS rebinding and foreign pages.
// Who is calling is auth's to say. CONTRACT.md section 7.

import { type Authority, isLoopback, parseAuthority } from "./authority.ts";
import { quoted, type Refusal } from "./refusal.ts";

export type Guard = {
  /** Null when the request may go on. */
  readonly checkHost: (request: Request) => Refusal | null;
  /** Null when the request may go on. */
  readonly checkOrigin: (request: Request) => Refusal | null;
  /** Whether pages of this origin may call, and read the answers where CORS is on. */
  readonly isAllowedOrigin: (origin: string) => boolean;
};

export type GuardRules = {
  /** The name or address the server was told to listen on. */
  readonly listeningHost: string;
  readonly isTokenRequired: boolean;
  /** `host` (any port) or `host:port`. */
  readonly allowedHosts: readonly string[];
  /** Serialised origins, as browsers send them. */
  readonly allowedOrigins: readonly string[];
};

/** Host is checked wherever no token is required, because a rebound page has no token, and wherever a list asks for it. */
export function createGuard(rules: GuardRules): Guard {
  const allowedHosts = [rules.listeningHost, ...rules.allowedHosts]
    .map(authorityOf)
    .filter((host) => host !== undefined);
  const allowedOrigins = new Set(rules.allowedOrigins);
  const isHostChecked = !rules.isTokenRequired || rules.allowedHosts.length > 0;
  const isAllowedOrigin = (origin: string) => allowedOrigins.has(origin) || isLoopbackPage(origin);

  const refusalOfHost = (text: string | null): Refusal | null => {
    const host = text === null ? undefined : parseAuthority(text);
    if (host === undefined) return malformedHost(text);
    if (!isHostChecked || isLoopback(host.host) || allowedHosts.some((allowed) => covers(allowed, host))) return null;
    return foreignHost(text ?? "");
  };
  /** Clients come by one name, mostly: the last one that passed need not be taken apart again. */
  let lastPassed: string | undefined;

  return {
    checkHost: (request) => {
      const text = request.headers.get("host");
      if (text !== null && text === lastPassed) return null;
      const refusal = refusalOfHost(text);
      if (refusal === null && text !== null) lastPassed = text;
      return refusal;
    },
    checkOrigin: (request) => {
      const origin = request.headers.get("origin");
      return origin === null || isAllowedOrigin(origin) ? null : foreignOrigin(origin);
    },
    isAllowedOrigin,
  };
}

function authorityOf(option: string): Authority | undefined {
  return parseAuthority(option) ?? parseAuthority(`[${option}]`);
}

function covers(allowed: Authority, host: Authority): boolean {
  if (allowed.host !== host.host) return false;
  // A client leaves out its scheme's own port; behind a proxy that may be either of the two.
  const isDefaultPort = host.port === undefined && (allowed.port === 80 || allowed.port === 443);
  return allowed.port === undefined || allowed.port === host.port || isDefaultPort;
}

function isLoopbackPage(origin: string): boolean {
  const url = URL.parse(origin);
  // Equal to its own serialisation: whatever a second parser could read otherwise (userinfo, a path, another case) is out.
  if (url === null || url.origin !== origin) return false;
  return (url.protocol === "http:" || url.protocol === "https:") && isLoopback(url.hostname);
}

function malformedHost(text: string | null): Refusal {
  return {
    status: 403,
    reason: "malformed Host header",
    message: `The Host header ${text === null ? "is missing" : `${quoted(text)} is malformed`}; send one HOST or HOST:PORT.`,
  };
}

function foreignHost(text: string): Refusal {
  return {
    status: 403,
    reason: "Host not allowed",
    message:
      `The Host header ${quoted(text)} is not allowed. Allowed are loopback names, the host this server listens on, ` +
      "and what its operator adds with --allowed-hosts (MCP_ALLOWED_HOSTS).",
  };
}

function foreignOrigin(origin: string): Refusal {
  return {
    status: 403,
    reason: "Origin not allowed",
    message:
      `The Origin header ${quoted(origin)} is not allowed. Allowed are pages of loopback addresses, ` +
      "and what this server's operator adds with --allowed-origins (MCP_ALLOWED_ORIGINS).",
  };
}
