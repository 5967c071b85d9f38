// The page of MCP Apps in a real browser, through the extension's own bridge of a host.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { resultPageText } from "../../../src/mcp/apps/page.ts";
import { type Browser, chromiumPath, type Page, startChromium } from "../../http/browser/chromium.ts";

if (chromiumPath === null)
  console.warn("SKIPPED: MCP Apps in a real browser: no chromium here (apt-get install chromium)");

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==";
const line = "[session session-1 (new) · success · 12 ms]";
const text = (content: string) => ({ type: "text", text: content });
const image = (mimeType: string) => ({ type: "image", data: png, mimeType });
const link = {
  type: "resource_link",
  uri: "sandbox://session-1/a.png",
  name: "a.png",
  mimeType: "image/png",
  size: 2048,
};

describe.skipIf(chromiumPath === null)("the page of a result in Chromium", () => {
  let browser: Browser;
  let pages: Bun.Server<undefined>;
  /** What was asked of this machine beside the host's page. */
  const strays: string[] = [];

  beforeAll(async () => {
    const build = await Bun.build({ entrypoints: [join(import.meta.dir, "host-page.ts")], target: "browser" });
    const script = await build.outputs[0]?.text();
    const html = (body: string) => new Response(body, { headers: { "content-type": "text/html" } });
    pages = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ url }) => {
        const { pathname } = new URL(url);
        if (pathname === "/host.js") return new Response(script, { headers: { "content-type": "text/javascript" } });
        if (pathname === "/result.html") return html(resultPageText());
        if (pathname === "/") return html('<!doctype html><body><script type="module" src="/host.js"></script>');
        if (pathname !== "/favicon.ico") strays.push(pathname);
        return new Response(null, { status: 404 });
      },
    });
    browser = await startChromium(chromiumPath ?? "", "MAP * 127.0.0.1");
  });
  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await pages.stop(true);
  });

  async function shown(
    result: object,
    isInspectable = true,
  ): Promise<Page & { inside(expression: string): Promise<string> }> {
    const page = await browser.open(`http://127.0.0.1:${pages.port}/`);
    await page.evaluate(`host.show(${JSON.stringify(JSON.stringify(result))}, ${isInspectable})`);
    return { ...page, inside: (expression) => page.evaluate(`(({ document }) => ${expression})(frames[0])`) };
  }

  test("shows output and pictures in their places, then the files and how it ended", async () => {
    const content = [text("before\n"), image("image/png"), text(`after\n${line}`), link];
    const page = await shown({ content, isError: false });
    expect(await page.inside("[...document.body.children].map((one) => one.tagName).join()")).toBe("PRE,IMG,PRE,P,UL");
    expect(await page.inside("document.querySelector('pre').textContent")).toBe("before\n");
    expect(await page.inside("document.querySelectorAll('pre')[1].textContent")).toBe("after\n");
    expect(await page.inside("document.querySelector('.status').textContent")).toBe(line);
    expect(await page.inside("document.querySelector('li').textContent")).toBe("a.png2.05 KBShowDownload");
    expect(
      await page.inside(
        "document.querySelector('img').decode().then(() => document.querySelector('img').naturalWidth)",
      ),
    ).toBe("1");
  });

  test("takes nothing that a program wrote for markup, and reaches no network", async () => {
    const at = `http://127.0.0.1:${pages.port}/stray`;
    const evil = `<img src="${at}1" onerror="fetch('${at}2')"><script>fetch('${at}3')</script>`;
    const table = `<table><tr><th>a</th></tr><tr><td onclick="x()"><img src="${at}4">1</td></tr></table>${evil}`;
    const page = await shown({
      content: [text(`${evil}\n${table}\n${line}`), { ...link, name: evil }, image("image/svg+xml")],
      structuredContent: { displays: [{ media_types: ["text/html"], shown_as: "text/html", offset: 0 }] },
    });
    expect(await page.inside("document.querySelector('pre').textContent")).toBe(`${evil}\n`);
    expect(await page.inside("document.querySelectorAll('img, script:not(head script)').length")).toBe("0");
    expect(await page.inside("document.querySelector('table').outerHTML")).toBe(
      "<table><tbody><tr><th>a</th></tr><tr><td>1</td></tr></tbody></table>",
    );
    expect(strays).toEqual([]);
  });

  test("has the host download a file, and shows a picture that the host reads for it", async () => {
    const page = await shown({ content: [text(line), link] });
    const click = (name: string) =>
      page.inside(`[...document.querySelectorAll('button')].find((one) => one.textContent === '${name}').click()`);
    await click("Download");
    await click("Show");
    const seen =
      "new Promise((seen) => { const look = () => document.querySelector('img') ? seen('shown') : setTimeout(look, 5); look(); })";
    expect(await page.inside(seen)).toBe("shown");
    expect(JSON.parse(await page.evaluate("JSON.stringify(host.asked)"))).toEqual([
      ["download", [{ type: "resource_link", uri: link.uri, name: link.name }]],
      ["read", link.uri],
    ]);
  });

  test("looks as its host does", async () => {
    const page = await shown({ content: [text(line)] });
    expect(await page.inside("getComputedStyle(document.documentElement).colorScheme")).toBe("dark");
    expect(await page.inside("getComputedStyle(document.body).color")).toBe("rgb(1, 2, 3)");
  });

  test("works in a frame that shares no origin with its host", async () => {
    const page = await shown({ content: [text(`hello\n${line}`)] }, false);
    expect(Number(await page.evaluate("host.height"))).toBeGreaterThan(0);
  });
});
