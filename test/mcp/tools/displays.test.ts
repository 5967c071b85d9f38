// What code shows beside its output, as clients get it: pictures as image blocks in their place, all else as text.

import { describe, expect, test } from "bun:test";
import type { Display } from "../../../src/sandbox/files.ts";
import { serveOverFake } from "../../fakes/served.ts";
import { samplePng } from "../../programs/sample.ts";
import { executionsOf, leave, type Served } from "./executions.ts";

const image = { type: "image" as const, data: samplePng, mimeType: "image/png" };
const line = expect.stringMatching(/^\[session .* success · \d+ ms.*\]$/);

/** As bare JSON-RPC. */
async function callBare(served: Served, code: string): Promise<unknown> {
  const message = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "execute_code", arguments: { code } },
  };
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(served.url, { method: "POST", headers, body: JSON.stringify(message) });
  return await response.json();
}

/** Runs what shows these and prints nothing. */
async function showing(served: Served, displays: readonly Display[]) {
  served.host.script = async (request, _sandbox, toy) => {
    for (const display of displays) request.onDisplay?.(display, 0);
    return await toy();
  };
  return await served.call("execute_code", { code: "None" });
}

function textsOf(content: readonly { readonly type: string; readonly text?: string }[]): readonly string[] {
  return content.flatMap(({ type, text }) => (type === "text" ? [text ?? ""] : []));
}

