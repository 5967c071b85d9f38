import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from "jose";
import type { Event } from "../../../src/events.ts";
import type { OAuthSettings } from "../../../src/http/auth/access-token.ts";
import { type Authenticator, createAuthenticator } from "../../../src/http/auth/authenticator.ts";
import { FakeClock } from "../../fakes/fake-clock.ts";
import { type AuthorizationServer, startAuthorizationServer } from "./authorization-server.ts";

const audience = "https://mcp.example.com/mcp";

/** Time that can be moved, and begins now, as the issuer's own does. */
class ClockFromNow extends FakeClock {
  readonly #offsetMs = Date.now() - super.now();
  override now(): number {
    return super.now() + this.#offsetMs;
  }
}

async function resourceServer(oauth: Partial<OAuthSettings> & { readonly issuer: string }, clock = new ClockFromNow()) {
  const events: Event[] = [];
  const authenticator = await createAuthenticator({
    mode: "oauth",
    listeningHost: "localhost",
    tokens: [],
    digests: [],
    oauth: { audience, scopes: ["sandbox:run"], ...oauth },
    stateDir: "/nonexistent",
    clock,
    emit: (event) => void events.push(event),
  });
  return { authenticator, clock, events };
}

function call(authenticator: Authenticator, token?: string) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return authenticator.authenticate(new Request("http://localhost/mcp", { method: "POST", headers }));
}

async function refusalOf(authenticator: Authenticator, token?: string) {
  const answer = await call(authenticator, token);
  if (answer.ok) throw new Error(`let in as ${answer.principal}`);
  // Whatever went wrong, nothing of the token is told.
  if (token !== undefined) expect(JSON.stringify(answer)).not.toContain(token.slice(-20));
  return answer.refusal;
}

