import { describe, expect, test } from "bun:test";
import { createGuard, type GuardRules } from "../../src/http/guard.ts";

const rules: GuardRules = {
  listeningHost: "box.example.com",
  isTokenRequired: false,
  allowedHosts: ["proxy.example.com", "api.example.com:8443", "tls.example.com:443", "[2001:db8::1]"],
  allowedOrigins: ["https://app.example.com", "http://dev.example.com:3000", "vscode-webview://abc"],
};

function hostStatus(host: string, changes: Partial<GuardRules> = {}): number | null {
  const request = new Request("http://placeholder/mcp", { headers: { host } });
  return createGuard({ ...rules, ...changes }).checkHost(request)?.status ?? null;
}

function originStatus(origin: string): number | null {
  const request = new Request("http://placeholder/mcp", { headers: { origin } });
  return createGuard(rules).checkOrigin(request)?.status ?? null;
}

describe("where no token is required", () => {
  test.each([
    "localhost",
    "localhost:8000",
    "LOCALHOST:8000",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.200.3.4:65535",
    "[::1]",
    "[::1]:8000",
    "[0:0:0:0:0:0:0:1]:8000",
    "box.example.com",
    "Box.Example.com:9000",
    "proxy.example.com",
    "proxy.example.com:1234",
    "api.example.com:8443",
    "tls.example.com",
    "[2001:DB8::1]:80",
  ])("Host %s passes", (host) => {
    expect(hostStatus(host)).toBeNull();
  });

  test.each([
    "evil.com",
    "localhost.evil.com",
    "evil-localhost",
    "127.0.0.1.evil.com",
    "localhost.",
    "127.0.0.1.",
    "api.example.com",
    "api.example.com:80",
    "api.example.com:8444",
    "xproxy.example.com",
    "proxy.example.com.evil.com",
    "0.0.0.0",
    "128.0.0.1",
    "0177.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "[::]",
    "[::2]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
  ])("Host %s is refused", (host) => {
    expect(hostStatus(host)).toBe(403);
  });

  test("a server that listens on an IPv6 address passes that address as a Host", () => {
    expect(hostStatus("[fe80::1]:8000", { listeningHost: "fe80::1" })).toBeNull();
  });
});

const malformedHosts = [
  "user@localhost",
  "localhost@evil.com",
  "evil.com#localhost",
  "evil.com/localhost",
  "localhost\\evil.com",
  "localhost, evil.com",
  "localhost evil.com",
  "localhost:",
  "localhost:80:90",
  "localhost:65536",
  "localhost:-1",
  "localhost:8000x",
  "localhost:+80",
  "::1",
  "[::1",
  "[::1]x",
  "[localhost]",
  "[::1%25lo]",
  "[1::2::3]",
  "http://localhost",
  "lo%63alhost",
  "a".repeat(300),
  "",
];

describe("a malformed Host is refused whatever else would let the request pass", () => {
  test.each(malformedHosts)("%s", (host) => {
    expect(hostStatus(host)).toBe(403);
    expect(hostStatus(host, { isTokenRequired: true, allowedHosts: [] })).toBe(403);
  });

  test("a missing one", () => {
    const request = new Request("http://placeholder/mcp");
    expect(createGuard({ ...rules, isTokenRequired: true, allowedHosts: [] }).checkHost(request)?.status).toBe(403);
  });
});

describe("where a token is required", () => {
  test("any Host passes, because a rebound page has no token", () => {
    expect(hostStatus("any.example.org:99", { isTokenRequired: true, allowedHosts: [] })).toBeNull();
  });

  test("a list of allowed hosts is kept to all the same", () => {
    expect(hostStatus("any.example.org", { isTokenRequired: true })).toBe(403);
    expect(hostStatus("proxy.example.com", { isTokenRequired: true })).toBeNull();
    expect(hostStatus("localhost:1", { isTokenRequired: true })).toBeNull();
  });
});

describe("origins", () => {
  test("a request without one is not a page's and passes", () => {
    expect(createGuard(rules).checkOrigin(new Request("http://placeholder/mcp"))).toBeNull();
  });

  test.each([
    "http://localhost",
    "https://localhost:3000",
    "http://127.0.0.1:6274",
    "http://127.9.9.9",
    "http://[::1]:8080",
    "https://app.example.com",
    "http://dev.example.com:3000",
    "vscode-webview://abc",
  ])("%s passes", (origin) => {
    expect(originStatus(origin)).toBeNull();
  });

  test.each([
    "null",
    "",
    "https://evil.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com.evil.com",
    "https://xapp.example.com",
    "http://dev.example.com",
    "vscode-webview://abcd",
    "http://localhost.evil.com",
    "http://localhost.",
    "http://evil.com#localhost",
    "http://evil.com?localhost",
    "http://localhost@evil.com",
    "http://evil.com@localhost",
    "http://localhost/",
    "http://localhost:80",
    "HTTP://LOCALHOST",
    "http://LOCALHOST",
    "http://localhost, http://evil.com",
    "http://localhost http://evil.com",
    "http:localhost",
    "http:/localhost",
    "http:\\\\localhost",
    "//localhost",
    "localhost",
    "ftp://localhost",
    "file://",
    "chrome-extension://localhost",
    "http://127.1",
    "http://2130706433",
    "http://0x7f.0.0.1",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "http://[0:0:0:0:0:0:0:1]",
    "http://0.0.0.0:8000",
    "blob:http://localhost/x",
    "http://lo%63alhost",
  ])("%s is refused", (origin) => {
    expect(originStatus(origin)).toBe(403);
  });
});

test("a refusal names the value, cut and in printable ASCII, and the option that would allow it", () => {
  const host = `${"é\t".repeat(30)}${"x".repeat(400)}`;
  const request = new Request("http://placeholder/mcp", { headers: { origin: "https://evil.com" } });
  const origin = createGuard(rules).checkOrigin(request);
  expect(origin?.message).toContain('"https://evil.com"');
  expect(origin?.message).toContain("--allowed-origins");
  const foreign = createGuard(rules).checkHost(new Request("http://placeholder/", { headers: { host } }));
  expect(foreign?.message).toMatch(/^[\x20-\x7e…]{1,250}$/);
  expect(foreign?.reason).toBe("malformed Host header");
});
