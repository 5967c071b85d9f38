// read_file as an agent has it, and as a program does.

import { describe, expect, test } from "bun:test";
import { howToFetch } from "../../../src/mcp/tools/file-tool.ts";
import { bare, serveFiles, textOf } from "./with-files.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

/** A PNG says how large it is in its first bytes. */
function pngOf(width: number, height: number): Buffer {
  const bytes = Buffer.from(png);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}

describe("text", () => {
  test("is one block that ends with a line of what it is", async () => {
    await using served = await serveFiles();
    served.disk.put("a.txt", "one\ntwo\n");
    const result = await served.tool("read_file", { path: "a.txt" });
    expect(result).toEqual({
      content: [{ type: "text", text: "one\ntwo\n[/home/user/a.txt · all of 2 lines · 8 bytes]" }],
      isError: false,
    });
  });

  test("that is not shown to its end says where to go on, and to there it is told what it is", async () => {
    await using served = await serveFiles();
    const lines = Array.from({ length: 5000 }, (_, index) => `line ${index + 1}\n`);
    served.disk.put("/tmp/long.txt", lines.join(""));
    const path = "/tmp/long.txt";
    const first = textOf(await served.tool("read_file", { path }));
    const next = Number(/there is more: go on with offset (\d+) · 48893 bytes\]$/.exec(first)?.[1]);
    expect(first.startsWith("line 1\n")).toBe(true);
    expect(Buffer.byteLength(first)).toBeLessThan(33_000);
    const rest = textOf(await served.tool("read_file", { path, offset: next }));
    expect(rest).toStartWith(`line ${next}\n`);
    expect(rest).toEndWith(`line 5000\n[/tmp/long.txt · lines ${next} to 5000 of 5000 · 48893 bytes]`);
    const some = textOf(await served.tool("read_file", { path, offset: "100", limit: 2, line_numbers: "true" }));
    expect(some).toBe(
      "100\tline 100\n101\tline 101\n[/tmp/long.txt · lines 100 to 101 · there is more: go on with offset 102 · 48893 bytes]",
    );
    const last = textOf(await served.tool("read_file", { path, offset: -1 }));
    expect(last).toBe("line 5000\n[/tmp/long.txt · line 5000 of 5000 · 48893 bytes]");
    const behind = textOf(await served.tool("read_file", { path, offset: 5001 }));
    expect(behind).toBe("[/tmp/long.txt · line 5001 is behind the end: there are 5000 lines · 48893 bytes]");
  });

  test.each([
    ["", "[/home/user/a · empty · 0 bytes]"],
    ["a\r\nb", "a\r\nb\n[/home/user/a · all of 2 lines · 4 bytes · line breaks are CRLF · no line break at the end]"],
    ["\ufeffa\n", "a\n[/home/user/a · all of 1 line · 5 bytes · UTF-8 with BOM]"],
    [
      Buffer.from("größer\n", "latin1"),
      "größer\n[/home/user/a · all of 1 line · 7 bytes · not UTF-8, read as Windows-1252]",
    ],
  ])("of %j is told as %j", async (content, told) => {
    await using served = await serveFiles();
    served.disk.put("a", content);
    expect(textOf(await served.tool("read_file", { path: "a" }))).toBe(told);
  });

  test("for programs is a block of its own, with what it is as structured content", async () => {
    await using served = await serveFiles();
    served.disk.put("a.txt", "one\ntwo\nthree");
    const { session_id } = served;
    const { result } = await bare(served.url, "read_file", { session_id, path: "a.txt", offset: 2, limit: 1 });
    expect(result).toEqual({
      content: [
        { type: "text", text: "two\n" },
        { type: "text", text: "[/home/user/a.txt · line 2 · there is more: go on with offset 3 · 13 bytes]" },
      ],
      isError: false,
      structuredContent: {
        session_id,
        path: "/home/user/a.txt",
        kind: "text",
        size_bytes: 13,
        offset: 2,
        lines: 1,
        next_offset: 3,
        encoding: "utf-8",
      },
    });
  });
});

test("an agent gets structured content if the operator says always", async () => {
  await using served = await serveFiles({ structuredContent: "always" });
  served.disk.put("a.txt", "one\n");
  const result = await served.tool("read_file", { path: "a.txt" });
  expect(result.content).toEqual([{ type: "text", text: "one\n[/home/user/a.txt · all of 1 line · 4 bytes]" }]);
  expect(result.structuredContent).toMatchObject({ kind: "text", lines: 1, total_lines: 1 });
});

