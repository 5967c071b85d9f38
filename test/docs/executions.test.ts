// The commands of docs/executions.md, as a reader types them one after the other in one terminal.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type GuideAnswer, guideAnswers } from "./guide-answers.ts";
import { type Served, Shell } from "./shell.ts";

setDefaultTimeout(60_000);

describe.skipIf(Bun.which("bwrap") === null)("the guide to long runs", () => {
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

  test("starts a run without waiting for it, and waits for its end later", async () => {
    const [looked] = await answersOf("executions-look");
    expect(looked?.content[0].text).toMatch(/^step 1\nstep 2\nstep 3\n\[execution-\S+ · success after 3\.\d s · /);
  });

  test("has a server answer a call beside it, and ends it", async () => {
    const [listening, asked, ended] = await answersOf("executions-server");
    expect(listening?.structuredContent).toMatchObject({ status: "running" });
    expect(listening?.content[0].text).toContain("Serving HTTP on");
    expect(asked?.structuredContent).toMatchObject({ success: true });
    expect(asked?.content[0].text).toContain("Directory listing");
    expect(ended?.structuredContent).toMatchObject({ status: "ended", signal: "SIGTERM" });
  });

  test("answers what a program asks", async () => {
    const [asked, answered] = await answersOf("executions-prompt");
    expect(asked?.structuredContent).toMatchObject({ status: "running", output: "Your name? " });
    expect(answered?.content[0].text).toStartWith("Hello, Ada\n");
  });

  test("finds one line in output that is far larger than an answer", async () => {
    const [found, last] = await answersOf("executions-search");
    expect(found?.structuredContent).toMatchObject({
      output: "100000-100000\n100001:ERROR: the disk is full\n100002-1\n",
      matches: 1,
    });
    expect(last?.content[0].text).toStartWith("99998\n99999\n100000\n[");
  });

  function answersOf(block: string): Promise<readonly GuideAnswer[]> {
    return guideAnswers(shell, server, { guide: "docs/executions.md", functions: "executions-functions", block });
  }
});