describe("a picture", () => {
  test("stands between the output before it and after it, and what was written to stderr stays behind", async () => {
    await using served = await serveOverFake();
    const code = "print one\nwarn oops\nshow-picture 0\nprint twó\nshow-picture 0\nshow-picture 0\nprint three";
    const { content, isError, ...rest } = await served.call("execute_code", { code });
    expect(content).toEqual([
      { type: "text", text: "one\n" },
      image,
      { type: "text", text: "twó\n" },
      image,
      image,
      { type: "text", text: expect.stringMatching(/^three\noops\n\[session .* success · \d+ ms.*\]$/) },
    ]);
    expect([isError, rest]).toEqual([
      false,
      { session_id: expect.any(String), session_created: true, execution_id: expect.any(String) },
    ]);
  });

  test("at the very beginning or end makes no empty text", async () => {
    await using served = await serveOverFake();
    const { content } = await served.call("execute_code", { code: "show-picture 0\nprint \nshow-picture 0" });
    expect(content).toEqual([image, image, { type: "text", text: line }]);
  });

  test("comes behind the output and the line for a program", async () => {
    await using served = await serveOverFake();
    const code = "print one\nshow-picture 0\nprint two\nwarn oops\nshow text/markdown **bold**";
    expect(await callBare(served, code)).toMatchObject({
      result: {
        content: [
          { type: "text", text: "one\ntwo\noops\n" },
          { type: "text", text: line },
          image,
          { type: "text", text: "**bold**" },
        ],
      },
    });
  });

  test("keeps its place where output is left out around it", async () => {
    await using served = await serveOverFake({ limits: { maxOutputBytes: 100 } });
    const code =
      "print begin\nshow-picture 0\nflood 1000\nshow image/jpeg middle\nflood 1000\nprint \nshow image/gif\nprint end";
    const { content } = await served.call("execute_code", { code });
    const [before, , gap, , after, , end] = content;
    expect(content.map(({ type }) => type)).toEqual(["text", "image", "text", "image", "text", "image", "text"]);
    expect(before).toEqual({ type: "text", text: "begin\n" });
    expect(gap).toMatchObject({ text: expect.stringMatching(/^x+\n\[… 19\d\d bytes left out; get_execution .*\]\n$/) });
    expect(after).toMatchObject({ text: expect.stringMatching(/^x+\n$/) });
    expect(end).toMatchObject({ text: expect.stringMatching(/^end\n\[session/) });
  });
});

describe("structured content", () => {
  const code = "print one\nshow-picture 0\nshow-saved /root/displays/figure-2.png too large";
  const displays = [
    { media_types: ["image/png"], shown_as: "image/png", width: 3, height: 2, offset: 4 },
    { media_types: [], path: "/root/displays/figure-2.png", note: "too large", offset: 4 },
  ];

  test("is left out of a result with a picture, and of no other", async () => {
    await using served = await serveOverFake();
    expect(await served.call("execute_code", { code })).not.toHaveProperty("structuredContent");
    const words = await served.call("execute_code", { code: "show text/markdown **bold**" });
    expect(words.structuredContent).toMatchObject({ displays: [{ media_types: ["text/markdown"], offset: 0 }] });
    expect(await served.call("execute_code", { code: "print 1" })).not.toHaveProperty("structuredContent.displays");
  });

  test("is always there if asked for, and tells what was shown without its content", async () => {
    await using served = await serveOverFake({ structuredContent: "always" });
    const { structuredContent } = await served.call("execute_code", { code });
    expect(structuredContent).toMatchObject({ stdout: "one\n", displays });
    expect(JSON.stringify(structuredContent)).not.toContain(samplePng);
  });

  test("is never there if asked for, of no tool and no failure, and the ids stay", async () => {
    await using served = await serveOverFake({ structuredContent: "never" });
    const ran = await served.call("execute_code", { code: "print 1" });
    expect(ran).toMatchObject({ session_id: expect.any(String) });
    const failed = await served.call("get_execution", { execution_id: "none" });
    expect(failed.isError).toBe(true);
    for (const result of [ran, failed, await served.call("get_sessions")]) {
      expect(result).not.toHaveProperty("structuredContent");
    }
  });
});

describe("of a display", () => {
  test("the best form is told, and a line tells what was done to it and where it is", async () => {
    await using served = await serveOverFake();
    const { content } = await showing(served, [
      { data: { "text/plain": "plain", "text/latex": "$x$", "text/markdown": "# best", "text/html": "<h1>" } },
      { data: { "text/plain": "a table", "text/html": "<table>" } },
      { data: { "text/plain": "<HTML object>", "text/html": "<b>bold</b>" } },
      { data: { "text/plain": "<Figure size 640x480>" }, path: "/root/displays/figure-9.png", note: "too\nlarge" },
      { data: { "image/png": samplePng, "text/plain": "<Figure>" }, note: "made smaller" },
      { data: {}, path: "/root/displays/plot.html" },
    ]);
    expect(content.map((block) => (block.type === "text" ? block.text : block.type))).toEqual([
      "# best\na table\n<b>bold</b>\n<Figure size 640x480>\n[display: too large; saved as /root/displays/figure-9.png]\n",
      "image",
      expect.stringMatching(/^\[picture: made smaller\]\n\[display: saved as \/root\/displays\/plot.html\]\n\[session/),
    ]);
  });

  test("a long text is cut, and what is left out is counted", async () => {
    await using served = await serveOverFake();
    const { content } = await showing(served, [{ data: { "text/plain": "x".repeat(40_000) } }]);
    const [text] = textsOf(content);
    const [, kept, left] = /^(x+)\n\[display: its last (\d+) characters left out\]\n\[session/.exec(text ?? "") ?? [];
    expect((kept?.length ?? 0) + Number(left)).toBe(40_000);
    expect(kept?.length).toBeLessThanOrEqual(32_768);
  });
});

describe("an answer has", () => {
  /** Base64 of a picture whose file is `bytes` long. */
  const picture = (bytes: number) =>
    Buffer.concat([Buffer.from(samplePng, "base64"), Buffer.alloc(bytes)]).toString("base64");

  test("eight pictures at most, and says where the others are", async () => {
    await using served = await serveOverFake();
    const displays = Array.from({ length: 50 }, (_, index) => ({
      data: { "image/png": picture(10) },
      path: `/root/displays/figure-${index + 1}.png`,
    }));
    const { content } = await showing(served, displays);
    expect(content.filter(({ type }) => type === "image")).toHaveLength(8);
    const told = textsOf(content).join("");
    for (const { path } of displays) expect(told).toContain(`saved as ${path}]`);
    expect(told.match(/not shown, because an answer has no more room for pictures/g)).toHaveLength(42);
  });

  test("700,000 bytes of pictures and 900,000 in all at most, whatever is printed and shown", async () => {
    for (const structuredContent of ["auto", "always"] as const) {
      const maxOutputBytes = 4_000_000;
      const limits = { maxOutputBytes, maxKeptOutputBytes: 2 * maxOutputBytes };
      await using served = await serveOverFake({ limits, structuredContent });
      const printed = `begin\n${"\u0001".repeat(900_000)}\nend\n`;
      served.host.script = async (request, _sandbox, toy) => {
        request.onOutput("stdout", Buffer.from(printed));
        request.onOutput("stderr", Buffer.from(printed));
        for (let number = 0; number < 10; number++) {
          request.onDisplay?.({ data: { "image/png": picture(100_000) }, path: `/root/${"\u0001".repeat(4000)}` }, 6);
          request.onDisplay?.({ data: { "text/plain": "\u0001".repeat(50_000) }, note: "\u0001".repeat(200) }, 6);
        }
        return { ...(await toy()), result: printed.slice(0, 65_536) };
      };
      const result = await served.call("execute_code", { code: "None" });
      expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(900_000);
      expect(result.content.filter(({ type }) => type === "image").length).toBeGreaterThan(0);
      expect(textsOf(result.content).at(0)).toBe("begin\n");
      expect(textsOf(result.content).at(-1)).toMatch(
        /\d+ displays more are not told: an answer has no more room for them\./,
      );
      const read = await served.call("get_execution", { execution_id: result.execution_id, limit: 4_000_000 });
      expect(Buffer.byteLength(JSON.stringify(read))).toBeLessThan(900_000);
    }
  });
});

describe("get_execution", () => {
  test("shows the pictures of the part that is read, each once to who reads on", async () => {
    await using served = await serveOverFake();
    const code = "print one\nshow-picture 0\nprint two\nshow image/gif second\nwarn three\nshow-picture 0";
    const { execution_id } = await served.call("execute_code", { code });
    const kinds = async (look: Readonly<Record<string, unknown>>) => {
      const { content } = await served.call("get_execution", { execution_id, ...look });
      return content.map((block) => (block.type === "text" ? block.text.replace(/\[.*/s, "") : block.type));
    };
    expect(await kinds({})).toEqual(["one\n", "image", "two\n", "image", "three\n", "image", ""]);
    expect(await kinds({ stream: "stdout" })).toEqual(["one\n", "image", "two\n", "image", "image", ""]);
    expect(await kinds({ stream: "stderr" })).toEqual(["three\n"]);
    expect(await kinds({ offset: 0, limit: 4 })).toEqual(["one\n"]);
    expect(await kinds({ offset: 4, limit: 6 })).toEqual(["image", "two\n", "image", "th\n"]);
    expect(await kinds({ offset: 10 })).toEqual(["ree\n", "image", ""]);
    expect(await kinds({ tail: 1 })).toEqual(["image", "three\n", "image", ""]);
    expect(await kinds({ search: "two", around: 0 })).toEqual(["2:two\n"]);
  });

  test("shows what a run that goes on has shown so far, and the answer that it goes on does too", async () => {
    await using served = await serveOverFake();
    const called = served.call("execute_code", { code: "print one\nshow-picture 0\nprint two\nforever", wait: 1 });
    while (executionsOf(served)[0]?.status !== "running") await served.clock.advance(0);
    await served.clock.advance(1000);
    const left = await called;
    expect(left.content).toEqual([
      { type: "text", text: "one\n" },
      image,
      { type: "text", text: expect.stringMatching(/^two\n\[session .* running after 1 s/) },
    ]);
    const { content } = await served.call("get_execution", { execution_id: left.execution_id });
    expect(content).toMatchObject([{ text: "one\n" }, image, { text: expect.stringContaining("two\n") }]);
    await served.call("control_execution", { execution_id: left.execution_id, signal: "kill" });
  });
});

test("a command shows nothing", async () => {
  await using served = await serveOverFake();
  const { content } = await leave(served, "show-picture 0");
  expect(content.map(({ type }) => type)).toEqual(["text"]);
});
