import { describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallContext } from "../../../src/mcp/tool-set.ts";
import { commandLine } from "../../../src/mcp/tools/transfer-command.ts";
import { transferFile } from "../../../src/mcp/tools/transfer-file.ts";
import { sessionsOverFake } from "../../fakes/sessions.ts";
import { namesIn, put, serveFiles, textOf } from "../../http/files/served.ts";

describe("over HTTP", () => {
  test("tells the URL, the curl line, the limit and the time, as text and as structured content", async () => {
    await using served = await serveFiles({ publicUrl: "https://sandbox.example.com/base", maxTransferBytes: 5000 });
    const { sessionId: session_id, call } = served;
    const args = { session_id, path: "out/my file.csv", direction: "upload" };
    const { content, structuredContent } = await call("transfer_file", args);
    const url = String(structuredContent?.url);
    expect(url).toStartWith("https://sandbox.example.com/base/files/");
    expect(structuredContent).toMatchObject({ method: "PUT", max_bytes: 5000, expires_at: "2026-11-23T13:00:00.000Z" });
    const text = `curl --fail-with-body -sS -T './my file.csv' ${url}\n\nPUT, at most 5000 bytes, until 2026-11-23T13:00:00.000Z or the session's end. Whoever has the URL may use it.`;
    expect(content).toEqual([{ type: "text", text }]);
  });

  test("a folder is downloaded as tar.gz unless another format is named; what does not fit is refused", async () => {
    await using served = await serveFiles();
    const { sessionId: session_id, call, files, host } = served;
    await put(files, "d/a.txt", "a");
    host.only().machine.disk.put("pipe", { other: true });
    const ask = (args: object) => call("transfer_file", { session_id, ...args });
    const down = await ask({ path: "d", direction: "download" });
    expect(down.structuredContent?.command).toStartWith("mkdir -p ./d && curl -fsS http");
    expect(down.structuredContent?.command).toEndWith(" | tar -xz -C ./d");
    const errors = [
      { path: "d", direction: "upload" },
      { path: "d/a.txt", direction: "download", format: "zip" },
      { path: "pipe", direction: "download" },
      { path: "pipe", direction: "upload" },
      { path: "nothing", direction: "download" },
      { path: "x", direction: "sideways" },
    ];
    const told = await Promise.all(errors.map(ask));
    const codes = [...new Array(4).fill("FILE_REFUSED"), "FILE_NOT_FOUND", "INVALID_ARGUMENTS"];
    expect(told).toMatchObject(codes.map((error_code) => ({ structuredContent: { error: { error_code } } })));
  });

  test("nothing is handed out for a session that is not there", async () => {
    await using served = await serveFiles();
    const args = { session_id: "session-none", path: "a", direction: "upload" };
    const { isError, structuredContent } = await served.call("transfer_file", args);
    expect([isError, structuredContent?.error]).toMatchObject([true, { error_code: "SESSION_NOT_FOUND" }]);
  });
});

test.each(["plain.txt", "a b", "it's", "$(touch x)`id`", "-o", "two\nlines", 'q"uote\\', "*", "~", "ünï", ".."])(
  "a shell takes the name %p in a command line for what it is",
  async (name) => {
    const url = "http://localhost:8000/files/abc.def";
    const transfer = { path: `dir/${name}`, format: undefined };
    const shown = name === ".." ? "files" : name;
    for (const direction of ["upload", "download"] as const) {
      const line = commandLine(url, { ...transfer, direction });
      // A curl that prints its arguments.
      const script = `curl() { for each; do printf '%s\\0' "$each"; done; }\n${line}`;
      const { stdout } = Bun.spawnSync(["sh", "-c", script]);
      const flags = direction === "upload" ? ["--fail-with-body", "-sS", "-T"] : ["-fsS", "-o"];
      expect(stdout.toString().split("\0")).toEqual([...flags, `./${shown}`, url, ""]);
    }
  },
);

