// The commands of docs/file-tools.md, as a reader types them one after the other in one terminal.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type GuideAnswer, guideAnswers } from "./guide-answers.ts";
import { type Served, Shell } from "./shell.ts";

setDefaultTimeout(60_000);

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

  function answersOf(block: string): Promise<readonly GuideAnswer[]> {
    return guideAnswers(shell, server, { guide: "docs/file-tools.md", functions: "file-tools-functions", block });
  }
});
