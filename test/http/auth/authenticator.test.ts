import { describe, expect, test } from "bun:test";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { Event } from "../../../src/events.ts";
import { Failure } from "../../../src/failure.ts";
import { type AuthenticatorSettings, createAuthenticator } from "../../../src/http/auth/authenticator.ts";
import { metadataUrl, resourceMetadata } from "../../../src/http/auth/metadata.ts";
import { type AuthChoices, authProblems } from "../../../src/http/auth/problems.ts";
import { readTokenFile } from "../../../src/http/auth/token-file.ts";
import { sha256 } from "../../../src/http/auth/tokens.ts";

const alice = "alice-token-0123456789";
const bob = "bob-token-0123456789==";

async function stateFolder() {
  const path = await mkdtemp(join(tmpdir(), "msb-mcp-auth-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function authenticatorWith(changes: Partial<AuthenticatorSettings>) {
  const events: Event[] = [];
  const authenticator = await createAuthenticator({
    mode: "auto",
    listeningHost: "localhost",
    tokens: [],
    digests: [],
    stateDir: "/nonexistent",
    clock: systemClock,
    emit: (event) => void events.push(event),
    ...changes,
  });
  const call = (authorization?: string, url = "http://localhost/mcp") =>
    authenticator.authenticate(new Request(url, { headers: authorization === undefined ? {} : { authorization } }));
  return { authenticator, events, call };
}

describe("on a loopback address", () => {
  test.each(["localhost", "127.0.0.1", "127.8.8.8", "::1"])(
    "%s asks for no token when none is configured",
    async (listeningHost) => {
      const { authenticator, events, call } = await authenticatorWith({ listeningHost });
      expect(authenticator.access).toBe("open");
      expect(await call()).toEqual({ ok: true, principal: "local" });
      expect(events).toEqual([]);
    },
  );

  test("a token that is configured is asked for", async () => {
    const { authenticator, call } = await authenticatorWith({ tokens: [{ principal: "alice", token: alice }] });
    expect(authenticator.access).not.toBe("open");
    expect(await call()).toMatchObject({ ok: false, refusal: { status: 401, reason: "no token" } });
  });
});

describe("elsewhere", () => {
  test.each(["0.0.0.0", "::", "192.168.1.2", "localhost.example.com", "::ffff:127.0.0.1"])(
    "%s asks for a token of our own making when none is configured, and the log says where it is",
    async (listeningHost) => {
      await using folder = await stateFolder();
      const { events, call } = await authenticatorWith({ listeningHost, stateDir: join(folder.path, "state") });
      const path = join(folder.path, "state", "auth-token");
      const token = (await readFile(path, "utf8")).trim();
      expect(token.length).toBeGreaterThanOrEqual(43);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await stat(join(folder.path, "state"))).mode & 0o777).toBe(0o700);
      expect(JSON.stringify(events)).toContain(path);
      expect(JSON.stringify(events)).not.toContain(token);
      expect((await call()).ok).toBe(false);
      expect(await call(`Bearer ${token}`)).toEqual({ ok: true, principal: "default" });
    },
  );

  test("the token of the first start is that of every later one, and of servers that start together", async () => {
    await using folder = await stateFolder();
    const start = () => authenticatorWith({ listeningHost: "0.0.0.0", stateDir: folder.path });
    const together = await Promise.all([start(), start(), start(), start()]);
    const token = (await readFile(join(folder.path, "auth-token"), "utf8")).trim();
    for (const { call } of [...together, await start()]) expect((await call(`Bearer ${token}`)).ok).toBe(true);
    expect(await readdir(folder.path)).toEqual(["auth-token"]);
  });

  test.each([
    ["may be read by others", `${"x".repeat(43)}\n`, 0o644],
    ["is empty", "", 0o600],
    ["holds something short", "secret\n", 0o600],
    ["holds several lines", `${"x".repeat(43)}\n${"y".repeat(43)}\n`, 0o600],
  ])("a token file that %s stops the start with its path and without its text", async (_name, text, mode) => {
    await using folder = await stateFolder();
    const path = join(folder.path, "auth-token");
    await writeFile(path, text);
    await chmod(path, mode);
    const failure: unknown = await authenticatorWith({ listeningHost: "0.0.0.0", stateDir: folder.path }).catch(
      (error) => error,
    );
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ kind: "configuration", message: expect.stringContaining(path) });
    expect(String(failure)).not.toContain("xxxx");
  });

  test("a state directory that cannot be made stops the start", async () => {
    await using folder = await stateFolder();
    await writeFile(join(folder.path, "file"), "");
    const start = authenticatorWith({ listeningHost: "0.0.0.0", stateDir: join(folder.path, "file", "state") });
    expect(await start.catch((error) => error)).toMatchObject({ kind: "configuration" });
  });

  test("only --auth none serves without a token, and says so loudly", async () => {
    const { authenticator, events, call } = await authenticatorWith({ mode: "none", listeningHost: "0.0.0.0" });
    expect(authenticator.access).toBe("open");
    expect(await call()).toEqual({ ok: true, principal: "local" });
    expect(events).toMatchObject([{ type: "server.warning", message: expect.stringContaining("ANYBODY") }]);
  });
});

