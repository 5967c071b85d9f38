// What a client may say first: one reading of each request, or none.

import { expect, test } from "bun:test";
import { maxHeadBytes, readHttp } from "../../../src/sandbox/egress/opening.ts";
import { readGreeting, readSocksRequest } from "../../../src/sandbox/egress/socks.ts";

const read = (text: string) => readHttp(Buffer.from(text, "latin1"))?.value;

test("CONNECT names a host and a port, and nothing else", () => {
  const target = { host: "pypi.org", port: 443 };
  expect(read("CONNECT pypi.org:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n")).toEqual({ kind: "connect", target });
  expect(read("CONNECT PyPI.org:443 HTTP/1.0\r\n\r\n")).toEqual({ kind: "connect", target });
  expect(read("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n")).toMatchObject({ target: { host: "2001:db8::1" } });
});

test("a plain request is sent on with the host of its URL, without what is between neighbours, and as the only one", () => {
  const opening = read(
    "GET http://api.example.com:8080/a?b=c HTTP/1.1\r\nHost: other.example.com\r\nAccept: */*\r\nProxy-Authorization: Basic eA==\r\n" +
      "Proxy-Connection: keep-alive\r\nConnection: X-Mine, close\r\nX-Mine: 1\r\nUpgrade: h2c\r\nTE: trailers\r\nContent-Length: 3\r\n\r\n",
  );
  if (opening?.kind !== "request") throw new Error("it is a request");
  expect(opening.head.toString()).toBe(
    "GET /a?b=c HTTP/1.1\r\nHost: api.example.com:8080\r\nAccept: */*\r\nContent-Length: 3\r\nConnection: close\r\n\r\n",
  );
  expect(opening).toMatchObject({ target: { host: "api.example.com", port: 8080 }, bodyBytes: 3 });
});

test("what cannot become a request is told at once, and what can is waited for", () => {
  for (const text of ["\x04\x01\x00\x50", "\x16\x03\x01", "GET http://a.example/ HTTP/1.1\n", "\n"]) {
    expect(read(text)).toMatchObject({ kind: "malformed", status: 400 });
  }
  for (const text of ["", "G", "GET http://a.example/ HTTP/1.1\r", "GET http://a.example/ HTTP/1.1\r\nHost: a"]) {
    expect(read(text)).toBeUndefined();
  }
});

test("a URL without a path is of the root, and a query may follow the host", () => {
  for (const [url, line] of [
    ["http://example.com", "GET / HTTP/1.1"],
    ["http://example.com?x=1", "GET /?x=1 HTTP/1.1"],
  ]) {
    const opening = read(`GET ${url} HTTP/1.1\r\n\r\n`);
    expect(opening?.kind === "request" && opening.head.toString()).toStartWith(`${line}\r\nHost: example.com\r\n`);
  }
});

const get = (...lines: readonly string[]) => `${["GET http://example.com/ HTTP/1.1", ...lines].join("\r\n")}\r\n\r\n`;