describe("with a real authorization server", () => {
  let server: AuthorizationServer;
  beforeAll(async () => {
    server = await startAuthorizationServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const claims = () => {
    const nowS = Math.floor(Date.now() / 1_000);
    return { iss: server.issuer, aud: audience, sub: "agent", scope: "sandbox:run", iat: nowS, exp: nowS + 600 };
  };

  test("its access token for this audience and scope lets its subject in, named together with the issuer", async () => {
    const { authenticator } = await resourceServer({ issuer: server.issuer });
    const token = await server.token(audience, "sandbox:run sandbox:read");
    expect(await call(authenticator, token)).toEqual({ ok: true, principal: `${server.issuer} agent` });
  });

  test("the address of its keys may be given instead of found", async () => {
    const { authenticator } = await resourceServer({ issuer: server.issuer, jwksUrl: `${server.issuer}/jwks` });
    expect((await call(authenticator, await server.token(audience, "sandbox:run"))).ok).toBe(true);
  });

  test("no token is answered with where to get one", async () => {
    const { authenticator } = await resourceServer({ issuer: server.issuer });
    const refusal = await refusalOf(authenticator);
    expect(refusal.status).toBe(401);
    expect(refusal.headers?.["WWW-Authenticate"]).toBe(
      'Bearer realm="msb-mcp", scope="sandbox:run", ' +
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
    );
  });

  test("a token that lacks a scope is answered with 403 and the scopes that are needed", async () => {
    const { authenticator } = await resourceServer({ issuer: server.issuer, scopes: ["sandbox:run", "sandbox:read"] });
    const refusal = await refusalOf(authenticator, await server.token(audience, "sandbox:run"));
    expect(refusal.status).toBe(403);
    expect(refusal.headers?.["WWW-Authenticate"]).toContain(
      'error="insufficient_scope", scope="sandbox:run sandbox:read"',
    );
  });

  test("scopes may be a list in scp, as some issuers write them", async () => {
    const { authenticator } = await resourceServer({ issuer: server.issuer });
    const { scope: _, ...others } = claims();
    expect((await call(authenticator, await server.sign({ ...others, scp: ["sandbox:run"] }))).ok).toBe(true);
    expect((await refusalOf(authenticator, await server.sign({ ...others, scp: ["other"] }))).status).toBe(403);
  });

  test("a token for another audience is refused", async () => {
    const { authenticator } = await resourceServer({ issuer: server.issuer });
    const refusal = await refusalOf(authenticator, await server.token("https://other.example.com/mcp", "sandbox:run"));
    expect([refusal.status, refusal.reason]).toEqual([401, "token is for another audience"]);
    expect(refusal.headers?.["WWW-Authenticate"]).toContain('error="invalid_token"');
  });

  test("a token ends when it says so, half a minute of difference between the clocks allowed", async () => {
    const { authenticator, clock } = await resourceServer({ issuer: server.issuer });
    const token = await server.sign(claims());
    await clock.advance(615_000);
    expect((await call(authenticator, token)).ok).toBe(true);
    await clock.advance(30_000);
    expect(await refusalOf(authenticator, token)).toMatchObject({ status: 401, reason: "token has expired" });
  });

  const faults: [string, (good: ReturnType<typeof claims>) => Promise<string>][] = [
    ["alg none", async (good) => new UnsecuredJWT(good).encode()],
    [
      "alg none, under the header of a signed one",
      async (good) => `${(await server.sign(good)).split(".").slice(0, 2).join(".")}.`,
    ],
    [
      "HMAC over the public key, the confusion of algorithms",
      async (good) => {
        const jwks = await (await fetch(`${server.issuer}/jwks`)).text();
        return new SignJWT(good).setProtectedHeader({ alg: "HS256", kid: "first" }).sign(Buffer.from(jwks));
      },
    ],
    [
      "another key under a known name",
      async (good) => {
        const { privateKey } = await generateKeyPair("RS256");
        return new SignJWT(good).setProtectedHeader({ alg: "RS256", kid: "first" }).sign(privateKey);
      },
    ],
    [
      "a key that the token brings itself",
      async (good) => {
        const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
        const jwk = await exportJWK(publicKey);
        return new SignJWT(good).setProtectedHeader({ alg: "RS256", kid: "mine", jwk }).sign(privateKey);
      },
    ],
    [
      "a changed payload",
      async (good) => {
        const [header, , signature] = (await server.sign(good)).split(".");
        return [header, Buffer.from(JSON.stringify({ ...good, sub: "root" })).toString("base64url"), signature].join(
          ".",
        );
      },
    ],
    ["another issuer", (good) => server.sign({ ...good, iss: "https://evil.example.com" })],
    ["an issuer with a slash more", (good) => server.sign({ ...good, iss: `${server.issuer}/` })],
    ["no end", ({ exp: _, ...good }) => server.sign(good)],
    ["no subject", ({ sub: _, ...good }) => server.sign(good)],
    ["an empty subject", (good) => server.sign({ ...good, sub: "" })],
    ["a subject without end", (good) => server.sign({ ...good, sub: "x".repeat(300) })],
    ["a subject that is no text", (good) => server.sign({ ...good, ...JSON.parse('{"sub":{"a":1}}') })],
    ["a start in the future", (good) => server.sign({ ...good, nbf: good.iat + 300 })],
    ["no audience", ({ aud: _, ...good }) => server.sign(good)],
    ["an audience that only begins alike", (good) => server.sign({ ...good, aud: `${audience}/admin` })],
    ["another type of token", (good) => server.sign(good, "logout+jwt")],
    ["a key it is bound to", (good) => server.sign({ ...good, cnf: { jkt: "thumbprint" } })],
    ["three parts of nothing", async () => "aaaa.bbbb.cccc"],
    ["no parts at all", async () => "0123456789abcdef0123456789abcdef"],
  ];
  test.each(faults)("refused with 401: %s", async (_name, make) => {
    const { authenticator } = await resourceServer({ issuer: server.issuer });
    const refusal = await refusalOf(authenticator, await make(claims()));
    expect(refusal.status).toBe(401);
    expect(refusal.headers?.["WWW-Authenticate"]).toContain('error="invalid_token"');
  });

  test("the claims those faults are made from are good themselves", async () => {
    const { authenticator } = await resourceServer({ issuer: server.issuer });
    expect((await call(authenticator, await server.sign(claims()))).ok).toBe(true);
  });

  test("static tokens work beside it in auto mode", async () => {
    const authenticator = await createAuthenticator({
      mode: "auto",
      listeningHost: "localhost",
      tokens: [{ principal: "ci", token: "0123456789abcdef0123" }],
      digests: [],
      oauth: { issuer: server.issuer, audience, scopes: [] },
      stateDir: "/nonexistent",
      clock: new ClockFromNow(),
      emit: () => undefined,
    });
    expect(await call(authenticator, "0123456789abcdef0123")).toEqual({ ok: true, principal: "ci" });
    expect((await call(authenticator, await server.token(audience, "sandbox:run"))).ok).toBe(true);
  });
});

describe("an authorization server that is in trouble", () => {
  /** Metadata and keys as told, and a count of the questions. */
  function scripted(answer: (path: string, issuer: string) => Response | Promise<Response>) {
    const asked: string[] = [];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => {
        const { pathname, origin } = new URL(request.url);
        asked.push(pathname);
        return answer(pathname, origin);
      },
    });
    return { issuer: server.url.origin, asked, [Symbol.asyncDispose]: () => server.stop(true) };
  }

  async function signer() {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" };
    const sign = (iss: string, kid = "one") =>
      new SignJWT({ scope: "sandbox:run" })
        .setProtectedHeader({ alg: "ES256", kid })
        .setIssuer(iss)
        .setAudience(audience)
        .setSubject("agent")
        .setExpirationTime("10m")
        .sign(privateKey);
    return { jwk, sign };
  }

  /** Everything an issuer needs, but for one fault: without the check for it, the token would be let in. */
  type Fault = { metadata?: (good: { issuer: string; jwks_uri: string }) => Response; keys?: (jwk: JWK) => Response };
  const faults: [string, Fault][] = [
    ["answers 500", { metadata: (good) => Response.json(good, { status: 500 }) }],
    ["answers what is not JSON", { metadata: () => new Response("<html>") }],
    ["answers JSON that is no object", { metadata: (good) => Response.json([good]) }],
    ["answers metadata of another issuer", { metadata: (good) => Response.json({ ...good, issuer: "https://x" }) }],
    ["redirects", { metadata: (good) => Response.redirect(new URL("/moved", good.issuer).href) }],
    [
      "has its keys where anybody on the way could change them",
      {
        metadata: (good) =>
          Response.json({ ...good, jwks_uri: good.jwks_uri.replace("127.0.0.1", "[::ffff:127.0.0.1]") }),
      },
    ],
    ["answers without end", { keys: (jwk) => Response.json({ keys: [jwk], padding: "x".repeat(2_000_000) }) }],
    ["has metadata and no keys", { keys: () => Response.json({}) }],
    ["has keys that are none", { keys: () => Response.json({ keys: [1] }) }],
  ];
  async function answerUnder({
    metadata = (good) => Response.json(good),
    keys = (jwk) => Response.json({ keys: [jwk] }),
  }: Fault) {
    const { jwk, sign } = await signer();
    await using server = scripted((path, issuer) => {
      const good = { issuer, jwks_uri: `${issuer}/jwks` };
      if (path === "/moved") return Response.json(good);
      return path === "/jwks" ? keys(jwk) : metadata(good);
    });
    const { authenticator, events } = await resourceServer({ issuer: server.issuer });
    return { answer: await call(authenticator, await sign(server.issuer)), events: events.map(({ type }) => type) };
  }

  test("one without a fault lets the token of these tests in", async () => {
    expect(await answerUnder({})).toMatchObject({ answer: { ok: true }, events: [] });
  });

  test.each(faults)(
    "one that %s is 503 for a token that may be good, and a warning for the operator",
    async (_name, fault) => {
      const { answer, events } = await answerUnder(fault);
      expect(answer).toMatchObject({ ok: false, refusal: { status: 503, code: -32603 } });
      expect(JSON.stringify(answer)).not.toContain("WWW-Authenticate");
      expect(events).toEqual(["server.warning"]);
    },
  );

  test("one that is not there is 503", async () => {
    const gone = scripted(() => new Response());
    await gone[Symbol.asyncDispose]();
    const { authenticator } = await resourceServer({ issuer: gone.issuer });
    expect((await refusalOf(authenticator, await (await signer()).sign(gone.issuer))).status).toBe(503);
  });

  test("it is asked once, however many callers wait, and not again for five seconds after a failure", async () => {
    let isDown = true;
    const { jwk, sign } = await signer();
    await using server = scripted((path, issuer) => {
      if (isDown) return new Response(null, { status: 502 });
      return Response.json(path === "/jwks" ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/jwks` });
    });
    const { authenticator, clock } = await resourceServer({ issuer: server.issuer });
    const token = await sign(server.issuer);
    const statuses = async () =>
      (await Promise.all(Array.from({ length: 20 }, () => call(authenticator, token)))).map((answer) =>
        answer.ok ? 200 : answer.refusal.status,
      );
    expect(new Set(await statuses())).toEqual(new Set([503]));
    const askedOnce = server.asked.length;
    expect(askedOnce).toBeLessThanOrEqual(3);
    isDown = false;
    expect(new Set(await statuses())).toEqual(new Set([503]));
    expect(server.asked.length).toBe(askedOnce);
    await clock.advance(5_001);
    expect(new Set(await statuses())).toEqual(new Set([200]));
    expect(server.asked.slice(askedOnce).filter((path) => path === "/jwks")).toHaveLength(1);
  });

  test("keys already had go on serving, and tokens of made-up keys make no requests", async () => {
    const { jwk, sign } = await signer();
    await using server = scripted((path, issuer) =>
      Response.json(path === "/jwks" ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/jwks` }),
    );
    const { authenticator } = await resourceServer({ issuer: server.issuer });
    expect((await call(authenticator, await sign(server.issuer))).ok).toBe(true);
    const asked = server.asked.length;
    for (let made = 0; made < 20; made += 1) {
      expect((await refusalOf(authenticator, await sign(server.issuer, `made-up-${made}`))).status).toBe(401);
    }
    expect((await call(authenticator, await sign(server.issuer))).ok).toBe(true);
    expect(server.asked.length).toBe(asked);
  });

  test("an issuer with a path is looked up where RFC 8414 and OpenID Connect say", async () => {
    const { jwk, sign } = await signer();
    await using server = scripted((path, origin) => {
      if (path === "/jwks") return Response.json({ keys: [jwk] });
      if (path !== "/tenant/.well-known/openid-configuration") return new Response(null, { status: 404 });
      return Response.json({ issuer: `${origin}/tenant`, jwks_uri: `${origin}/jwks` });
    });
    const issuer = `${server.issuer}/tenant`;
    const { authenticator } = await resourceServer({ issuer });
    expect((await call(authenticator, await sign(issuer))).ok).toBe(true);
    expect(server.asked).toEqual([
      "/.well-known/oauth-authorization-server/tenant",
      "/.well-known/openid-configuration/tenant",
      "/tenant/.well-known/openid-configuration",
      "/jwks",
    ]);
  });
});