describe("a picture", () => {
  test("is one, with its type and sides, and without structured content, beside which hosts do not show it", async () => {
    await using served = await serveFiles();
    served.disk.put("chart.bin", png);
    const result = await served.tool("read_file", { path: "chart.bin" });
    expect(result.content).toEqual([
      { type: "image", data: png.toString("base64"), mimeType: "image/png" },
      { type: "text", text: `[/home/user/chart.bin · image/png, 1 x 1 · ${png.length} bytes]` },
    ]);
    expect(result.structuredContent).toBeUndefined();
  });

  test.each([
    ["that is cut off", png.subarray(0, -12), "it is damaged or not whole"],
    ["with a side of 3,000 pixels", pngOf(3000, 10), "a side is longer than 1568 pixels; make it smaller"],
    ["of 1 MB", Buffer.concat([png, Buffer.alloc(1_000_000)]), "larger than 525000 bytes; make it smaller"],
    ["without a pixel", pngOf(0, 10), "it is empty"],
  ])("%s is not shown, and it is told why and how to fetch it", async (_, bytes, why) => {
    await using served = await serveFiles();
    served.disk.put("a.png", bytes);
    const result = await served.tool("read_file", { path: "a.png" });
    expect(result.content).toHaveLength(1);
    expect(textOf(result)).toContain(`not shown: ${why}`);
    expect(textOf(result)).toMatch(/ · download: http:\S+\/files\/\S+\]$/);
  });
});

test("anything else is told with type, size and how to fetch it", async () => {
  await using served = await serveFiles();
  served.disk.put("a.xlsx", Buffer.from("PK\u0003\u0004\0\0\0\0"));
  expect(textOf(await served.tool("read_file", { path: "a.xlsx" }))).toMatch(
    /^\[\/home\/user\/a\.xlsx · binary, application\/vnd\.openxmlformats-officedocument\.spreadsheetml\.sheet · 8 bytes · not shown · download: /,
  );
});

test("what is not shown is downloaded by the URL that is told, and on stdio by the tool that is", async () => {
  await using served = await serveFiles();
  const bytes = Buffer.from("PK\u0003\u0004\0\0\0\0");
  served.disk.put("a.zip", bytes);
  const text = textOf(await served.tool("read_file", { path: "a.zip" }));
  const [, url = ""] = / · not shown · download: (http:\S+)\]$/.exec(text) ?? [];
  const response = await fetch(url.replace(/^http:\/\/[^/]+/, served.url.origin));
  expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
  expect(howToFetch("session-1", "/a", undefined)).toBe(
    'download: transfer_file {"session_id":"session-1","path":"/a","direction":"download"}',
  );
});

describe("what cannot be read is told as a result", () => {
  test.each([
    ["none.txt", 'File not found: There is no "none.txt" in the sandbox. list_files shows'],
    ["/tmp", "File operation refused: /tmp is a folder. list_files {"],
    ["fifo", 'File operation refused: "fifo" is a pipe, a socket or a device'],
    ["a\0b", "is not a path"],
  ])("%j: %s", async (path, message) => {
    await using served = await serveFiles();
    served.disk.put("fifo", { other: true });
    const result = await served.tool("read_file", { path });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain(message);
  });

  test("and to programs as an error", async () => {
    await using served = await serveFiles();
    const { error } = await bare(served.url, "read_file", { session_id: served.session_id, path: "none.txt" });
    expect(error).toMatchObject({ code: -32602, data: { error_code: "FILE_NOT_FOUND" } });
  });

  test("as is a session that is not there, or another principal's", async () => {
    await using served = await serveFiles();
    const result = await served.call("read_file", { session_id: `${served.session_id}x`, path: "a" });
    expect(textOf(result)).toStartWith("Session not found: ");
  });
});

test("a name that no line can show is told so that it can be given back", async () => {
  await using served = await serveFiles();
  served.disk.put("a\nb\udcff", "content\n");
  const listed = textOf(await served.tool("list_files", {}));
  expect(listed).toContain("\t$'a\\nb\\xff'\n");
  const read = textOf(await served.tool("read_file", { path: "$'a\\nb\\xff'" }));
  expect(read).toBe("content\n[$'/home/user/a\\nb\\xff' · all of 1 line · 8 bytes]");
  const missing = JSON.stringify(await served.tool("read_file", { path: "$'\\xfe'" }));
  expect(missing.isWellFormed()).toBe(true);
  expect(missing).not.toMatch(/(?<!\\)(?:\\\\)*\\ud/);
});

test("a file is read while a run is on", async () => {
  await using served = await serveFiles();
  served.disk.put("a.txt", "content\n");
  const begun = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  served.host.script = async (_request, _sandbox, toy) => {
    begun.resolve();
    await over.promise;
    return await toy();
  };
  const run = served.tool("execute_code", { code: "value 2" });
  await begun.promise;
  expect(textOf(await served.tool("read_file", { path: "a.txt" }))).toStartWith("content\n");
  over.resolve();
  expect((await run).isError).toBe(false);
});