test.each([
  ["two hosts", get("Host: a.example.com", "Host: b.example.com")],
  ["two lengths", get("Content-Length: 1", "Content-Length: 1")],
  ["a length with a sign", get("Content-Length: +1")],
  ["a list of lengths", get("Content-Length: 1, 1")],
  ["chunks", get("Transfer-Encoding: chunked")],
  ["chunks and a length", get("Content-Length: 5", "transfer-encoding: chunked")],
  ["chunks in another spelling", get("Transfer-Encoding: xchunked")],
  ["a space before the colon", get("Content-Length : 5")],
  ["a folded line", get("X-A: 1", " Host: b.example.com")],
  ["a line that ends with LF alone", get("X-A: 1\nHost: b.example.com")],
  ["a CR within a line", get("X-A: 1\rHost: b.example.com")],
  ["a NUL", get("X-A: \0")],
  ["a field without a colon", get("Host")],
  ["too many fields", get(...Array.from({ length: 200 }, (_, at) => `X-${at}: 1`))],
  ["another version", "GET http://example.com/ HTTP/2.0\r\n\r\n"],
  ["two spaces", "GET  http://example.com/ HTTP/1.1\r\n\r\n"],
  ["a tab", "GET\thttp://example.com/ HTTP/1.1\r\n\r\n"],
  ["HTTP/0.9", "GET http://example.com/\r\n\r\n"],
  ["a path alone", "GET /etc/passwd HTTP/1.1\r\nHost: example.com\r\n\r\n"],
  ["another scheme", "GET ftp://example.com/ HTTP/1.1\r\n\r\n"],
  ["https in plain", "GET https://example.com/ HTTP/1.1\r\n\r\n"],
  ["a user's name", "GET http://user:secret@example.com/ HTTP/1.1\r\n\r\n"],
  ["a user's name that looks like a host", "GET http://pypi.org@evil.example.com/ HTTP/1.1\r\n\r\n"],
  ["an encoded host", "GET http://ex%61mple.com/ HTTP/1.1\r\n\r\n"],
  ["a backslash", "GET http://example.com\\@evil.example.com/ HTTP/1.1\r\n\r\n"],
  ["port 0", "GET http://example.com:0/ HTTP/1.1\r\n\r\n"],
  ["a port that is too large", "CONNECT example.com:65979 HTTP/1.1\r\n\r\n"],
  ["CONNECT without a port", "CONNECT example.com HTTP/1.1\r\n\r\n"],
  ["CONNECT to a URL", "CONNECT http://example.com:443 HTTP/1.1\r\n\r\n"],
  ["CONNECT with a body", "CONNECT example.com:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\n"],
  ["a zone", "CONNECT [fe80::1%25eth0]:443 HTTP/1.1\r\n\r\n"],
  ["OPTIONS *", "OPTIONS * HTTP/1.1\r\n\r\n"],
  ["an empty line first", "\r\nGET http://example.com/ HTTP/1.1\r\n\r\n"],
])("%s: is no request", (_, text) => {
  expect(read(text)?.kind).toBe("malformed");
});

test("a head has an end within its bound, and is waited for until then", () => {
  expect(read("GET http://example.com/ HTTP/1.1\r\nHost: exa")).toBeUndefined();
  expect(read(`GET http://example.com/${"a".repeat(maxHeadBytes)}`)?.kind).toBe("malformed");
});

test("SOCKS 5 names a host, or an address in its usual form", () => {
  const request = (...rest: readonly number[]) => readSocksRequest(Buffer.from([5, 1, 0, ...rest]))?.value;
  expect(request(3, 8, ...Buffer.from("pypi.org"), 1, 187)).toEqual({ host: "pypi.org", port: 443 });
  expect(request(1, 127, 0, 0, 1, 0, 80)).toEqual({ host: "127.0.0.1", port: 80 });
  const mapped = [...Array.from({ length: 10 }, () => 0), 255, 255, 127, 0, 0, 1];
  expect(request(4, ...mapped, 0, 80)).toEqual({ host: "0:0:0:0:0:ffff:7f00:1", port: 80 });
  expect(request(3, 8, ...Buffer.from("pypi.org"), 1)).toBeUndefined();
});

test("of SOCKS 5, nothing but connections without authentication is taken", () => {
  expect(readGreeting(Buffer.from([5, 2, 2, 0]))?.value).toBe(true);
  expect(readGreeting(Buffer.from([5, 1, 2]))?.value).toBe(false);
  expect(readGreeting(Buffer.from([5, 2, 2]))).toBeUndefined();
  const answers = [
    [5, 2, 0, 1, 1, 1, 1, 1, 0, 80],
    [5, 3, 0, 1, 1, 1, 1, 1, 0, 80],
    [5, 1, 0, 2, 1, 1, 1, 1, 0, 80],
    [4, 1, 0, 1, 1, 1, 1, 1, 0, 80],
    [5, 1, 0, 1, 1, 1, 1, 1, 0, 0],
    [5, 1, 0, 3, 4, 97, 10, 13, 97, 0, 80],
  ].map((bytes) => readSocksRequest(Buffer.from(bytes))?.value);
  expect(answers).toEqual([
    "commandNotSupported",
    "commandNotSupported",
    "addressNotSupported",
    "failed",
    "failed",
    "failed",
  ]);
});