test("--auth token on a loopback address makes a token too", async () => {
  await using folder = await stateFolder();
  const { authenticator } = await authenticatorWith({ mode: "token", stateDir: folder.path });
  expect(authenticator.access).not.toBe("open");
  expect(await readdir(folder.path)).toEqual(["auth-token"]);
});

describe("static tokens", () => {
  const settings = {
    tokens: [
      { principal: "alice", token: alice },
      { principal: "bob", token: bob },
    ],
    digests: [{ principal: "carol", sha256: sha256("carol-token-0123456789") }],
  };

  test.each([
    [`Bearer ${alice}`, "alice"],
    [`bearer ${bob}`, "bob"],
    [`BEARER   ${alice}`, "alice"],
    ["Bearer carol-token-0123456789", "carol"],
  ])("%s is %s", async (header, principal) => {
    const { call } = await authenticatorWith(settings);
    expect(await call(header)).toEqual({ ok: true, principal });
  });

  test.each([
    `Bearer ${alice}x`,
    `Bearer ${alice.slice(0, -1)}`,
    `Bearer ${alice.toUpperCase()}`,
    `Bearer ${bob.replace("==", "")}`,
    `Bearer ${Buffer.from(sha256(alice)).toString("hex")}`,
    `Bearer ${alice}, Bearer ${alice}`,
    `Bearer ${alice} ${alice}`,
    `Bearer ${alice},`,
    `Bearer\t${alice}`,
    `Bearer${alice}`,
    `Bearer: ${alice}`,
    `Bearer "${alice}"`,
    `Basic ${btoa(`alice:${alice}`)}`,
    `Token ${alice}`,
    alice,
    "Bearer",
    "Bearer ",
    "Bearer ==",
    "Bearer é",
    "",
  ])("%s lets nobody in and is not repeated", async (header) => {
    const { call } = await authenticatorWith(settings);
    const answer = await call(header);
    expect(answer).toMatchObject({ ok: false, refusal: { status: 401 } });
    expect(JSON.stringify(answer)).not.toContain("0123456789");
    expect(JSON.stringify(answer)).toContain('error=\\"invalid_token\\"');
  });

  test("several Authorization headers let nobody in", async () => {
    const { authenticator } = await authenticatorWith(settings);
    const headers = new Headers([
      ["authorization", `Bearer ${alice}`],
      ["authorization", `Bearer ${alice}`],
    ]);
    expect((await authenticator.authenticate(new Request("http://x/mcp", { headers }))).ok).toBe(false);
  });

  test("a token in the URL lets nobody in", async () => {
    const { call } = await authenticatorWith(settings);
    expect((await call(undefined, `http://localhost/mcp?access_token=${alice}&token=${alice}`)).ok).toBe(false);
  });

  test("the challenge has no error where no token was tried, and names no authorization server where there is none", async () => {
    const { authenticator, call } = await authenticatorWith(settings);
    expect(await call()).toMatchObject({ refusal: { headers: { "WWW-Authenticate": 'Bearer realm="msb-mcp"' } } });
    expect(authenticator.resourceMetadata(new Request("http://localhost/"))).toBeUndefined();
  });
});

describe("the file of hashed tokens", () => {
  const hash = (token: string) => Buffer.from(sha256(token)).toString("hex");

  async function read(text: string, mode = 0o600) {
    await using folder = await stateFolder();
    const path = join(folder.path, "tokens");
    await writeFile(path, text);
    await chmod(path, mode);
    return await readTokenFile(path);
  }

  test("gives a name to each hash; a name may have several, comments and empty lines are left out", async () => {
    const { digests, problems } = await read(
      `# who may call\n\nalice:${hash(alice)}\r\n  bob : ${hash(bob).toUpperCase()}  # until June\nalice:${hash("the next one")}\n`,
    );
    expect(problems).toEqual([]);
    expect(digests.map(({ principal }) => principal)).toEqual(["alice", "bob", "alice"]);
    const { call } = await authenticatorWith({ digests });
    expect(await call(`Bearer ${bob}`)).toEqual({ ok: true, principal: "bob" });
  });

  test("is told all that is wrong with it, by line and without the line's text", async () => {
    const { problems } = await read(
      [
        `alice:${alice}`,
        `bob:${hash(bob)}0`,
        hash(bob),
        `local:${hash(alice)}`,
        `a:${hash(bob)}`,
        `b:${hash(bob)}`,
      ].join("\n"),
    );
    expect(problems.map((problem) => / line (\d)/.exec(problem)?.[1])).toEqual(["1", "2", "3", "4", "6"]);
    expect(problems.join()).not.toContain(alice);
    expect(problems.join()).not.toContain(hash(bob));
  });

  test.each([0o620, 0o602])("may not be writable by others (mode %o)", async (mode) => {
    expect((await read(`alice:${hash(alice)}`, mode)).problems).toEqual([expect.stringContaining("chmod go-w")]);
  });

  test("may be missing, empty, a folder or huge without a crash", async () => {
    expect((await readTokenFile("/nonexistent/tokens")).problems).toEqual([expect.stringContaining("ENOENT")]);
    expect((await read("# nobody\n")).problems).toEqual([expect.stringContaining("has no token")]);
    expect((await read("x".repeat(1_048_577))).problems).toEqual([expect.stringContaining("larger than")]);
    await using folder = await stateFolder();
    await chmod(folder.path, 0o700);
    expect((await readTokenFile(folder.path)).problems).toHaveLength(1);
  });
});

