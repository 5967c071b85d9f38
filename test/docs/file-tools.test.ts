// The commands of docs/file-tools.md, as a reader types them one after the other in one terminal.

import { expect, setDefaultTimeout, test } from "bun:test";
import { guideAnswers } from "./guide-answers.ts";
import { Shell } from "./shell.ts";

setDefaultTimeout(60_000);

const blocks = { guide: "docs/file-tools.md", functions: "file-tools-functions", block: "file-tools-edit" };

test.skipIf(Bun.which("bwrap") === null)(
  "the guide to files in a conversation writes, edits, runs and finds a file",
  async () => {
    await using shell = await Shell.open();
    await using server = await shell.serve("exec msb-mcp");
    const [edited, ran, listed] = await guideAnswers(shell, server, blocks);
    expect(edited?.content[0]?.text).toContain("-x = 1\n+x = 41\n");
    expect(ran?.structuredContent).toMatchObject({ success: true, stdout: "41\n" });
    expect(listed?.content[0]?.text).toMatch(/^16\t\S+ \S+\tapp\/main\.py\n\[\/home\/user · 1 entry\]$/);
  },
);
