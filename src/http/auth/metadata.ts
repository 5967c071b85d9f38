// Protected resource metadata (RFC 9728): how a client finds the authorization server that issues tokens for this one.

import { parseAuthority } from "../authority.ts";
import type { OAuthSettings } from "./access-token.ts";

export type ResourceMetadata = {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly bearer_methods_supported: readonly ["header"];
  readonly resource_name: string;
  readonly scopes_supported?: readonly string[];
};

const wellKnown = "/.well-known/oauth-protected-resource";

/**
 * The places in which clients look: at the root, and with the endpoint's path behind it (RFC 9728 section 3.1), which has a prefix behind some
 * proxies.
 */
export const metadataPaths = [wellKnown, `${wellKnown}/*`] as const;

export function resourceMetadata(request: Request, { issuer, audience, scopes }: OAuthSettings): ResourceMetadata {
  return {
    resource: resourceUrl(request, audience) ?? audience,
    authorization_servers: [issuer],
    bearer_methods_supported: ["header"],
    resource_name: "msb-mcp",
    ...(scopes.length > 0 && { scopes_supported: scopes }),
  };
}

/** For the challenge of a 401. Undefined where the request does not even say under which name it came. */
export function metadataUrl(request: Request, { audience }: OAuthSettings): string | undefined {
  const resource = resourceUrl(request, audience);
  if (resource === undefined) return undefined;
  const { origin, pathname } = new URL(resource);
  return origin + wellKnown + (pathname === "/" ? "" : pathname);
}

/**
 * The URL under which clients know this server. The MCP specification makes it the tokens' audience; an audience that is
 * no URL leaves what the client itself has called, which nobody but that client is told.
 */
function resourceUrl(request: Request, audience: string): string | undefined {
  if (/^https?:\/\//i.test(audience) && URL.canParse(audience)) return audience;
  const host = parseAuthority(request.headers.get("host") ?? "");
  if (host === undefined) return undefined;
  // A proxy that ends TLS says so; a client that lies about it misleads itself.
  const scheme = request.headers.get("x-forwarded-proto") === "https" ? "https" : "http";
  return `${scheme}://${host.host}${host.port === undefined ? "" : `:${host.port}`}/mcp`;
}
