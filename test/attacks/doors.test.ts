// Who is not let in: each refusal's status, and that the log has the fact and nothing of what was sent.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { UnsecuredJWT } from "jose";
import { type AuthorizationServer, startAuthorizationServer } from "../http/auth/authorization-server.ts";
import { type Asked, AttackedServer, ping } from "./attacked-server.ts";

/** Stands in everything an attacker sends here, so that any trace of it in the log is found. */
const mark = "Zq7attackerZq7";
const markedPing = `{"jsonrpc":"2.0","id":"${mark}","method":"ping"}`;
const refused = (status: number, reason: string) => [`request.refused ${status} ${reason}`];

async function expectRefusal(server: AttackedServer, asked: Asked, status: number, reason: string) {
  let answered: number | undefined;
  const lines = await server.linesOf(async () => {
    answered = (await server.ask({ body: markedPing, ...asked })).status;
  });
  expect([answered, lines]).toEqual([status, refused(status, reason)]);
  expect(server.log).not.toContain(mark);
}

describe("a server on loopback without a token", () => {
  let server: AttackedServer;
  beforeAll(async () => {
    server = await AttackedServer.start([]);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test.each(["evil.example", `127.0.0.1.${mark}.nip.io`, "localhost.evil.example:8000", "169.254.169.254"])(
    "refuses the rebound Host %s",
    async (host) => {
      await expectRefusal(server, { headers: { Host: host } }, 403, "Host not allowed");
    },
  );

  test.each([
    `https://${mark}.example`,
    "null",
    "http://localhost.evil.example",
    "http://localhost@evil.example",
    "file://",
  ])("refuses a page of the Origin %s", async (origin) => {
    await expectRefusal(server, { headers: { Origin: origin } }, 403, "Origin not allowed");
  });

  test.each([`user@localhost/${mark}`, "localhost, evil.example", "localhost:99999"])(
    "refuses the malformed Host %s",
    async (host) => {
      await expectRefusal(server, { headers: { Host: host } }, 403, "malformed Host header");
    },
  );

  test("serves its own page and scripts", async () => {
    expect((await server.ask()).status).toBe(200);
    expect((await server.ask({ headers: { Origin: "http://localhost:3000" } })).status).toBe(200);
  });
});

describe("a server with static tokens", () => {
  const alice = "alice-0123456789abcdef";
  let server: AttackedServer;
  beforeAll(async () => {
    server = await AttackedServer.start(["--auth-token", `alice=${alice},bob=bob-0123456789abcdef`]);
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

  test("lets a token's owner in", async () => {
    expect((await server.ask(bearer(alice))).status).toBe(200);
  });

  test("refuses a request without a token, and says how to send one", async () => {
    await expectRefusal(server, {}, 401, "no token");
    // With its line, which would be taken for one of the next test's.
    await server.linesOf(async () => {
      expect((await server.ask()).headers.get("www-authenticate")).toStartWith("Bearer ");
    });
  });

  test.each([mark, `${alice}${mark}`, alice.slice(0, -1), alice.toUpperCase(), "alice"])(
    "refuses the wrong token %s",
    async (token) => {
      await expectRefusal(server, bearer(token), 401, "token is not known here");
      expect(server.log).not.toContain(token);
    },
  );

  test.each(["GET", "DELETE", "PUT"])("refuses %s without a token too", async (method) => {
    await expectRefusal(server, { method }, 401, "no token");
  });

  test("takes no token from the address", async () => {
    const response = await fetch(`${server.url}?access_token=${alice}`, { method: "POST", body: ping });
    expect(response.status).toBe(401);
    expect(server.log).not.toContain(alice);
  });
});

describe("a server that takes an authorization server's tokens", () => {
  const audience = "https://mcp.example.com/mcp";
  let issuer: AuthorizationServer;
  let server: AttackedServer;
  beforeAll(async () => {
    issuer = await startAuthorizationServer();
    const flags = ["--auth", "oauth", "--oauth-issuer", issuer.issuer, "--oauth-audience", audience];
    server = await AttackedServer.start(flags);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
  });
  const claims = (changes: object = {}) => {
    const nowS = Math.floor(Date.now() / 1000);
    return { iss: issuer.issuer, aud: audience, sub: mark, iat: nowS, exp: nowS + 600, ...changes };
  };
  async function expectTokenRefused(token: string, reason: string) {
    await expectRefusal(server, { headers: { Authorization: `Bearer ${token}` } }, 401, reason);
    for (const part of token.split(".").filter((part) => part !== "")) expect(server.log).not.toContain(part);
  }

  test("lets in whom it gave a token", async () => {
    const token = await issuer.token(audience, "sandbox:run");
    expect((await server.ask({ headers: { Authorization: `Bearer ${token}` } })).status).toBe(200);
  });

  test("refuses a token that has expired", async () => {
    const exp = Math.floor(Date.now() / 1000) - 60;
    await expectTokenRefused(await issuer.sign(claims({ exp })), "token has expired");
  });

  test("refuses a token for another audience", async () => {
    const token = await issuer.token("https://other.example.com/mcp", "sandbox:run");
    await expectTokenRefused(token, "token is for another audience");
  });

  test("refuses a token that nobody signed", async () => {
    await expectTokenRefused(
      new UnsecuredJWT(claims()).encode(),
      "token is signed with an algorithm that is not accepted",
    );
  });

  test("refuses a token whose claims were changed after it was signed", async () => {
    const [head, , signature] = (await issuer.sign(claims())).split(".");
    const forged = Buffer.from(JSON.stringify(claims({ sub: "admin" }))).toString("base64url");
    await expectTokenRefused(`${head}.${forged}.${signature}`, "token is not valid");
  });

  test("refuses a token of another issuer", async () => {
    await expectTokenRefused(
      await issuer.sign(claims({ iss: `https://${mark}.example` })),
      "token is of another issuer",
    );
  });
});
