// The commands of docs/file-tools.md, as a reader types them one after the other in one terminal.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { fencedBlock } from "./blocks.ts";
import { type Served, Shell } from "./shell.ts";

setDefaultTimeout(60_000);

type Answer = {
  readonly content: readonly { readonly text: string }[];
  readonly structuredContent: Readonly<Record<string, unknown>>;
};

describe.skipIf(Bun.which("bwrap") === null)("the guide to files in a conversation", () => {
  let shell: Shell;
  let server: Served;
  const opened = new AsyncDisposableStack();

  beforeAll(async () => {
    shell = opened.use(await Shell.open());
    server = opened.use(await shell.serve("exec msb-mcp"));
  });

  afterAll(async () => {
    await opened.disposeAsync();
  });

  test("writes, edits, runs and finds a file", async () => {
    const [edited, ran, listed] = await answersOf("file-tools-edit");
    expect(edited?.content[0]?.text).toContain("-x = 1\n+x = 41\n");
    expect(ran?.structuredContent).toMatchObject({ success: true, stdout: "41\n" });
    expect(listed?.content[0]?.text).toMatch(/^16\t\S+ \S+\tapp\/main\.py\n\[\/home\/user · 1 entry\]$/);
  });

  /** Of the calls whose answers a reader sees. */
  async function answersOf(name: string): Promise<readonly Answer[]> {
    const functions = await fencedBlock("docs/file-tools.md", "file-tools-functions");
    const host = new URL(server.url ?? "").host;
    const block = await fencedBlock("docs/file-tools.md", name);
    // Answers have no line end of their own.
    const text = `${functions.replace("localhost:8000", host)}\n${block}`.replace(/^( *-d .*)$/m, "$1; echo");
    const { status, stdout, stderr } = await shell.run(text);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).result);
  }
});
