// CORS as a page in a real browser meets it (CONTRACT.md section 7).

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Browser, chromiumPath, startChromium } from "./chromium.ts";
import { startEdge } from "./edge.ts";

if (chromiumPath === null) console.warn("SKIPPED: CORS in a real browser: no chromium here (apt-get install chromium)");

const token = "the-token-of-the-page-0123";

describe.skipIf(chromiumPath === null)("a page in Chromium", () => {
  let browser: Browser;
  let pages: Bun.Server<undefined>;
  const origin = (host: string) => `http://${host}:${pages.port}`;
  const pageOf = (host: string) => browser.open(`${origin(host)}/`);
  const greetFrom = async (host: string, url: string, ...rest: string[]) =>
    (await pageOf(host)).evaluate(`greet(${[url, ...rest].map((text) => JSON.stringify(text)).join()})`);
  const lookFrom = async (host: string, url: string, init: object) =>
    (await pageOf(host)).evaluate(`look(${JSON.stringify(url)}, ${JSON.stringify(init)})`);

  beforeAll(async () => {
    const build = await Bun.build({ entrypoints: [join(import.meta.dir, "page.ts")], target: "browser" });
    const script = await build.outputs[0]?.text();
    pages = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ url }) =>
        url.endsWith("/page.js")
          ? new Response(script ?? "", { headers: { "content-type": "text/javascript" } })
          : new Response('<!doctype html><script type="module" src="/page.js"></script>', {
              headers: { "content-type": "text/html" },
            }),
    });
    browser = await startChromium(chromiumPath ?? "", "MAP allowed.test 127.0.0.1, MAP evil.test 127.0.0.1");
  });
  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await pages.stop(true);
  });

  const greeted = expect.stringContaining('"text":"hello, page"');
  const failed = expect.stringMatching(/^failed: /);

  test("of an allowed origin connects with the SDK's browser build, calls a tool and ends its session", async () => {
    await using edge = await startEdge({ enableCors: true, allowedOrigins: [origin("allowed.test")] });
    expect(await greetFrom("allowed.test", edge.url)).toEqual(greeted);
  });

  test("of a loopback address is allowed without being listed", async () => {
    await using edge = await startEdge({ enableCors: true, allowedOrigins: [] });
    expect(await greetFrom("localhost", edge.url)).toEqual(greeted);
  });

  test("of a foreign origin cannot connect, and not even read that it was refused", async () => {
    await using edge = await startEdge({ enableCors: true, allowedOrigins: [origin("allowed.test")] });
    expect(await greetFrom("evil.test", edge.url)).toEqual(failed);
    expect(await lookFrom("evil.test", edge.url, { method: "POST", body: "{}" })).toBe("unreadable");
  });

  test("of a foreign origin runs nothing by a request that needs no preflight", async () => {
    const statuses: number[] = [];
    const emit = (event: { readonly type: string; readonly status?: number }) => void statuses.push(event.status ?? 0);
    await using edge = await startEdge({ enableCors: true, allowedOrigins: [origin("allowed.test")], emit });
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet"}}';
    await lookFrom("evil.test", edge.url, { method: "POST", mode: "no-cors", body });
    expect(statuses).toEqual([403]);
  });

  test("of an allowed origin connects with a token, whose preflight has none", async () => {
    await using edge = await startEdge({ enableCors: true, allowedOrigins: [origin("allowed.test")], token });
    expect(await greetFrom("allowed.test", edge.url, token)).toEqual(greeted);
  });

  test("of an allowed origin can read why it was refused, and the challenge", async () => {
    await using edge = await startEdge({ enableCors: true, allowedOrigins: [origin("allowed.test")], token });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    expect(await lookFrom("allowed.test", edge.url, init)).toBe('401 Bearer realm="msb-mcp"');
  });

  test("of an allowed origin cannot read anything where CORS is off", async () => {
    await using edge = await startEdge({ enableCors: false, allowedOrigins: [origin("allowed.test")] });
    expect(await greetFrom("allowed.test", edge.url)).toEqual(failed);
  });
});
