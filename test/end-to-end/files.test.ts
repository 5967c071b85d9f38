// Files as agents have them: real clients of each way to speak MCP, real sandboxes in namespaces.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Answer, Client } from "../clients/client.ts";
import { type ServerUnderTest, startServer } from "../clients/server.ts";
import { openTypeScript1 } from "../clients/typescript-1.ts";
import { openTypeScript2 } from "../clients/typescript-2.ts";

type Arguments = Readonly<Record<string, unknown>>;

const agents: readonly (readonly [string, (server: ServerUnderTest) => Promise<Client>])[] = [
  ["a client of 2025 over HTTP", (server) => openTypeScript1(server, "http")],
  ["a client of 2026-07-28 over HTTP", (server) => openTypeScript2(server, "http", "pinned")],
  ["a client of 2025 on stdio", (server) => openTypeScript1(server, "stdio")],
  ["a client of 2026-07-28 on stdio", (server) => openTypeScript2(server, "stdio", "pinned")],
];

describe.skipIf(Bun.which("bwrap") === null)("with bubblewrap", () => {
  let server: ServerUnderTest;

  beforeAll(async () => {
    server = await startServer();
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test.each(agents)("%s writes a script, runs, edits and reads it, and finds what it has made", async (_, open) => {
    await using client = await open(server);
    const script =
      'from pathlib import Path\nPath("out").mkdir()\nfor n in range(3):\n    Path(f"out/{n}.txt").write_text("x" * n)\n';
    const written = await call(client, "write_file", { path: "app/main.py", content: script });
    const { session_id } = written.structured;
    const run = { command: "python3 app/main.py", session_id };
    expect((await call(client, "execute_command", run)).structured).toMatchObject({ success: true });
    const edits = [
      { old: ".mkdir()", new: ".mkdir(exist_ok=True)" },
      { old: "range(3)", new: "range(300)" },
    ];
    const edited = await call(client, "edit_file", { session_id, path: "app/main.py", edits });
    expect(edited.text).toContain("+for n in range(300):\n");
    expect((await call(client, "execute_command", run)).structured).toMatchObject({ success: true });
    const listed = await call(client, "list_files", { session_id, path: "out", pattern: "29*.txt" });
    expect(listed.text).toMatch(/^29\t\S+ \S+\t29\.txt\n290\t.*\[\/home\/user\/out · 11 entries\]$/s);
    const read = await call(client, "read_file", { session_id, path: "app/main.py", offset: 3, limit: 1 });
    expect(read.text).toMatch(/^for n in range\(300\):\n\[\/home\/user\/app\/main\.py · line 3 · there is more: /);
  });

  describe("an agent", () => {
    let client: Client;
    let session_id: unknown;

    beforeAll(async () => {
      client = await openTypeScript1(server, "http");
      session_id = (await call(client, "execute_command", { command: "true" })).structured.session_id;
    });

    afterAll(async () => {
      await client[Symbol.asyncDispose]();
    });

    const run = async (command: string) =>
      await call(client, "execute_command", { command, session_id }).then(({ structured }) => {
        expect(structured).toMatchObject({ stderr: "" });
      });
    const read = (path: string, more: Arguments = {}) => call(client, "read_file", { session_id, path, ...more });

    test("reads the first and the last lines of a file of 2 GB", async () => {
      await run(
        "yes text | head -c 70000 > big.log; truncate -s 2G big.log; printf '\\nlast but one\\nlast\\n' >> big.log",
      );
      const tail = await read("big.log", { offset: -2 });
      expect(tail.text).toMatch(
        /^last but one\nlast\n\[\/home\/user\/big\.log · the last 2 lines · 2147483667 bytes · download: http\S+\]$/,
      );
      expect((await read("big.log", { limit: 2 })).text).toStartWith(
        "text\ntext\n[/home/user/big.log · lines 1 to 2 · ",
      );
      await run("rm big.log");
    });

    test("reads a line that is behind a million others", async () => {
      await run("yes 'a line of some length, as logs have them' | head -c 60000000 > lines.log; echo end >> lines.log");
      const deep = await read("lines.log", { offset: 1_200_000, limit: 1 });
      expect(deep.text).toMatch(/^a line of some length, as logs have them\n\[.* · line 1200000 · /);
      await run("rm lines.log");
    });

    test("reads while code runs, and sees what it writes", async () => {
      const code =
        'import time\nwith open("log", "w") as f:\n    print("step 1", file=f, flush=True)\n    time.sleep(3)';
      const left = await call(client, "execute_code", { code, session_id, wait: 1 });
      expect(left.structured).toMatchObject({ status: "running" });
      expect((await read("log")).text).toStartWith("step 1\n");
      const { execution_id } = left.structured;
      await call(client, "get_execution", { execution_id, wait: 50 });
    });

    test("follows links inside of the sandbox only", async () => {
      const secret = join(server.sharedDirectory, "..", `secret-${crypto.randomUUID()}`);
      await writeFile(secret, "of the host\n");
      await chmod(secret, 0o644);
      await symlink(secret, join(server.sharedDirectory, "leading-out"));
      await run(
        `ln -s ${secret} out; ln -s /proc/1/root${secret} root; ln -s ../../../../..${secret} up; ln -s /etc/passwd in`,
      );
      for (const path of ["out", "root", "up", "/shared/leading-out", secret, `/shared/../..${secret}`]) {
        const { text, isError } = await read(path);
        expect({ path, isError, text }).toMatchObject({
          isError: true,
          text: expect.not.stringContaining("of the host"),
        });
      }
      expect((await read("in")).isError).toBe(false);
      const edits = [{ old: "of", new: "no" }];
      expect((await call(client, "edit_file", { session_id, path: "out", edits })).isError).toBe(true);
      expect(await Bun.file(secret).text()).toBe("of the host\n");
      await Bun.file(secret).delete();
    });

    test("is told what cannot be read or written, and is not kept waiting for it", async () => {
      await run("mkfifo pipe; mkdir folder; printf x > closed; chmod 0 closed");
      expect((await read("pipe")).text).toContain("is a pipe, a socket or a device");
      expect((await read("/dev/zero")).text).toContain("is a pipe, a socket or a device");
      expect((await read("folder")).text).toContain("is a folder. list_files");
      expect((await call(client, "write_file", { session_id, path: "pipe", content: "x" })).isError).toBe(true);
      expect((await call(client, "write_file", { session_id, path: "/usr/x", content: "x" })).isError).toBe(true);
    });

    test("gives names back as they were shown", async () => {
      await run("printf 'content\\n' > \"$(printf 'a\\nb\\377')\"");
      const { text } = await call(client, "list_files", { session_id });
      expect(text).toContain("\t$'a\\nb\\xff'\n");
      expect((await read("$'a\\nb\\xff'")).text).toStartWith("content\n[$'/home/user/a\\nb\\xff' · ");
    });

    test("keeps the mode of a script that it edits", async () => {
      await call(client, "write_file", { session_id, path: "run.sh", content: "#!/bin/sh\necho one\n" });
      await run("chmod +x run.sh");
      await call(client, "edit_file", { session_id, path: "run.sh", edits: [{ old: "one", new: "two" }] });
      expect((await call(client, "execute_command", { session_id, command: "./run.sh" })).text).toStartWith("two\n");
    });
  });
});

type Result = Extract<Answer, { readonly kind: "result" }>;

async function call(client: Client, tool: string, args: Arguments): Promise<Result> {
  const answer = await client.call(tool, args);
  if (answer.kind === "error") throw new Error(answer.message);
  return answer;
}
