// list_files as an agent has it.

import { describe, expect, test } from "bun:test";
import { serveFiles, textOf } from "./with-files.ts";

async function project() {
  const served = await serveFiles();
  const { disk } = served;
  for (const path of ["src/a.ts", "src/deep/b.ts", "src/deep/c.py", ".env", "README.md", ".github/ci.yml"]) {
    disk.put(path, path);
  }
  disk.put("node_modules/left-pad/index.js", "");
  disk.put(".git/HEAD", "");
  disk.put("latest", { link: "src/a.ts" });
  disk.put("pipe", { other: true });
  return served;
}

/** The names alone. */
function namesIn(text: string): readonly string[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split("\t")[2] ?? "");
}

test("has nothing of a write that is not whole", async () => {
  await using served = await serveFiles();
  served.disk.put("whole.txt", "");
  served.disk.put(".msb-own.txt", "");
  served.disk.put(".msb-part-1-half.txt", "");
  served.disk.put(".msb-mcp-unpacking-1/a.txt", "");
  expect(namesIn(textOf(await served.tool("list_files", { depth: 2 })))).toEqual([".msb-own.txt", "whole.txt"]);
});

test("shows the home folder: sizes, times, names, folders, and where links lead", async () => {
  await using served = await project();
  const result = await served.tool("list_files", {});
  const day = "1970-01-01 00:00";
  expect(textOf(result)).toBe(
    [
      ...[`4\t${day}\t.env`, `-\t${day}\t.git/`, `-\t${day}\t.github/`, `9\t${day}\tREADME.md`],
      ...[`-\t${day}\tlatest -> src/a.ts`, `-\t${day}\tnode_modules/`],
      ...[`-\t${day}\tpipe (pipe, socket or device)`, `-\t${day}\tsrc/`],
      "[/home/user · 8 entries]",
    ].join("\n"),
  );
  expect(result.structuredContent).toMatchObject({
    session_id: served.session_id,
    path: "/home/user",
    left_out: 0,
    complete: true,
  });
  expect(result.structuredContent).toHaveProperty("entries.0", {
    ...{ path: ".env", kind: "file", size_bytes: 4, modified: "1970-01-01T00:00:00Z" },
  });
});

describe("what is below", () => {
  test("is shown as deep as is asked for, but for caches and packages, which is told", async () => {
    await using served = await project();
    const text = textOf(await served.tool("list_files", { depth: 3 }));
    expect(namesIn(text)).toEqual([
      ...[".env", ".git/", ".github/", ".github/ci.yml", "README.md", "latest -> src/a.ts", "node_modules/"],
      ...["pipe (pipe, socket or device)", "src/", "src/a.ts", "src/deep/", "src/deep/b.ts", "src/deep/c.py"],
    ]);
    expect(text).toEndWith("[/home/user · 13 entries · 2 folders of caches and packages not entered: name them]");
    const named = textOf(await served.tool("list_files", { path: "node_modules", depth: 3 }));
    expect(namesIn(named)).toEqual(["left-pad/", "left-pad/index.js"]);
  });

  test.each([
    [{ pattern: "*.ts" }, []],
    [{ pattern: "*.ts", depth: 5 }, ["src/a.ts", "src/deep/b.ts"]],
    [{ pattern: "src/**/*.{ts,py}" }, ["src/a.ts", "src/deep/b.ts", "src/deep/c.py"]],
    [{ pattern: "**/*.py", path: "src" }, ["deep/c.py"]],
    [{ pattern: "./src/*.ts" }, ["src/a.ts"]],
    [{ pattern: "*" }, ["README.md", "latest -> src/a.ts", "node_modules/", "pipe (pipe, socket or device)", "src/"]],
    [{ pattern: ".*" }, [".env", ".git/", ".github/"]],
    [{ pattern: ".github/*" }, [".github/ci.yml"]],
  ])("is found by a pattern: %j", async (args, names) => {
    await using served = await project();
    expect(namesIn(textOf(await served.tool("list_files", args)))).toEqual(names);
  });
});

test("a name that is not in the folder itself is told with the pattern that looks below it", async () => {
  await using served = await project();
  expect(textOf(await served.tool("list_files", { pattern: "*.ts" }))).toBe(
    "[/home/user · 0 entries · folders below not looked into: for that, the pattern is **/*.ts]",
  );
  expect(textOf(await served.tool("list_files", { pattern: "**/*.rs" }))).not.toContain("not looked into");
});

test("an answer has its bound, and says how many are left out", async () => {
  await using served = await serveFiles();
  for (let index = 0; index < 1500; index++) served.disk.put(`many/${index}`, "");
  const result = await served.tool("list_files", { path: "many" });
  const listed = namesIn(textOf(result)).length;
  expect(textOf(result)).toEndWith(
    `[/home/user/many · ${listed} entries · ${1500 - listed} more left out: name a pattern or a folder below]`,
  );
  expect(Buffer.byteLength(textOf(result))).toBeLessThan(33_000);
  expect(listed).toBeGreaterThan(300);
  expect(result.structuredContent).toMatchObject({ left_out: 1500 - listed, complete: false });
});

test("a folder that takes too long to look at is told as far as it was looked at", async () => {
  await using served = await project();
  const { files } = served.sandbox;
  const { walk } = files;
  files.walk = async function* (...args) {
    for await (const info of walk.apply(files, args)) {
      await served.clock.advance(6000);
      yield info;
    }
  };
  const result = await served.tool("list_files", {});
  expect(textOf(result)).toEndWith(
    "[/home/user · 3 entries · not all could be looked at in time: name a folder below]",
  );
  expect(result.structuredContent).toMatchObject({ left_out: 0, complete: false });
});

test("a file is told as itself, and what is not there as that", async () => {
  await using served = await project();
  expect(namesIn(textOf(await served.tool("list_files", { path: "README.md" })))).toEqual(["/home/user/README.md"]);
  expect(textOf(await served.tool("list_files", { path: "none" }))).toStartWith("File not found: ");
});
