// What somebody tries who has a URL that is not meant for it, or a name that is meant ill.

import { expect, test } from "bun:test";
import type { FileGrant } from "../../../src/http/files/links.ts";
import { fakeLinks } from "../../fakes/links.ts";
import { connectRaw } from "../raw.ts";
import { namesIn, put, refusalOf, serveFiles, textOf, tokens } from "./served.ts";

test.each([
  "../../../../etc/passwd",
  "%2e%2e/%2e%2e/etc/passwd",
  "..%2f..%2fetc%2fpasswd",
  "a%2f..%2f..%2f..%2fetc%2fpasswd",
  "%2e%2e%2f%2e%2e%2fetc/passwd",
  "..;/etc/passwd",
  "%252e%252e%252fetc%252fpasswd",
  "..%5c..%5cetc%5cpasswd",
  "a%00.txt",
  "%",
  "%zz",
  "%2",
])("GET and PUT of %s reach nothing of this machine and write nothing", async (path) => {
  await using served = await serveFiles();
  const before = await namesIn(served.files, "/");
  const prefix = new URL(served.named).pathname;
  for (const method of ["GET", "PUT"]) {
    // By hand: clients resolve dots before they send.
    using connection = await connectRaw(served.base);
    const close = `Host: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
    connection.send(`${method} ${prefix}/${path} HTTP/1.1\r\n${close}`);
    const answer = await connection.closed;
    const isOddName = method === "PUT" && ["..;/", "%252e", "..%5c"].some((start) => path.startsWith(start));
    if (isOddName) {
      expect(answer).toStartWith("HTTP/1.1 201");
    } else {
      expect(answer).toMatch(/^HTTP\/1\.1 (400|404|405) /);
      expect(answer).not.toContain("root:");
    }
    const names = await namesIn(served.files, "/");
    // An odd name is a name: in the home.
    if (!isOddName) expect(names).toEqual(before);
    else expect(names.filter((name) => !before.includes(name)).every((name) => name.startsWith("/home"))).toBe(true);
  }
});

type Changed = (fields: unknown[]) => void;

/** The URL with its fields changed, and its signature as it was. */
function tampered(url: string, change: Changed): string {
  const { origin, pathname } = new URL(url);
  const [body = "", signature] = pathname.slice("/files/".length).split(".");
  const fields = JSON.parse(Buffer.from(body, "base64url").toString());
  change(fields);
  return `${origin}/files/${Buffer.from(JSON.stringify(fields)).toString("base64url")}.${signature}`;
}

test.each<[string, Changed]>([
  ["principal", (fields) => fields.splice(1, 1, "bob")],
  ["session", (fields) => fields.splice(2, 1, "session-other")],
  ["path", (fields) => fields.splice(3, 1, "/etc/passwd")],
  ["method", (fields) => fields.splice(4, 1, "PUT")],
  ["format", (fields) => fields.splice(5, 1, "zip")],
  ["size", (fields) => fields.splice(6, 1, 1e15)],
  ["expiry", (fields) => fields.splice(7, 1, 1e12)],
])("a URL with another %s permits nothing", async (_, change) => {
  await using served = await serveFiles();
  await put(served.files, "a.txt", "a");
  const url = await served.link("a.txt", "download");
  expect((await fetch(url)).status).toBe(200);
  for (const method of ["GET", "PUT"]) {
    const init = method === "PUT" ? { method, body: "x" } : { method };
    expect(await refusalOf(await fetch(tampered(url, change), init))).toBe("403 not_permitted");
  }
});

test("a wrong signature, a cut one, none, one of another key, and what is no URL of ours: the same answer", async () => {
  await using served = await serveFiles();
  await put(served.files, "a.txt", "a");
  const url = await served.link("a.txt", "download");
  const grant = { principal: "local", sessionId: served.sessionId, path: "a.txt", method: "GET" } as const;
  const wrong = url.endsWith("A") ? "B" : "A";
  const urls = [
    url.slice(0, -2) + wrong + wrong,
    url.slice(0, -1),
    url.slice(0, url.lastIndexOf(".")),
    url.slice(0, url.lastIndexOf(".") + 1),
    `${url}.${url.split(".").at(-1)}`,
    `${served.base}/files/`,
    `${served.base}/files/x`,
    `${served.base}/files/${"A".repeat(9000)}.AAAA`,
    `${url}/../../mcp`,
    foreignUrl(served.base, { ...grant, format: undefined }),
  ];
  const answers = new Set<string>();
  for (const each of urls) {
    const response = await fetch(each);
    if (each.endsWith("/mcp")) continue;
    expect([each, response.status]).toEqual([each, 403]);
    answers.add(await response.text());
  }
  expect(answers.size).toBe(1);
});

function foreignUrl(base: string, grant: FileGrant): string {
  const links = fakeLinks({ now: () => 0, monotonicMs: () => 0, sleep: async () => undefined }, 1, base);
  // The same key, but signed long ago.
  return links.mint(grant).url;
}

test("a URL for reading does not write, one for writing does not read, and HEAD of it tells nothing of the file", async () => {
  await using served = await serveFiles();
  await put(served.files, "a.txt", "a");
  const down = await served.link("a.txt", "download");
  const up = await served.link("a.txt", "upload");
  expect(await refusalOf(await fetch(down, { method: "PUT", body: "x" }))).toBe("403 not_permitted");
  expect(await refusalOf(await fetch(up))).toBe("403 not_permitted");
  expect(await refusalOf(await fetch(down, { method: "DELETE" }))).toBe("403 not_permitted");
  const head = await fetch(up, { method: "HEAD" });
  expect([head.status, head.headers.get("etag"), head.headers.get("content-type")]).toEqual([200, null, null]);
});

test("a URL permits nothing once it has expired, nor once its session has been stopped", async () => {
  await using served = await serveFiles();
  await put(served.files, "a.txt", "a");
  const early = await served.link("a.txt", "download");
  await served.clock.advance(59_000);
  expect((await fetch(early)).status).toBe(200);
  const url = await served.link("a.txt", "download");
  await served.call("stop_session", { session_id: served.sessionId });
  expect(await refusalOf(await fetch(url))).toBe("410 session_not_found");
  await served.clock.advance(3_600_000);
  expect(await refusalOf(await fetch(url))).toBe("403 not_permitted");
});

test("another principal's session is as if it were not there, with a token and by name", async () => {
  await using served = await serveFiles({ tokens });
  await put(served.files, "a.txt", "secret");
  const as = (at: number) => ({ headers: { Authorization: `Bearer ${tokens[at]?.token}` } });
  expect((await fetch(`${served.named}/a.txt`, as(0))).status).toBe(200);
  expect(await refusalOf(await fetch(`${served.named}/a.txt`, as(1)))).toBe("404 session_not_found");
  const written = await fetch(`${served.named}/a.txt`, { ...as(1), method: "PUT", body: "changed" });
  expect(written.status).toBe(404);
  expect((await fetch(`${served.named}/a.txt`)).status).toBe(401);
  expect(await textOf(served.files, "a.txt")).toBe("secret");
  // Who has the URL may use it: without a token, and with another's.
  const url = await served.link("a.txt", "download");
  expect(await (await fetch(url, as(1))).text()).toBe("secret");
});

test("pages of other origins get nothing, and a name that DNS was rebound for reaches no session", async () => {
  await using served = await serveFiles();
  await put(served.files, "a.txt", "a");
  const url = await served.link("a.txt", "download");
  const foreign = { headers: { Origin: "https://evil.example" } };
  expect((await fetch(url, foreign)).status).toBe(403);
  expect((await fetch(`${served.named}/a.txt`, foreign)).status).toBe(403);
  expect((await fetch(`${served.named}/a.txt`, { headers: { Host: "evil.example" } })).status).toBe(403);
});

test.each([
  ["page.html", "<script>alert(1)</script>"],
  ["image.svg", "<svg onload='alert(1)'/>"],
  ["page.xhtml", "<html xmlns='http://www.w3.org/1999/xhtml'/>"],
  ["script.js", "alert(1)"],
  ["feed.xml", "<?xml-stylesheet?>"],
  ["picture.png", "<html><script>alert(1)</script>"],
  ["noname", "<html>"],
])("no browser shows %s as a page of ours", async (name, content) => {
  await using served = await serveFiles();
  await put(served.files, name, content);
  for (const response of [await fetch(`${served.named}/${name}`), await fetch(await served.link(name, "download"))]) {
    const { headers } = response;
    expect(headers.get("content-type")).toBe(name.endsWith(".png") ? "image/png" : "application/octet-stream");
    expect(headers.get("content-disposition")).toStartWith("attachment;");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  }
});

test("a name cannot add a header, end its quotes, or hide its extension", async () => {
  await using served = await serveFiles();
  const name = 'a"\r\nSet-Cookie: x=1\r\n\u202etxt.exe';
  await put(served.files, name, "x");
  const response = await fetch(`${served.named}/${encodeURIComponent(name)}`);
  expect(response.headers.get("set-cookie")).toBeNull();
  expect(response.headers.get("content-disposition")).toBe(
    `attachment; filename="a___Set-Cookie: x=1___txt.exe"; filename*=UTF-8''${encodeURIComponent(name)}`,
  );
});

test("many slow uploads take no more than their places, and give them back when they are too slow", async () => {
  await using served = await serveFiles({ tokens });
  await put(served.files, "a.txt", "a");
  const prefix = new URL(served.named).pathname;
  const [alice] = tokens;
  const head = (at: number) =>
    `PUT ${prefix}/slow-${at} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${alice?.token}\r\nContent-Length: 1000000\r\n\r\nx`;
  const slow = await Promise.all(Array.from({ length: 16 }, () => connectRaw(served.base)));
  for (const [at, connection] of slow.entries()) connection.send(head(at));
  const authorized = { headers: { Authorization: `Bearer ${alice?.token}` } };
  let refused = await fetch(`${served.named}/a.txt`, authorized);
  // The heads are on their way.
  while (refused.status === 200) refused = await fetch(`${served.named}/a.txt`, authorized);
  expect(await refusalOf(refused)).toBe("429 too_many_transfers");
  expect(refused.headers.get("retry-after")).toBe("5");
  for (let seconds = 0; seconds < 70; seconds += 5) {
    await served.clock.advance(5_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const answers = await Promise.all(slow.map(({ closed }) => closed));
  for (const answer of answers) expect(answer).toStartWith("HTTP/1.1 408");
  expect((await fetch(`${served.named}/a.txt`, authorized)).status).toBe(200);
  expect((await namesIn(served.files, ".")).some((name) => name.includes("slow"))).toBe(false);
  for (const connection of slow) connection[Symbol.dispose]();
});

test("an upload that breaks off leaves nothing under its name, and goes on where it ended", async () => {
  await using served = await serveFiles();
  const url = new URL(await served.link("big.bin", "upload"));
  const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => at % 253));
  const connection = await connectRaw(served.base);
  connection.send(`PUT ${url.pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${content.length}\r\n\r\n`);
  connection.send(content.subarray(0, 1_000_000));
  const offsetOf = async () => Number((await fetch(url, { method: "HEAD" })).headers.get("upload-offset"));
  while ((await offsetOf()) === 0) await new Promise((resolve) => setImmediate(resolve));
  connection[Symbol.dispose]();
  while (!served.events.some(({ type }) => type === "transfer.ended")) await Bun.sleep(1);
  await expect(textOf(served.files, "big.bin")).rejects.toThrow("File not found");
  const offset = await offsetOf();
  expect(offset).toBeGreaterThan(0);
  const rest = await fetch(url, {
    method: "PUT",
    body: content.subarray(offset),
    headers: { "Content-Range": `bytes ${offset}-${content.length - 1}/${content.length}` },
  });
  expect(rest.status).toBe(201);
  const whole = Buffer.from(await (await fetch(await served.link("big.bin", "download"))).arrayBuffer());
  expect(Buffer.compare(whole, content)).toBe(0);
});

test("a session that ends during a transfer ends it, and says so to who can still hear it", async () => {
  await using served = await serveFiles();
  await put(served.files, "big", Buffer.alloc(30_000_000));
  const down = await fetch(await served.link("big", "download"));
  const reader = down.body?.getReader();
  await reader?.read();
  const url = new URL(await served.link("up", "upload"));
  using up = await connectRaw(served.base);
  up.send(`PUT ${url.pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n`);
  up.send(Buffer.alloc(2_000_000));
  while ((await fetch(url, { method: "HEAD" })).headers.get("upload-offset") === "0") await Bun.sleep(1);
  await served.call("stop_session", { session_id: served.sessionId });
  expect(await up.closed).toMatch(/^HTTP\/1\.1 410 .*session_ended/s);
  const rest = async () => {
    while ((await reader?.read())?.done === false);
  };
  await expect(rest()).rejects.toThrow();
  expect(served.events.filter(({ type }) => type === "request.failed")).toEqual([]);
});

test("a download whose client has left lets go of its session", async () => {
  await using served = await serveFiles();
  await put(served.files, "big", Buffer.alloc(30_000_000));
  const left = new AbortController();
  const response = await fetch(await served.link("big", "download"), { signal: left.signal });
  await response.body?.getReader().read();
  left.abort();
  const isBrokenOff = () =>
    served.events.some((event) => event.type === "transfer.ended" && event.outcome === "broken_off");
  while (!isBrokenOff()) await Bun.sleep(1);
  const { structuredContent } = await served.call("get_sessions", {});
  expect(structuredContent?.sessions).toMatchObject([{ status: "ready" }]);
});
