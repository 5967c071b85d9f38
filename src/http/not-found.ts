// What is answered where nothing is served: JSON that says where MCP is, and, at the paths of OAuth's servers, that this server is none and how
// to give it a token. Clients try those paths by themselves after a 401, and show their users what they get.

export type Access = "open" | "token" | "oauth";

/** RFC 8414, RFC 7591, RFC 6749 and OpenID Connect Discovery, at the root and with a path in front or behind. */
const oauthPath =
  /\/(?:\.well-known\/(?:oauth-authorization-server|openid-configuration)(?:\/.*)?|register|authorize|token)\/?$/;

const howToCall = "POST JSON-RPC to /mcp; GET / tells how this server is.";

const oauthDescriptions: Readonly<Record<Access, string>> = {
  open: "This server needs no token and is no authorization server.",
  token:
    "This server is no authorization server: it takes a bearer token that its operator gives out. Send it in the header " +
    "Authorization: Bearer TOKEN, in your client's configuration of this server.",
  oauth:
    "This server is no authorization server. GET /.well-known/oauth-protected-resource tells which one gives out tokens for it.",
};

export function notFound(request: Request, access: Access): Response {
  const { pathname } = new URL(request.url);
  const body = oauthPath.test(pathname)
    ? { error: "not_supported", error_description: oauthDescriptions[access] }
    : { error: "not_found", error_description: `Nothing is served at this path. ${howToCall}` };
  return Response.json(body, { status: 404 });
}
