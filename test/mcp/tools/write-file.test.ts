// write_file as an agent has it.

import { describe, expect, test } from "bun:test";
import { serveOverFake } from "../../fakes/served.ts";
import { serveFiles, textOf } from "./with-files.ts";

test("makes the file and the folders above it, and says so", async () => {
  await using served = await serveFiles();
  const result = await served.tool("write_file", { path: "a/b/c.txt", content: "größer\n" });
  const { session_id } = served;
  expect(result).toEqual({
    content: [{ type: "text", text: `[session ${session_id} · /home/user/a/b/c.txt created · 9 bytes written]` }],
    isError: false,
    session_id,
    session_created: false,
    structuredContent: {
      session_id,
      session_created: false,
      path: "/home/user/a/b/c.txt",
      outcome: "created",
      written_bytes: 9,
      size_bytes: 9,
    },
  });
  expect(served.disk.text("a/b/c.txt")).toBe("größer\n");
});

test("without a session makes one and tells its id", async () => {
  await using served = await serveOverFake();
  const result = await served.call("write_file", { path: "a.js", content: "1", template: "node" });
  const [session] = served.sessions.list("local");
  expect(session?.template).toBe("node");
  expect(result).toMatchObject({ session_id: session?.sessionId, session_created: true });
  expect(textOf(result)).toStartWith(`[session ${session?.sessionId} (new) · /home/user/a.js created`);
  const contradicting = await served.call("write_file", {
    ...{ path: "a.js", content: "1", template: "python", session_id: session?.sessionId },
  });
  expect(textOf(contradicting)).toStartWith("Invalid arguments: ");
});

test("replaces what is there, and keeps its permissions; or adds to its end", async () => {
  await using served = await serveFiles();
  served.disk.put("run.sh", "old");
  served.disk.node("run.sh").permissions = 0o755;
  expect(textOf(await served.tool("write_file", { path: "run.sh", content: "new" }))).toContain("run.sh replaced · 3 ");
  expect(served.disk.node("run.sh").permissions).toBe(0o755);
  const appended = await served.tool("write_file", { path: "run.sh", content: "er", append: true });
  expect(textOf(appended)).toContain("run.sh appended · 2 bytes written · it has 5 now]");
  expect(served.disk.text("run.sh")).toBe("newer");
  const first = await served.tool("write_file", { path: "log", content: "a", append: true });
  expect(textOf(first)).toContain("log created · 1 byte written]");
});

describe("the content", () => {
  test("may be empty", async () => {
    await using served = await serveFiles();
    expect((await served.tool("write_file", { path: "empty", content: "" })).isError).toBe(false);
    expect(served.disk.text("empty")).toBe("");
  });

  test.each(["AAH/+g==", "AAH_-g", "AAH/\n+g==\n"])("may be bytes: %j", async (content_base64) => {
    await using served = await serveFiles();
    // Forms send what was left empty, too.
    await served.tool("write_file", { path: "a.bin", content: "", content_base64, session_template: undefined });
    expect(served.disk.node("a.bin")).toMatchObject({ bytes: new Uint8Array([0, 1, 255, 250]) });
  });

  test.each([
    [{}, 'neither content nor content_base64 is given; an empty file has the content "".'],
    [{ content: "a", content_base64: "YQ==" }, "content and content_base64 are both given; only one may be."],
    [{ content_base64: "a!b=" }, 'content_base64 is not base64: "!" is in it.'],
    [{ content_base64: "abcde" }, "content_base64 is not base64: its end is missing."],
    [{ content: "\ud800" }, "content has half a character in it"],
    [{ content: "漢".repeat(400_000) }, "content has 1200000 bytes; at most 1048576 are allowed. Upload it"],
    [{ content_base64: "A".repeat(1_600_000) }, "content_base64 has 1200000 bytes; at most 1048576 are allowed."],
  ])("%# that is not exactly one that fits is refused, and nothing is written or started", async (content, message) => {
    await using served = await serveOverFake();
    const result = await served.call("write_file", { path: "a.txt", ...content });
    expect(textOf(result)).toStartWith(`Invalid arguments: ${message}`);
    expect(served.host.booted).toEqual([]);
  });
});

test("a session that was started for a file that cannot be written is stopped again", async () => {
  await using served = await serveOverFake();
  const result = await served.call("write_file", { path: "/tmp", content: "a" });
  expect(result.isError).toBe(true);
  expect(served.host.booted).toHaveLength(1);
  expect(served.sessions.list("local")).toEqual([]);
});

test("a folder is not replaced", async () => {
  await using served = await serveFiles();
  const result = await served.tool("write_file", { path: "/tmp", content: "a" });
  expect(textOf(result)).toStartWith('File operation refused: "/tmp" is a folder.');
});
