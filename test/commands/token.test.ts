import { expect, test } from "bun:test";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { token } from "../../src/commands/token.ts";
import { firstToken } from "../../src/http/auth/first-token.ts";

async function ask(stateDir: string) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const status = await token({
    stateDir,
    write: (line) => printed.push(line),
    complain: (line) => complaints.push(line),
  });
  return { status, printed, complaints: complaints.join("\n") };
}

async function emptyFolder() {
  const path = await mkdtemp(join(tmpdir(), "msb-mcp-token-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test("the token that a first start made is printed alone", async () => {
  await using folder = await emptyFolder();
  const made = await firstToken(folder.path);
  expect(await ask(folder.path)).toEqual({ status: 0, printed: [made.token], complaints: "" });
});

test("where no start has made one, none is made, and it is told where it was looked for", async () => {
  await using folder = await emptyFolder();
  const { status, printed, complaints } = await ask(folder.path);
  expect({ status, printed }).toEqual({ status: 1, printed: [] });
  expect(complaints).toContain(folder.path);
  expect(await readdir(folder.path)).toEqual([]);
});

test.skipIf(process.platform === "win32")("one that others may read is refused, and not shown", async () => {
  await using folder = await emptyFolder();
  const made = await firstToken(folder.path);
  await chmod(made.path, 0o644);
  const { status, printed, complaints } = await ask(folder.path);
  expect({ status, printed }).toEqual({ status: 1, printed: [] });
  expect(complaints).toContain("0600");
  expect(complaints).not.toContain(made.token);
});
