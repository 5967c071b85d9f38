// edit_file as an agent has it.

import { describe, expect, test } from "bun:test";
import { serveFiles, textOf } from "./with-files.ts";

test("makes the edits and shows them as a diff", async () => {
  await using served = await serveFiles();
  served.disk.put("a.py", "x = 1\ny = 2\nprint(x)\n");
  const edits = [
    { old: "x = 1", new: "x = 41" },
    { old: "print(x)\n", new: "print(x + 1)\n" },
  ];
  const result = await served.tool("edit_file", { path: "a.py", edits });
  const diff =
    "--- /home/user/a.py\n+++ /home/user/a.py\n@@ -1,3 +1,3 @@\n-x = 1\n+x = 41\n y = 2\n-print(x)\n+print(x + 1)\n";
  expect(result).toEqual({
    content: [{ type: "text", text: `${diff}[/home/user/a.py · 2 edits made · 26 bytes]` }],
    isError: false,
    structuredContent: {
      session_id: served.session_id,
      path: "/home/user/a.py",
      changed: true,
      edits: 2,
      diff,
      size_bytes: 26,
    },
  });
  expect(served.disk.text("a.py")).toBe("x = 41\ny = 2\nprint(x + 1)\n");
});

test("shows what it would do, and does nothing, if asked to", async () => {
  await using served = await serveFiles();
  served.disk.put("a.txt", "one\n");
  const result = await served.tool("edit_file", { path: "a.txt", edits: [{ old: "one", new: "two" }], dry_run: true });
  expect(textOf(result)).toEndWith("-one\n+two\n[/home/user/a.txt · unchanged: dry_run · 4 bytes]");
  expect(result.structuredContent).toMatchObject({ changed: false });
  expect(served.disk.text("a.txt")).toBe("one\n");
});

test("nothing is written if one of the edits cannot be made", async () => {
  await using served = await serveFiles();
  served.disk.put("a.txt", "one\ntwo\ntwo\n");
  const edits = [
    { old: "one", new: "1" },
    { old: "two", new: "2" },
  ];
  const result = await served.tool("edit_file", { path: "a.txt", edits });
  expect(result.isError).toBe(true);
  expect(textOf(result)).toBe(
    "Invalid arguments: edit 2 of 2: old matches 2 times, at lines 2, 3. Nothing was written. " +
      "Take in more of the lines around the right one, or set replace_all.",
  );
  expect(result.structuredContent).toMatchObject({ error: { context: { edit: 2, matches: 2, lines: [2, 3] } } });
  expect(served.disk.text("a.txt")).toBe("one\ntwo\ntwo\n");
});

test("keeps what is no part of an edit: permissions, byte order mark, CRLF, the missing line break at the end", async () => {
  await using served = await serveFiles();
  served.disk.put("a.sh", "\ufeffone\r\ntwo");
  served.disk.node("a.sh").permissions = 0o755;
  await served.tool("edit_file", { path: "a.sh", edits: [{ old: "one\n", new: "1\n1b\n" }] });
  expect(Buffer.from(served.disk.text("a.sh") ?? "").toString()).toBe("1\r\n1b\r\ntwo");
  expect(served.disk.node("a.sh")).toMatchObject({ permissions: 0o755 });
  const file = served.disk.node("a.sh");
  if (file.kind !== "file") throw new Error("it is no file");
  expect([...file.bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
});

describe("edits as clients really send them are taken for what they mean", () => {
  test.each([
    ["as JSON text", '[{"old": "one", "new": "two"}]'],
    ["as one object", { old: "one", new: "two" }],
    ["as JSON text of one object", '{"old": "one", "new": "two"}'],
  ])("%s", async (_, edits) => {
    await using served = await serveFiles();
    served.disk.put("a.txt", "one\n");
    expect((await served.tool("edit_file", { path: "a.txt", edits })).isError).toBe(false);
    expect(served.disk.text("a.txt")).toBe("two\n");
  });

  test.each([[[]], [[{ old: "one" }]], ["one"], [[{ old: "a", new: "b", extra: 1 }]]])(
    "but %j is refused with what is allowed",
    async (edits) => {
      await using served = await serveFiles();
      const result = await served.tool("edit_file", { path: "a.txt", edits });
      expect(textOf(result)).toContain(
        "and must be a list of 1 to 100 objects with the fields old, new, replace_all (optional).",
      );
    },
  );
});

test("calls that come together do not lose each other's edits", async () => {
  await using served = await serveFiles();
  const words = Array.from({ length: 20 }, (_, index) => `word${index}.`);
  served.disk.put("a.txt", `${words.join("\n")}\n`);
  const results = await Promise.all(
    words.map((word, index) => served.tool("edit_file", { path: "a.txt", edits: [{ old: word, new: `${index}` }] })),
  );
  expect(results.map(({ isError }) => isError)).toEqual(words.map(() => false));
  expect(served.disk.text("a.txt")).toBe(`${words.map((_, index) => index).join("\n")}\n`);
});

test("a file that something else changes meanwhile is left to it", async () => {
  await using served = await serveFiles();
  served.disk.put("a.txt", "one\n");
  const { write } = served.sandbox.files;
  served.sandbox.files.write = async (...args) => {
    served.disk.put("a.txt", "another\n");
    return await write.apply(served.sandbox.files, args);
  };
  const result = await served.tool("edit_file", { path: "a.txt", edits: [{ old: "one", new: "two" }] });
  expect(textOf(result)).toStartWith(
    "File operation refused: /home/user/a.txt was changed by something else while it was edited. Nothing was written.",
  );
  expect(served.disk.text("a.txt")).toBe("another\n");
});

test.each([
  ["large", Buffer.alloc(1_048_577, "a"), "has 1048577 bytes; at most 1048576 can be edited."],
  ["binary", Buffer.from([0xff, 0xfe, 0x41, 0]), "is not text in UTF-8."],
])("a file that is %s is not edited", async (_, content, message) => {
  await using served = await serveFiles();
  served.disk.put("a", content);
  const result = await served.tool("edit_file", { path: "a", edits: [{ old: "a", new: "b" }] });
  expect(textOf(result)).toStartWith(`File operation refused: /home/user/a ${message}`);
});
