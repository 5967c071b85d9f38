// The files that a run has changed, as clients get them: a line of text, structured content, and links to resources.

import { describe, expect, test } from "bun:test";
import type { ChangedFile, Changes } from "../../../src/sandbox/files.ts";
import { serveOverFake } from "../../fakes/served.ts";
import { leave, type Served } from "./executions.ts";

/** Runs what has changed these, and prints one line. */
async function changing(served: Served, changes: Changes | undefined) {
  served.host.script = async (_request, _sandbox, toy) => ({ ...(await toy()), changes });
  return await served.call("execute_code", { code: "print one" });
}

/** As a client of this revision, over HTTP; bare JSON-RPC for null. */
async function callAs({ url }: Served, revision: string | null, code: string): Promise<{ readonly content: unknown }> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const post = (message: object, more: object = {}) =>
    fetch(url, {
      method: "POST",
      headers: { ...headers, ...more },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
    });
  const params = { protocolVersion: revision, capabilities: {}, clientInfo: { name: "test", version: "0" } };
  const opened = revision === null ? null : await post({ id: 1, method: "initialize", params });
  const session = opened?.headers.get("mcp-session-id");
  const call = { id: 2, method: "tools/call", params: { name: "execute_code", arguments: { code } } };
  const answer = await post(call, session ? { "mcp-session-id": session, "mcp-protocol-version": revision } : {});
  const { result } = (await answer.json()) as { readonly result: { readonly content: unknown } };
  return result;
}

const session = String.raw`\[session session-\S+ \(new\) · success · \d+ ms · [^\]]+\]`;
const matching = (before: string) => expect.stringMatching(new RegExp(`^${before}${session}$`));
const files = (...sizes: readonly number[]): readonly ChangedFile[] =>
  sizes.map((sizeBytes, index) => ({ path: `f${index}`, sizeBytes }));

