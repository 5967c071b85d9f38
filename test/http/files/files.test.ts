import { expect, test } from "bun:test";
import { put, refusalOf, serveFiles, textOf } from "./served.ts";

test("a file goes up and comes down by signed URLs, byte for byte, without a token", async () => {
  await using served = await serveFiles();
  const content = Buffer.alloc(3_000_000, "a,b\n1,2\n");
  const up = await fetch(await served.link("data/in.csv", "upload"), { method: "PUT", body: content });
  expect(up.status).toBe(201);
  const down = await fetch(await served.link("data/in.csv", "download"));
  expect(down.status).toBe(200);
  expect(Buffer.compare(Buffer.from(await down.arrayBuffer()), content)).toBe(0);
  expect(down.headers.get("etag")).toBe(up.headers.get("etag"));
  expect(down.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  expect(down.headers.get("content-disposition")).toBe('attachment; filename="in.csv"');
});

test("HEAD tells what GET would answer, the length too", async () => {
  await using served = await serveFiles();
  await put(served.files, "big.bin", Buffer.alloc(5_000_000));
  const head = await fetch(await served.link("big.bin", "download"), { method: "HEAD" });
  expect(head.status).toBe(200);
  expect(head.headers.get("content-length")).toBe("5000000");
  expect(head.headers.get("accept-ranges")).toBe("bytes");
  expect(await head.text()).toBe("");
});

test("programs read and write at /sessions/ID/files/PATH, from the home and from the root on", async () => {
  await using served = await serveFiles();
  const { named, files } = served;
  expect((await fetch(`${named}/a/b.txt`, { method: "PUT", body: "one" })).status).toBe(201);
  expect((await fetch(`${named}/a/b.txt`, { method: "PUT", body: "two" })).status).toBe(204);
  expect(await textOf(files, "a/b.txt")).toBe("two");
  expect((await fetch(`${named}/%2Ftmp/c%20d%0A%FF.txt`, { method: "PUT", body: "three" })).status).toBe(201);
  expect(await textOf(files, "/tmp/c d\n\udcff.txt")).toBe("three");
  expect(await (await fetch(`${named}//tmp/c%20d%0A%FF.txt`)).text()).toBe("three");
  expect((await fetch(`${named}/a/b.txt`)).headers.get("content-length")).toBe("3");
});

test.each([
  ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
  ["bytes=4-", 206, "456789", "bytes 4-9/10"],
  ["bytes=-3", 206, "789", "bytes 7-9/10"],
  ["bytes=8-99", 206, "89", "bytes 8-9/10"],
  ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
  ["bytes=3-1", 200, "0123456789", null],
  ["bytes=0-0,2-2,4-4", 200, "0123456789", null],
  ["bytes=-", 200, "0123456789", null],
  ["lines=1-2", 200, "0123456789", null],
  ["bytes=0x0-0x3", 200, "0123456789", null],
])("Range %s is answered with %d", async (range, status, body, contentRange) => {
  await using served = await serveFiles();
  await put(served.files, "digits", "0123456789");
  const response = await fetch(`${served.named}/digits`, { headers: { Range: range } });
  expect(response.status).toBe(status);
  expect(await response.text()).toBe(body);
  expect(response.headers.get("content-range")).toBe(contentRange);
});

test("a range behind the end is refused with the size, and one of another version is not used", async () => {
  await using served = await serveFiles();
  await put(served.files, "digits", "0123456789");
  const behind = await fetch(`${served.named}/digits`, { headers: { Range: "bytes=10-" } });
  expect(behind.status).toBe(416);
  expect(behind.headers.get("content-range")).toBe("bytes */10");
  const other = await fetch(`${served.named}/digits`, { headers: { Range: "bytes=5-", "If-Range": '"other"' } });
  expect(other.status).toBe(200);
  const etag = other.headers.get("etag") ?? "";
  const same = await fetch(`${served.named}/digits`, { headers: { Range: "bytes=5-", "If-Range": etag } });
  expect(await same.text()).toBe("56789");
});

test("a range in the midst of a file that is streamed has just its bytes", async () => {
  await using served = await serveFiles();
  const content = Buffer.from(Array.from({ length: 6_000_000 }, (_, at) => at % 251));
  await put(served.files, "big", content);
  const response = await fetch(`${served.named}/big`, { headers: { Range: "bytes=1000001-4999999" } });
  expect(response.status).toBe(206);
  const got = Buffer.from(await response.arrayBuffer());
  expect(Buffer.compare(got, content.subarray(1_000_001, 5_000_000))).toBe(0);
});

test("a file that has not changed is not sent again", async () => {
  await using served = await serveFiles();
  await put(served.files, "a.txt", "a");
  const first = await fetch(`${served.named}/a.txt`);
  const etag = first.headers.get("etag") ?? "";
  const modified = first.headers.get("last-modified") ?? "";
  const again = (headers: Record<string, string>) => fetch(`${served.named}/a.txt`, { headers });
  expect((await again({ "If-None-Match": `"x", ${etag}` })).status).toBe(304);
  expect((await again({ "If-Modified-Since": modified })).status).toBe(304);
  expect((await again({ "If-None-Match": '"x"', "If-Modified-Since": modified })).status).toBe(200);
  expect((await again({ "If-Match": '"x"' })).status).toBe(412);
});

test("a write happens only over the version that it names", async () => {
  await using served = await serveFiles();
  const write = (body: string, headers: Record<string, string>) =>
    fetch(`${served.named}/a.txt`, { method: "PUT", body, headers });
  expect((await write("no", { "If-Match": "*" })).status).toBe(412);
  const first = await write("first", { "If-None-Match": "*" });
  expect(first.status).toBe(201);
  expect((await write("no", { "If-None-Match": "*" })).status).toBe(412);
  expect((await write("second", { "If-Match": first.headers.get("etag") ?? "" })).status).toBe(204);
  expect((await write("no", { "If-Match": first.headers.get("etag") ?? "" })).status).toBe(412);
  expect(await textOf(served.files, "a.txt")).toBe("second");
});

test("a file that is changed while another version of it is on its way is left to that", async () => {
  await using served = await serveFiles();
  await put(served.files, "a.txt", "first");
  const etag = (await fetch(`${served.named}/a.txt`)).headers.get("etag") ?? "";
  const body = (async function* () {
    yield Buffer.from("lo");
    await put(served.files, "a.txt", "another");
    yield Buffer.from("st");
  })();
  const answer = await fetch(`${served.named}/a.txt`, { method: "PUT", body, headers: { "If-Match": etag } });
  expect(answer.status).toBe(412);
  expect(await textOf(served.files, "a.txt")).toBe("another");
});

test("a file that comes in parts is there under its name with the last one, and HEAD tells how much has come", async () => {
  await using served = await serveFiles();
  const url = await served.link("parts.bin", "upload");
  const send = (body: string, range: string) =>
    fetch(url, { method: "PUT", body, headers: { "Content-Range": range } });
  const first = await send("01234", "bytes 0-4/10");
  expect([first.status, first.headers.get("upload-offset")]).toEqual([202, "5"]);
  const head = await fetch(url, { method: "HEAD" });
  expect([head.status, head.headers.get("upload-offset")]).toEqual([200, "5"]);
  await expect(textOf(served.files, "parts.bin")).rejects.toThrow("File not found");
  const gap = await send("9", "bytes 9-9/10");
  expect([gap.status, gap.headers.get("upload-offset")]).toEqual([409, "5"]);
  expect((await send("56789", "bytes 5-9/10")).status).toBe(201);
  expect(await textOf(served.files, "parts.bin")).toBe("0123456789");
  expect((await fetch(url, { method: "HEAD" })).headers.get("upload-offset")).toBe("0");
});

test("a later upload of the same file ends the one before, and nothing of that is in it", async () => {
  await using served = await serveFiles();
  const url = await served.link("x.bin", "upload");
  const send = (body: string | ReadableStream<Uint8Array>) =>
    fetch(url, { method: "PUT", body, headers: { "Content-Range": "bytes 0-5/6" } });
  const hanging = new ReadableStream<Uint8Array>({ start: (body) => body.enqueue(Buffer.from("aaa")) });
  const first = send(hanging);
  while ((await fetch(url, { method: "HEAD" })).headers.get("upload-offset") !== "3") await Bun.sleep(1);
  const second = send("bbbbbb");
  expect(await refusalOf(await first)).toBe("409 later_upload");
  expect((await second).status).toBe(201);
  expect(await textOf(served.files, "x.bin")).toBe("bbbbbb");
});

test.each([
  ["bytes 0-4", 400],
  ["bytes 4-0/10", 400],
  ["bytes 0-4/3", 400],
  ["bytes 0-9/10", 400],
  ["bytes 999999999990-999999999994/999999999995", 413],
])("Content-Range %s with five bytes is refused with %d", async (range, status) => {
  await using served = await serveFiles();
  const headers = { "Content-Range": range };
  const response = await fetch(`${served.named}/a`, { method: "PUT", body: "01234", headers });
  expect(response.status).toBe(status);
  await expect(textOf(served.files, "a")).rejects.toThrow("File not found");
});

test("an upload larger than the limit is refused, whether its length is told or not, and leaves nothing", async () => {
  await using served = await serveFiles({ maxTransferBytes: 100_000 });
  const url = await served.link("big", "upload");
  const body = Buffer.alloc(300_000);
  expect(await refusalOf(await fetch(url, { method: "PUT", body }))).toBe("413 too_large");
  const chunked = new ReadableStream({
    pull(controller) {
      controller.enqueue(body);
      controller.close();
    },
  });
  expect(await refusalOf(await fetch(url, { method: "PUT", body: chunked }))).toBe("413 too_large");
  await expect(textOf(served.files, "big")).rejects.toThrow("File not found");
});

test("what is missing, a folder, a session that never was: each has its status and word", async () => {
  await using served = await serveFiles();
  const { named, base, files } = served;
  await put(files, "folder/a", "a");
  expect(await refusalOf(await fetch(`${named}/nothing`))).toBe("404 file_not_found");
  expect(await refusalOf(await fetch(`${named}/folder`))).toBe("409 is_folder");
  expect(await refusalOf(await fetch(`${named}/folder`, { method: "PUT", body: "x" }))).toBe("409 is_folder");
  expect(await refusalOf(await fetch(`${base}/sessions/session-none/files/a`))).toBe("404 session_not_found");
  const deleted = await fetch(`${named}/folder`, { method: "DELETE" });
  expect([deleted.status, deleted.headers.get("allow")]).toEqual([405, "GET, HEAD, PUT"]);
});

test("a page of an allowed origin may send and read what it needs, and big files still stream to it", async () => {
  await using served = await serveFiles({ enableCors: true });
  await put(served.files, "big", Buffer.alloc(3_000_000, "x"));
  const headers = { Origin: "http://localhost:3000" };
  const preflight = await fetch(await served.link("new", "upload"), {
    method: "OPTIONS",
    headers: { ...headers, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-range" },
  });
  expect(preflight.headers.get("access-control-allow-methods")).toContain("PUT");
  const response = await fetch(await served.link("big", "download"), { headers });
  expect(response.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
  expect(response.headers.get("access-control-expose-headers")).toContain("ETag");
  expect(response.headers.get("content-disposition")).toContain("attachment");
  expect((await response.arrayBuffer()).byteLength).toBe(3_000_000);
});

test("a transfer is told to log and metrics, without its URL", async () => {
  await using served = await serveFiles();
  const url = await served.link("a.txt", "upload");
  await fetch(url, { method: "PUT", body: "abc" });
  const ended = served.events.find(({ type }) => type === "transfer.ended");
  expect(ended).toMatchObject({ way: "signed", direction: "upload", bytes: 3, outcome: "whole", principal: "local" });
  expect(JSON.stringify(served.events)).not.toContain(url.slice(-20));
});
