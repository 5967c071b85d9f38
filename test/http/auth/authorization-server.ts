// A real, certified authorization server (oidc-provider) on a port of its own, that gives programs access tokens for a resource.

import { createServer } from "node:http";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import Provider from "oidc-provider";

export type AuthorizationServer = {
  readonly issuer: string;
  /** An access token for `audience` by the client credentials grant (RFC 6749 section 4.4, RFC 8707). */
  token(audience: string, scope: string): Promise<string>;
  /** Any claims, signed with the server's own key: what it would never issue, and what only the signature would save. */
  sign(claims: JWTPayload, typ?: string): Promise<string>;
} & AsyncDisposable;

export async function startAuthorizationServer(): Promise<AuthorizationServer> {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  if (address === null || typeof address === "string") throw new Error("the authorization server has no port");
  const issuer = `http://127.0.0.1:${address.port}`;

  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: "first", use: "sig", alg: "RS256" }] },
    clients: [
      {
        client_id: "agent",
        client_secret: "the secret of the agent",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      },
    ],
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, audience: string) => ({
          audience,
          scope: "sandbox:run sandbox:read",
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  http.on("request", provider.callback());

  return {
    issuer,
    async token(audience, scope) {
      const response = await fetch(`${issuer}/token`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`agent:${encodeURIComponent("the secret of the agent")}`)}` },
        body: new URLSearchParams({ grant_type: "client_credentials", resource: audience, scope }),
      });
      const answer: unknown = await response.json();
      if (typeof answer === "object" && answer !== null && "access_token" in answer) return String(answer.access_token);
      throw new Error(`the authorization server gave no token: ${JSON.stringify(answer)}`);
    },
    sign: (claims, typ = "at+jwt") =>
      new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "first", typ }).sign(privateKey),
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