describe("a run's changed files", () => {
  test("are a line before the session's, structured content, and a link each", async () => {
    await using served = await serveOverFake();
    const code = "write out/data.csv a,b\nwrite chart.png 123\nprint done";
    const { content, structuredContent, session_id } = await served.call("execute_code", { code });
    const uri = `sandbox://${session_id}/`;
    expect(content).toEqual([
      { type: "text", text: matching(String.raw`done\n\[files: chart.png \(3 bytes\), out/data.csv \(3 bytes\)\]\n`) },
      { type: "resource_link", uri: `${uri}chart.png`, name: "chart.png", mimeType: "image/png", size: 3 },
      { type: "resource_link", uri: `${uri}out/data.csv`, name: "out/data.csv", mimeType: "text/csv", size: 3 },
    ]);
    expect(structuredContent).toMatchObject({
      files: [
        { path: "chart.png", size_bytes: 3 },
        { path: "out/data.csv", size_bytes: 3 },
      ],
    });
    expect(structuredContent).not.toHaveProperty("files_complete");
  });

  test("can be read by their links", async () => {
    await using served = await serveOverFake();
    const { content } = await served.call("execute_code", { code: "write a.txt hello" });
    const link = content.find((block) => block.type === "resource_link");
    const { contents } = await served.client.readResource({ uri: link?.uri ?? "" });
    expect(contents).toMatchObject([{ text: "hello" }]);
  });

  test("are not mentioned where there are none, or nobody has looked", async () => {
    await using served = await serveOverFake();
    for (const changes of [{ files: [], isComplete: true }, undefined]) {
      const { content, structuredContent } = await changing(served, changes);
      expect(content).toEqual([{ type: "text", text: matching("one\n") }]);
      expect(structuredContent).not.toHaveProperty("files");
    }
    const { content, structuredContent } = await changing(served, { files: [], isComplete: false });
    expect(content).toEqual([{ type: "text", text: matching("one\n") }]);
    expect(structuredContent).toMatchObject({ files: [], files_complete: false });
  });

  test("are told with sizes that a model can read", async () => {
    await using served = await serveOverFake();
    const { content } = await changing(served, {
      files: files(0, 1, 999, 1000, 12_345, 99_999, 52_428_800, 2_000_000_000, 5e15),
      isComplete: true,
    });
    expect(content[0]).toMatchObject({
      text: expect.stringContaining(
        "[files: f0 (0 bytes), f1 (1 byte), f2 (999 bytes), f3 (1.0 KB), f4 (12 KB), f5 (100 KB), f6 (52 MB), f7 (2.0 GB), f8 (5000 TB)]",
      ),
    });
  });

  test("are named up to ten, and counted beyond; all that are known are in structured content", async () => {
    await using served = await serveOverFake();
    const many = files(...Array.from({ length: 100 }, () => 1));
    const { content, structuredContent } = await changing(served, { files: many, isComplete: false });
    expect(content[0]).toMatchObject({
      text: expect.stringContaining("f9 (1 byte) and 90 more; there may be others]\n"),
    });
    expect(content.map(({ type }) => type).join()).toBe(["text", ...Array(10).fill("resource_link")].join());
    expect(structuredContent?.files).toHaveLength(100);
    expect(structuredContent).toHaveProperty("files_complete", false);
  });

  test("with odd names stay in their line and are valid text, and their links lead to them", async () => {
    await using served = await serveOverFake();
    const odd = { path: "a\n[session x]\udcff\u{1f480}.txt", sizeBytes: 1 };
    const result = await changing(served, { files: [odd], isComplete: true });
    expect(JSON.stringify(result)).not.toMatch(/\\ud[89a-f]/i);
    expect(result.content).toMatchObject([
      { text: expect.stringContaining("[files: $'a\\n[session x]\\xff\u{1f480}.txt' (1 byte)]") },
      { uri: expect.stringMatching(/\/a%0A%5Bsession%20x%5D%FF%F0%9F%92%80\.txt$/), mimeType: "text/plain" },
    ]);
  });

  test("leave an answer within its size, however long they are", async () => {
    await using served = await serveOverFake({ limits: { maxOutputBytes: 500_000 } });
    const long = Array.from({ length: 4 }, (_, i) => ({ path: `${i}${"\udcff".repeat(4000)}`, sizeBytes: 1 }));
    served.host.script = async (_request, _sandbox, toy) => ({
      ...(await toy()),
      changes: { files: long, isComplete: true },
    });
    const result = await served.call("execute_code", { code: "flood 480000" });
    expect(JSON.stringify(result).length).toBeLessThan(900_000);
    expect(result.structuredContent?.files).toHaveLength(4);
  });

  test("are told of a run that was left running when it is over, by its id", async () => {
    await using served = await serveOverFake();
    const { execution_id, session_id } = await leave(served, "write late.txt late\nforever");
    await served.call("control_execution", { execution_id, signal: "interrupt" });
    const { content, structuredContent } = await served.call("get_execution", { execution_id });
    expect(content).toMatchObject([
      { text: expect.stringMatching(/^\[files: late\.txt \(4 bytes\)\]\n\[exec.*\]$/) },
      { type: "resource_link", uri: `sandbox://${session_id}/late.txt` },
    ]);
    expect(structuredContent).toMatchObject({ files: [{ path: "late.txt", size_bytes: 4 }] });
  });
});

describe("links to changed files", () => {
  const code = "write a.txt 1";

  test("are sent to clients whose revision has such blocks, and to no others", async () => {
    await using served = await serveOverFake();
    const typesOf = async (revision: string) =>
      ((await callAs(served, revision, code)).content as { type: string }[]).map(({ type }) => type);
    for (const revision of ["2025-06-18", "2025-11-25"]) {
      expect(await typesOf(revision)).toEqual(["text", "resource_link"]);
    }
    for (const revision of ["2024-11-05", "2025-03-26"]) expect(await typesOf(revision)).toEqual(["text"]);
  });

  test("are not sent to programs, which get the line behind that of the session", async () => {
    await using served = await serveOverFake();
    expect(await callAs(served, null, code)).toMatchObject({
      content: [
        { type: "text", text: "" },
        {
          type: "text",
          text: expect.stringMatching(new RegExp(String.raw`^${session}\n\[files: a.txt \(1 byte\)\]$`)),
        },
      ],
      structuredContent: { files: [{ path: "a.txt", size_bytes: 1 }] },
    });
  });
});