describe("on stdio", () => {
  const never = new AbortController().signal;

  async function open(limits: { readonly maxBytes?: number } = {}) {
    await using stack = new AsyncDisposableStack();
    const scratch = await mkdtemp(join(tmpdir(), "msb-mcp-exchange-"));
    stack.defer(() => rm(scratch, { recursive: true, force: true }));
    const [dir, secret] = [join(scratch, "dir"), join(scratch, "secret")];
    await mkdir(join(dir, "sub"), { recursive: true });
    await Bun.write(secret, "secret");
    const fake = stack.use(sessionsOverFake());
    const { session } = await fake.run("x = 1", { principal: "local" });
    const { files } = fake.host.only();
    const { maxBytes = 1_000_000 } = limits;
    const { sessions, clock, events } = fake;
    const emit = (event: (typeof events)[number]) => void events.push(event);
    const toolOf = (dirs: readonly string[]) =>
      transferFile({ sessions, transfers: { kind: "folders", dirs, maxBytes, clock, emit }, toolErrors: "result" });
    const copyWith = async (dirs: readonly string[], direction: string, path: string, host_path: string) => {
      const context = { principal: "local", audience: "agent", signal: never, account: {} } as CallContext;
      const args = { session_id: session.sessionId, path, direction, host_path };
      const { isError, content, structuredContent } = {
        content: [],
        structuredContent: {},
        ...(await toolOf(dirs).call(args, context)),
      };
      return isError === true ? JSON.stringify([content, structuredContent]) : structuredContent;
    };
    const copy = (direction: string, path: string, host_path: string) => copyWith([dir], direction, path, host_path);
    const parts = stack.move();
    return { dir, secret, files, events, copy, copyWith, [Symbol.asyncDispose]: () => parts.disposeAsync() };
  }

  test("a file is copied in and out, by an absolute path and from the folder on", async () => {
    await using it = await open();
    await Bun.write(join(it.dir, "sub/in.csv"), "1,2\n".repeat(100_000));
    expect(await it.copy("upload", "data/in.csv", "sub/in.csv")).toMatchObject({ size_bytes: 400_000 });
    expect(await it.copy("download", "data/in.csv", join(it.dir, "out.csv"))).toMatchObject({ size_bytes: 400_000 });
    expect(await Bun.file(join(it.dir, "out.csv")).text()).toBe("1,2\n".repeat(100_000));
    expect(it.events.filter(({ type }) => type === "transfer.ended")).toMatchObject([
      { way: "folder", direction: "upload", bytes: 400_000, outcome: "whole" },
      { way: "folder", direction: "download", bytes: 400_000, outcome: "whole" },
    ]);
    expect((await readdir(it.dir)).sort()).toEqual(["out.csv", "sub"]);
  });

  test("no path and no link leads out of the folder, for reading or for writing", async () => {
    await using it = await open();
    await put(it.files, "a", "from the sandbox");
    await symlink(it.secret, join(it.dir, "link"));
    await symlink("..", join(it.dir, "up"));
    const outside = [
      it.secret,
      "../secret",
      "sub/../../secret",
      "/etc/passwd",
      "link",
      "up/secret",
      "sub",
      ".",
      "a\0b",
    ];
    for (const hostPath of outside) {
      expect([hostPath, await it.copy("upload", "b", hostPath)]).toEqual([
        hostPath,
        expect.stringContaining("error_code"),
      ]);
    }
    // The name of a link may be taken: by the file itself.
    for (const hostPath of outside.filter((path) => path !== "link")) {
      expect([hostPath, await it.copy("download", "a", hostPath)]).toEqual([
        hostPath,
        expect.stringContaining("error_code"),
      ]);
    }
    await it.copy("download", "a", "link");
    expect(await Bun.file(it.secret).text()).toBe("secret");
    expect(await namesIn(it.files, ".")).not.toContainEqual(expect.stringMatching(/\/b$/));
  });

  test("a folder that is swapped for a link while files are read never leads out", async () => {
    await using it = await open();
    const [sub, aside] = [join(it.dir, "sub"), join(it.dir, "aside")];
    const outside = join(it.dir, "../outside");
    await mkdir(outside);
    await Bun.write(join(outside, "file"), "secret");
    await Bun.write(join(sub, "file"), "allowed");
    let isOver = false;
    const swapping = (async () => {
      while (!isOver) {
        await rename(sub, aside);
        await symlink(outside, sub);
        await rm(sub);
        await rename(aside, sub);
      }
    })();
    for (let tries = 0; tries < 200; tries++) {
      const answer = await it.copy("upload", "b", "sub/file");
      if (typeof answer !== "string") expect(await textOf(it.files, "b")).toBe("allowed");
    }
    isOver = true;
    await swapping;
  });

  test("what is too large is refused before it is copied, and a server without folders says which option it lacks", async () => {
    await using it = await open({ maxBytes: 10 });
    await Bun.write(join(it.dir, "big"), "12345678901");
    expect(await it.copy("upload", "b", "big")).toContain("has 11 bytes; the most is 10");
    expect(await it.copyWith([], "upload", "b", "big")).toContain("--transfer-dir DIR");
  });
});
