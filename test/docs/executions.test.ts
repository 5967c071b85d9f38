// The commands of docs/executions.md, as a reader types them one after the other in one terminal.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { fencedBlock } from "./blocks.ts";
import { type Served, Shell } from "./shell.ts";

setDefaultTimeout(60_000);

type Answer = {
  readonly content: readonly [{ readonly text: string }];
  readonly structuredContent: Readonly<Record<string, unknown>>;
};

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

  /** Of the calls whose answers a reader sees. */
  async function answersOf(name: string): Promise<readonly Answer[]> {
    const functions = await fencedBlock("docs/executions.md", "executions-functions");
    const host = new URL(server.url ?? "").host;
    const block = await fencedBlock("docs/executions.md", name);
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
