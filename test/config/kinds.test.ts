import { expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { hostName, hosts, httpUrl, issuerUrl, origins } from "../../src/config/addresses.ts";
import { namedTokens, scopes } from "../../src/config/credentials.ts";
import { choice, type Kind, volumes } from "../../src/config/kinds.ts";

const place = { cwd: "/", homeDir: "/", stateHome: undefined, cacheHome: undefined, variable: () => undefined };

function read<T>(kind: Kind<T>, ...texts: readonly string[]): T | "refused" {
  const reading = kind.read(texts, place);
  return reading.ok ? reading.value : "refused";
}

test.each([
  ["localhost", "localhost"],
  ["0.0.0.0", "0.0.0.0"],
  ["::", "::"],
  ["[::1]", "::1"],
  ["my-host.example.com", "my-host.example.com"],
])("%p is the host %p", (text, host) => {
  expect(read(hostName, text)).toBe(host);
});

test.each([
  "",
  " localhost",
  "a b",
  "http://localhost",
  "localhost:80",
  "256.0.0.1",
  "1.2.3",
  "-a",
  "a..b",
  "[1.2.3.4]",
  "*",
])("%p is no host", (text) => {
  expect(read(hostName, text)).toBe("refused");
});

test("allowed hosts are written as a Host header has them", () => {
  expect(read(hosts, "Example.com, example.com:8080,::1,[::1]:80")).toEqual([
    "example.com",
    "example.com:8080",
    "[::1]",
    "[::1]:80",
  ]);
  expect(read(hosts, "example.com:99999")).toBe("refused");
  expect(read(hosts, "https://example.com")).toBe("refused");
});

test("allowed origins are written as browsers send them", () => {
  expect(read(origins, "HTTPS://App.Example.com:443, http://localhost:3000,vscode-webview://abc")).toEqual([
    "https://app.example.com",
    "http://localhost:3000",
    "vscode-webview://abc",
  ]);
});

test.each([
  "*",
  "null",
  "https://a.example/path",
  "https://a.example/",
  "a.example",
  "https://u:p@a.example",
  "https://*.a.example",
])("%p is no origin", (text) => {
  expect(read(origins, text)).toBe("refused");
});

test("a URL loses the slash at its end, an issuer keeps it", () => {
  expect(read(httpUrl, "http://host:5555/")).toBe("http://host:5555");
  expect(read(issuerUrl, "https://id.example/")).toBe("https://id.example/");
});

test.each([
  "",
  "host:5555",
  "ftp://host",
  "http://",
  "http://host?x",
  "http://host#x",
  "http://ho st",
  "http://host:99999",
])("%p is no URL of a server", (text) => {
  expect(read(httpUrl, text)).toBe("refused");
});

test("a token without a name is the default principal's", () => {
  expect(read(namedTokens, "abc123")).toEqual([{ principal: "default", token: "abc123" }]);
});

test("the padding of a Base64 token is part of it", () => {
  expect(read(namedTokens, "YWJjZA==")).toEqual([{ principal: "default", token: "YWJjZA==" }]);
  expect(read(namedTokens, "ada=YWJjZA==")).toEqual([{ principal: "ada", token: "YWJjZA==" }]);
  const key = "o3mVn6Jr4vZs8yQ2kL5wT7xB9cD1eF0gH+iJ/kLmNop=";
  expect(read(namedTokens, key)).toEqual([{ principal: "default", token: key }]);
});

test.each(["", " , ", "ada=", "a b", "ada=x y", "tök", "ada=x=y"])("%p is no token", (text) => {
  expect(read(namedTokens, text)).toBe("refused");
});

test("two tokens never have one name, and one token never two", () => {
  expect(read(namedTokens, "one,two")).toBe("refused");
  expect(read(namedTokens, "ada=one", "ada=two")).toBe("refused");
  expect(read(namedTokens, "ada=one,bob=one")).toBe("refused");
});

test("scopes are a comma list", () => {
  expect(read(scopes, "mcp:use, mcp:admin")).toEqual(["mcp:use", "mcp:admin"]);
  expect(read(scopes, 'a"b')).toBe("refused");
});

test("a choice is found whatever the case of its letters", () => {
  expect(read(choice(["DEBUG", "INFO"]), "info")).toBe("INFO");
  expect(read(choice(["DEBUG", "INFO"]), "inf")).toBe("refused");
});

test("volumes of several flags are one list, in which none overlaps another", () => {
  const folder = mkdtempSync(`${tmpdir()}/volume-`);
  expect(read(volumes, `${folder}:/a`, `["${folder}:/b:ro"]`)).toEqual([
    { hostPath: folder, guestPath: "/a", readOnly: false },
    { hostPath: folder, guestPath: "/b", readOnly: true },
  ]);
  expect(read(volumes, `${folder}:/a`, `${folder}:/a/b`)).toBe("refused");
});
