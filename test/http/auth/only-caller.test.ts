// Who all callers are, held against who they turn out to be.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { createAuthenticator } from "../../../src/http/auth/authenticator.ts";
import { firstToken } from "../../../src/http/auth/first-token.ts";
import { type OnlyCallerSettings, onlyCaller } from "../../../src/http/auth/only-caller.ts";

const settings: OnlyCallerSettings = {
  ...{ transport: "http", host: "localhost", auth: "auto", authTokens: [] },
  ...{ authTokenFile: undefined, oauthIssuer: undefined },
};
const token = "a-token-0123456789";

let stateDir: string;
beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "msb-mcp-auth-"));
});
afterAll(() => rm(stateDir, { recursive: true }));

for (const [what, { host, auth, authTokens }] of Object.entries({
  "nobody is asked for a token on a loopback address": settings,
  "nobody is asked for a token anywhere": { ...settings, host: "0.0.0.0", auth: "none" as const },
  "the one token is that of the first start": { ...settings, host: "0.0.0.0" },
  "the one token is that of the first start, as one is asked for": { ...settings, auth: "token" as const },
  "one token has a name": { ...settings, authTokens: [{ principal: "ada", token }] },
  "two tokens have the same name": {
    ...settings,
    authTokens: [
      { principal: "ada", token: `${token}-old` },
      { principal: "ada", token },
    ],
  },
})) {
  test(`it is who calls where ${what}`, async () => {
    const tokens: readonly { principal: string; token: string }[] = authTokens.map((one) => ({ token, ...one }));
    const { authenticate } = await createAuthenticator({
      ...{ mode: auth, listeningHost: host, tokens, digests: [], stateDir, clock: systemClock, emit: () => undefined },
    });
    const sent = tokens.length > 0 ? token : (await firstToken(stateDir)).token;
    const headers = { authorization: `Bearer ${sent}` };
    const caller = await authenticate(new Request("http://localhost/mcp", { headers }));
    expect(caller).toEqual({ ok: true, principal: onlyCaller({ ...settings, host, auth, authTokens }) ?? "unknown" });
  });
}

test("on stdio it is the client, whatever tokens are configured", () => {
  expect(onlyCaller({ ...settings, transport: "stdio", authTokenFile: "/etc/tokens" })).toBe("local");
});

test.each([
  ["several names", { authTokens: [{ principal: "ada" }, { principal: "bob" }] }],
  ["a file of tokens, which may have more any time", { authTokenFile: "/etc/tokens" }],
  ["an authorization server", { oauthIssuer: "https://issuer.example.com" }],
] as const)("with %s it is not known", (_, more) => {
  expect(onlyCaller({ ...settings, ...more })).toBeUndefined();
});
