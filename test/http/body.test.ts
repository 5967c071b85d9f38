import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { type BodyLimits, createBodyReader } from "../../src/http/body.ts";
import { refuse } from "../../src/http/refusal.ts";
import { FakeClock } from "../fakes/fake-clock.ts";
import { connectRaw } from "./raw.ts";

const limits: BodyLimits = { maxBytes: 1_000, timeoutMs: 20_000 };

/** Echoes the body, or refuses it, with the limits above. */
function echoServer(clock = systemClock) {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    async fetch(request) {
      const body = await createBodyReader(limits, clock)(request);
      return body.ok ? new Response(body.text) : refuse(body.refusal, () => undefined);
    },
  });
  return { url: server.url, [Symbol.asyncDispose]: () => server.stop(true) };
}

function chunked(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
}

describe("a body within the limit", () => {
  test.each(["", "{}", "grüße 🙂", "x".repeat(1_000)])("is read whole when its length is declared", async (body) => {
    await using server = echoServer();
    const response = await fetch(server.url, { method: "POST", body });
    expect([response.status, await response.text()]).toEqual([200, body]);
  });

  test("is read whole when it comes in chunks, cut inside a character too", async () => {
    await using server = echoServer();
    using connection = await connectRaw(server.url);
    connection.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    connection.send(Buffer.concat([Buffer.from("2\r\na"), Buffer.from([0xc3]), Buffer.from("\r\n")]));
    connection.send(Buffer.concat([Buffer.from("1\r\n"), Buffer.from([0xbc]), Buffer.from("\r\n0\r\n\r\n")]));
    expect(Buffer.from(await connection.closed, "latin1").toString()).toEndWith("\r\n\r\naü");
  });

  test("is read whole when it comes later than its headers", async () => {
    await using server = echoServer();
    using connection = await connectRaw(server.url);
    connection.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nab");
    await Bun.sleep(50);
    connection.send("cd");
    expect(await connection.closed).toEndWith("\r\n\r\nabcd");
  });
});

describe("a body beyond the limit is refused with 413, which names the limit", () => {
  test("before a byte is read, when its length is declared", async () => {
    await using server = echoServer();
    using connection = await connectRaw(server.url);
    connection.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
    const answer = await connection.closed;
    expect(answer).toStartWith("HTTP/1.1 413 ");
    expect(answer).toContain("larger than 1000 bytes");
  });

  test("at the first byte too many, when it is not", async () => {
    const request = new Request("http://x/", { method: "POST", body: chunked("x".repeat(600), "x".repeat(401)) });
    const body = await createBodyReader(limits, systemClock)(request);
    expect(!body.ok && body.refusal.status).toBe(413);
  });

  test("a gigabyte in chunks is cut off early and takes no memory", async () => {
    await using server = echoServer();
    const piece = Buffer.alloc(1_048_576, "x");
    let pulled = 0;
    const before = process.memoryUsage().rss;
    const stream = new ReadableStream({
      pull(controller) {
        pulled += 1;
        if (pulled > 1_024) controller.close();
        else controller.enqueue(piece);
      },
    });
    // The connection is closed under the sender, who may see the answer or the broken pipe.
    const status = await fetch(server.url, { method: "POST", body: stream }).then(
      (response) => response.status,
      () => 413,
    );
    expect(status).toBe(413);
    expect(pulled).toBeLessThan(1_024);
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });
});

describe("a body that does not end", () => {
  test.each(["Content-Length: 100", "Transfer-Encoding: chunked"])(
    "is given up after the time limit (%s)",
    async (length) => {
      const clock = new FakeClock();
      await using server = echoServer(clock);
      using connection = await connectRaw(server.url);
      connection.send(`POST / HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n1\r\na\r\n`);
      while (clock.sleeping === 0) await Bun.sleep(5);
      await clock.advance(limits.timeoutMs);
      const answer = await connection.closed;
      expect(answer).toStartWith("HTTP/1.1 408 ");
      expect(answer).toContain("20 seconds");
    },
  );

  test("leaves no timer behind for long once it has ended after all", async () => {
    const clock = new FakeClock();
    await using server = echoServer(clock);
    using connection = await connectRaw(server.url);
    connection.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\na");
    while (clock.sleeping === 0) await Bun.sleep(5);
    connection.send("b");
    expect(await connection.closed).toEndWith("ab");
    await clock.advance(1_000);
    expect(clock.sleeping).toBe(0);
  });
});

test.each([
  ["a stray continuation byte", [0x7b, 0x80, 0x7d]],
  ["an overlong encoding", [0xc0, 0xaf]],
  ["a surrogate half", [0xed, 0xa0, 0x80]],
  ["a cut character", [0xe2, 0x82]],
])("%s is a parse error, not a replacement character", async (_name, bytes) => {
  const request = new Request("http://x/", { method: "POST", body: new Uint8Array(bytes) });
  const body = await createBodyReader(limits, systemClock)(request);
  expect(body).toMatchObject({ ok: false, refusal: { status: 400, code: -32700 } });
});
