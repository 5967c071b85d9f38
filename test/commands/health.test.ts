import { expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { type HealthOptions, health } from "../../src/commands/health.ts";
import { FakeClock } from "../fakes/fake-clock.ts";

type Asked = Partial<Pick<HealthOptions, "url" | "host" | "port" | "isReadyAsked" | "fetch" | "clock">>;

async function ask(options: Asked) {
  const lines: string[] = [];
  const status = await health(
    {
      ...{ url: undefined, host: "localhost", port: 8000, isReadyAsked: false, fetch, clock: systemClock },
      ...options,
      write: (line) => lines.push(line),
    },
    new AbortController().signal,
  );
  return { status, lines };
}

type Answer = { readonly text: string; readonly status?: number };

function answer({ text, status = 200 }: Answer = { text: "Not found\n", status: 404 }): Response {
  return new Response(text, { status });
}

function serve(answers: Readonly<Record<string, Answer>>) {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => answer(answers[new URL(request.url).pathname]),
  });
  return { port: server.port ?? 0, [Symbol.asyncDispose]: () => server.stop(true) };
}

const well = { "/healthz": { text: "ok\n" }, "/sandbox/healthz": { text: "ok\n" } };

test("a server that serves is healthy, by its options, its URL, its MCP URL and behind a path prefix", async () => {
  await using server = serve(well);
  const { port } = server;
  const root = `http://127.0.0.1:${port}`;
  for (const url of [
    undefined,
    root,
    `${root}/`,
    `${root}/mcp`,
    `${root}/mcp/`,
    `${root}/sandbox`,
    `${root}/sandbox/mcp`,
  ]) {
    const place = url?.includes("sandbox") ? `${root}/sandbox/healthz` : `${root}/healthz`;
    expect(await ask({ url, host: "0.0.0.0", port })).toEqual({ status: 0, lines: [`healthy: ${place} answers`] });
  }
});

test("a password in the URL is sent and not shown, and a URL of the question itself is taken", async () => {
  await using server = serve(well);
  const url = `http://user:hunter2@127.0.0.1:${server.port}/healthz`;
  expect(await ask({ url })).toEqual({
    status: 0,
    lines: [`healthy: http://127.0.0.1:${server.port}/healthz answers`],
  });
});

test("--ready asks whether a sandbox can be had, and tells the server's reason", async () => {
  const reason = { text: "The backend does not answer.\n", status: 503 };
  await using server = serve({ ...well, "/readyz": reason });
  const url = `http://127.0.0.1:${server.port}`;
  expect(await ask({ url })).toMatchObject({ status: 0 });
  expect(await ask({ url, isReadyAsked: true })).toEqual({
    status: 1,
    lines: [`unhealthy: ${url}/readyz answers 503: "The backend does not answer."`],
  });
});

test("another program's server that answers 200 to anything is not healthy", async () => {
  await using server = serve({ "/healthz": { text: "<html>Welcome</html>" } });
  const { status, lines } = await ask({ url: `http://127.0.0.1:${server.port}` });
  expect(status).toBe(1);
  expect(lines).toEqual([`unhealthy: http://127.0.0.1:${server.port}/healthz answers 200: "<html>Welcome</html>"`]);
});

test("a server that is not there is unhealthy, and the message names the URL", async () => {
  const server = serve({});
  await server[Symbol.asyncDispose]();
  const { status, lines } = await ask({ port: server.port, host: "127.0.0.1" });
  expect(status).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toStartWith(`unhealthy: http://127.0.0.1:${server.port}/healthz cannot be reached (ECONNREFUSED). `);
});

test("a server that does not answer is given up after 10 s", async () => {
  const clock = new FakeClock();
  const asked = Promise.withResolvers<void>();
  const answer = ask({
    clock,
    fetch: (_url, { signal }) => {
      asked.resolve();
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  await asked.promise;
  await clock.advance(10_000);
  expect(await answer).toEqual({
    status: 1,
    lines: ["unhealthy: http://localhost:8000/healthz did not answer within 10 s"],
  });
});

test.each(["ftp://host", "localhost:8000", "nonsense"])("%p is no URL to ask, which is said", async (url) => {
  const { status, lines } = await ask({ url });
  expect(status).toBe(2);
  expect(lines).toEqual([
    `msb-mcp: health: ${JSON.stringify(url)} is not allowed; URL must be an http:// or https:// URL, such as http://localhost:8000/mcp`,
  ]);
});

test("without a URL, a port that the system picks is not known", async () => {
  const { status, lines } = await ask({ port: 0 });
  expect(status).toBe(2);
  expect(lines[0]).toContain("--port 0");
});

test.each([
  ["::", "http://[::1]:8000/healthz"],
  ["::1", "http://[::1]:8000/healthz"],
  ["0.0.0.0", "http://127.0.0.1:8000/healthz"],
  ["example.com", "http://example.com:8000/healthz"],
])("a server that listens on %s is asked at %s", async (host, expected) => {
  const asked: string[] = [];
  await ask({
    host,
    fetch: async (url) => {
      asked.push(url);
      return new Response("ok\n");
    },
  });
  expect(asked).toEqual([expected]);
});