describe("options that contradict each other are told, without a token", () => {
  const oauth = { issuer: "https://id.example.com", audience: "https://mcp.example.com/mcp" };
  const choices = (changes: Partial<AuthChoices>): AuthChoices => ({
    mode: "auto",
    tokens: [],
    hasTokenFile: false,
    oauth: {},
    ...changes,
  });

  test.each<[string, Partial<AuthChoices>]>([
    ["nothing", {}],
    ["none", { mode: "none" }],
    ["a token", { mode: "token", tokens: [{ principal: "a", token: alice }] }],
    ["OAuth", { mode: "oauth", oauth }],
    ["both in auto", { oauth, tokens: [{ principal: "a", token: alice }], hasTokenFile: true }],
    ["an issuer on loopback without TLS", { oauth: { ...oauth, issuer: "http://127.0.0.1:9000/tenant" } }],
  ])("%s is fine", (_name, changes) => {
    expect(authProblems(choices(changes))).toEqual([]);
  });

  test.each<[string, Partial<AuthChoices>, string[]]>([
    ["none with a token", { mode: "none", tokens: [{ principal: "a", token: alice }] }, ["--auth "]],
    ["none with a file", { mode: "none", hasTokenFile: true }, ["--auth "]],
    ["token with an issuer", { mode: "token", oauth }, ["--auth "]],
    ["oauth with a file", { mode: "oauth", oauth, hasTokenFile: true }, ["--auth "]],
    ["oauth with nothing", { mode: "oauth" }, ["--oauth-issuer ", "--oauth-audience "]],
    ["an audience alone", { oauth: { audience: "x" } }, ["--oauth-issuer "]],
    ["an issuer without TLS", { oauth: { ...oauth, issuer: "http://id.example.com" } }, ["--oauth-issuer "]],
    ["an issuer with a password", { oauth: { ...oauth, issuer: "https://u:p@id.example.com" } }, ["--oauth-issuer "]],
    ["keys without TLS", { oauth: { ...oauth, jwksUrl: "http://id.example.com/k" } }, ["--oauth-jwks-url "]],
    ["a short token", { tokens: [{ principal: "a", token: "hunter2" }] }, ["--auth-token "]],
    [
      "a token of other characters",
      { tokens: [{ principal: "a", token: "hunter2 hunter2 hunter2" }] },
      ["--auth-token "],
    ],
    ["a token named local", { tokens: [{ principal: "local", token: alice }] }, ["--auth-token "]],
  ])("%s is not", (_name, changes, options) => {
    const problems = authProblems(choices(changes));
    expect(problems.map((problem) => problem.slice(0, problem.indexOf("(")))).toEqual(options);
    expect(problems.join()).not.toMatch(/hunter2|u:p/);
  });
});

describe("the metadata of RFC 9728", () => {
  const settings = { issuer: "https://id.example.com", audience: "https://mcp.example.com/mcp", scopes: ["run"] };
  const request = (headers: Record<string, string>) => new Request("http://localhost/", { headers });

  test("name the audience as the resource, and the issuer", () => {
    expect(resourceMetadata(request({ host: "evil.com" }), settings)).toEqual({
      resource: "https://mcp.example.com/mcp",
      authorization_servers: ["https://id.example.com"],
      bearer_methods_supported: ["header"],
      resource_name: "msb-mcp",
      scopes_supported: ["run"],
    });
  });

  test.each([
    ["https://mcp.example.com/mcp", "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"],
    ["https://mcp.example.com", "https://mcp.example.com/.well-known/oauth-protected-resource"],
    ["api://sandboxes", "http://box.example.com:8000/.well-known/oauth-protected-resource/mcp"],
  ])("of the audience %s are at %s", (audience, url) => {
    expect(metadataUrl(request({ host: "box.example.com:8000" }), { ...settings, audience })).toBe(url);
  });

  test("are at an https URL behind a proxy that ends TLS", () => {
    const proxied = request({ host: "box.example.com", "x-forwarded-proto": "https" });
    expect(resourceMetadata(proxied, { ...settings, audience: "api" }).resource).toBe("https://box.example.com/mcp");
  });

  test("have no place for what a Host header cannot be", () => {
    expect(metadataUrl(request({ host: 'x", error="' }), { ...settings, audience: "api" })).toBeUndefined();
  });
});
