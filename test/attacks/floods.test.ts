// Too much, too deep, too slow, too many, or ambiguous: each is refused within bounds, and the server goes on serving.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { connectRaw } from "../http/raw.ts";
import { AttackedServer, ping, toolCall } from "./attacked-server.ts";

/** Longer than the server's own limits for slow clients, which are 30 s each. Milliseconds. */
const slowTestMs = 60_000;
const mark = "Zq7attackerZq7";

let server: AttackedServer;
beforeAll(async () => {
  const limits = ["--max-concurrent-requests-per-principal", "6", "--max-concurrent-requests", "8"];
  server = await AttackedServer.start([...limits, "--max-queued-executions", "2", "--auth-token", tokens]);
});
afterAll(() => server[Symbol.asyncDispose]());
afterEach(async () => {
  expect((await server.ask({ headers: alice })).status).toBe(200);
  expect(server.log).not.toContain(mark);
  expect(server.log).not.toContain("request.failed");
});

const tokens = "alice=alice-0123456789abcdef,bob=bob-0123456789abcdef";
const alice = { Authorization: "Bearer alice-0123456789abcdef" };
const post = "POST /mcp HTTP/1.1\r\nHost: localhost\r\n";
const rawHead = `${post}Authorization: ${alice.Authorization}\r\nContent-Type: application/json\r\n`;

describe("a body that is too much", () => {
  test("a declared gigabyte is answered 413 before it is sent", async () => {
    let answer = "";
    const lines = await server.linesOf(async () => {
      answer = await server.askRaw(`${rawHead}Content-Length: 1073741824\r\n\r\n`);
    });
    expect(answer).toStartWith("HTTP/1.1 413 ");
    expect(lines).toEqual(["request.refused 413 body too large"]);
  });

  test("a gigabyte in chunks is cut with 413 and not kept", async () => {
    const beforeMib = await server.rssMib();
    const piece = Buffer.alloc(1024 * 1024, mark);
    let sentMib = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sentMib++;
        if (sentMib > 1024) controller.close();
        else controller.enqueue(piece);
      },
    });
    const lines = await server.linesOf(async () => {
      const headers = { "Content-Type": "application/json", ...alice };
      // The connection may be cut under the client that still sends; then there is no answer to read.
      const status = await fetch(server.url, { method: "POST", headers, body }).then(
        (response) => response.status,
        () => 413,
      );
      expect(status).toBe(413);
    });
    expect(lines).toEqual(["request.refused 413 body too large"]);
    expect(sentMib).toBeLessThan(1024);
    expect((await server.rssMib()) - beforeMib).toBeLessThan(256);
  });

  test.each([
    ["arrays", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["objects", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`],
    ["an unclosed million", "[".repeat(1_000_000)],
    ["arguments", toolCall("get_sessions", { x: "DEEP" }).replace('"DEEP"', `${"[".repeat(80)}${"]".repeat(80)}`)],
  ])("JSON that nests too deep in %s is answered 400", async (_where, body) => {
    const { status, text } = await server.ask({ body, headers: alice });
    expect([status, JSON.parse(text).error.code]).toEqual([400, -32600]);
  });

  test("a batch bomb is answered 400, and a batch beyond the caller's limit 429", async () => {
    const batch = (count: number) => `[${Array.from({ length: count }, () => ping).join(",")}]`;
    const bomb = await server.ask({ body: batch(50_000), headers: alice });
    expect([bomb.status, JSON.parse(bomb.text).error.code]).toEqual([400, -32600]);
    const many = await server.ask({ body: batch(7), headers: alice });
    expect([many.status, many.headers.get("retry-after")]).toEqual([429, "1"]);
    expect((await server.ask({ body: batch(6), headers: alice })).status).toBe(200);
  });

  test("headers that are too large are answered 431", async () => {
    const answer = await server.askRaw(`${post}X-Large: ${mark.repeat(10_000)}\r\n\r\n`);
    expect(answer).toStartWith("HTTP/1.1 431 ");
  });
});

describe("a request that two parsers could read differently", () => {
  const smuggled = `${post}Content-Length: 0\r\nX-Mark: ${mark}\r\n\r\n`;

  test.each([
    ["a length and chunks", `Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ["two lengths", `Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
    ["a list of lengths", `Content-Length: 0, ${smuggled.length}\r\n\r\n${smuggled}`],
    ["a negative length", `Content-Length: -1\r\n\r\n${smuggled}`],
    ["a signed length", `Content-Length: +2\r\n\r\n{}${smuggled}`],
    ["a space before the colon", `Content-Length : 2\r\n\r\n{}${smuggled}`],
    ["a folded header", `X-Folded: a\r\n Content-Length: 2\r\n\r\n{}${smuggled}`],
    ["an encoding that is not chunked", `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ["chunked twice", `Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ["a chunk of no number", `Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n0\r\n\r\n${smuggled}`],
    ["a null byte in a header", `X-Null: a\0b\r\n\r\n${smuggled}`],
  ])("%s: at most one answer, and a refusal, then the connection ends", async (_how, rest) => {
    using connection = await connectRaw(server.url);
    connection.send(`${rawHead}${rest}`);
    const patience = AbortSignal.timeout(2_000);
    const late = new Promise<string>((resolve) => patience.addEventListener("abort", () => resolve("")));
    const answer = (await Promise.race([connection.closed, late])) || (await connection.until(""));
    const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1]));
    expect(statuses.length).toBeLessThanOrEqual(1);
    expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([]);
  });
});

describe("a client that is slow on purpose", () => {
  test.concurrent(
    "is cut when its headers trickle in, and holds up nobody",
    async () => {
      const connections = await Promise.all(Array.from({ length: 50 }, () => connectRaw(server.url)));
      for (const connection of connections) connection.send(post);
      const cut = Promise.all(connections.map(({ closed }) => closed));
      expect((await server.ask({ headers: alice })).status).toBe(200);
      const answers = await cut;
      expect(answers.filter((answer) => answer.includes(" 200 "))).toEqual([]);
    },
    slowTestMs,
  );

  test.concurrent(
    "is answered 408 when its body trickles in",
    async () => {
      using connection = await connectRaw(server.url);
      connection.send(`${rawHead}Content-Length: 1000\r\n\r\n`);
      const drip = setInterval(() => connection.send(" "), 1_000);
      const answer = await connection.closed;
      clearInterval(drip);
      expect(answer).toStartWith("HTTP/1.1 408 ");
      expect(server.log).toContain('"reason":"body too slow","status":408');
    },
    slowTestMs,
  );
});
