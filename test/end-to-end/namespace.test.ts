// What issue after issue promises of the whole: the server as it is shipped, real namespaces, real interpreters.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forkBomb } from "../programs/shell.ts";
import { eventually, leftovers, mounts } from "../sandbox/namespace/machine.ts";
import { problemsOf, seriesOf } from "../watch/exposition.ts";
import { startWhole } from "./server.ts";

const program = `
import asyncio
import os
import subprocess

class Counter:

    def __init__(self):

        self.count = 0

    def step(self):

        def add(n):

            return self.count + n

        self.count = add(1)
        return self.count

counter = Counter()
for _ in range(3):

    counter.step()

print("count", end="")
print(":", counter.count)
total = sum([
    1,
    2,
    3,
])

async def later():

    await asyncio.sleep(0.01)
    return total * 2

doubled = await later()
subprocess.run(["sh", "-c", "echo from a child; echo its error >&2"])
os.write(1, b"native\\n")
if doubled == 12:

    print("""three
lines
here""")
doubled
`;

describe.skipIf(Bun.which("bwrap") === null)("with bubblewrap", () => {
  let whole: Awaited<ReturnType<typeof startWhole>>;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "msb-mcp-shared-"));
    await writeFile(join(folder, "given.txt"), "from the host\n");
    const flags = ["--backend", "namespace", "--max-sessions", "30", "--shared-volume", `${folder}:/data:ro`];
    whole = await startWhole(flags);
  });

  afterAll(async () => {
    await whole[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test("a long program with all that line interpreters stumble over runs as it is, and its state outlives every bad end", async () => {
    const first = await whole.call("execute_code", { code: program });
    expect(first).toMatchObject({ success: true, result: "12", stderr: "its error\n" });
    expect(first.stdout).toBe("count: 3\nfrom a child\nnative\nthree\nlines\nhere\n12\n");
    const { session_id } = first;
    const run = (code: string, more = {}) => whole.call("execute_code", { session_id, code, ...more });

    expect(await run("print('no newline', end='')")).toMatchObject({ stdout: "no newline", success: true });
    const unclosed = await run("nothing = 'of this runs'\nprint('unclosed'");
    expect(unclosed).toMatchObject({ success: false, ended: "exited", stdout: "" });
    expect(unclosed.stderr).toContain("SyntaxError: '(' was never closed");
    const failed = await run("ok = 1\ndef f():\n    1/0\n\nf()\nok = 2");
    expect(failed.stderr).toContain("line 5, in <module>\n    f()\n");
    expect(failed.stderr).toEndWith("ZeroDivisionError: division by zero\n");
    expect(failed.stderr).not.toContain("python.py");
    expect(await run("import sys; sys.exit(3)")).toMatchObject({ success: false, ended: "exited", exit_code: 3 });
    expect((await run("input()")).stderr).toEndWith("EOFError: EOF when reading a line\n");
    const forever = await run("print('begun')\nwhile True: pass", { timeout: 2 });
    expect(forever).toMatchObject({ ended: "timed_out", stdout: "begun\n" });
    expect(forever.interpreter_restarted).toBeUndefined();
    expect(await run("counter.step(), total, ok, 'nothing' in globals()")).toMatchObject({
      result: "(4, 6, 1, False)",
    });
  });

  test("Node keeps its state the same way", async () => {
    const first = await whole.call("execute_code", { template: "node", code: "const x = await Promise.resolve(42);" });
    const { session_id } = first;
    const run = (code: string, more = {}) => whole.call("execute_code", { session_id, code, ...more });
    expect(await run("console.log('x =', x)")).toMatchObject({ stdout: "x = 42\n", result: null });
    expect(await run("while (true) {}", { timeout: 1 })).toMatchObject({ ended: "timed_out" });
    expect(await run("process.exit(3)")).toMatchObject({ ended: "exited", exit_code: 3 });
    expect((await run("throw new TypeError('no')")).stderr).toContain("TypeError: no");
    expect(await run("const x = 43; x")).toMatchObject({ stdout: "43\n", result: "43" });
  });

  test("twenty sessions at once answer 500 calls, each to its caller, and leave nothing when they are stopped", async () => {
    const mountsBefore = mounts();
    const ids = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const template = index % 2 === 0 ? "python" : "node";
        const { session_id } = await whole.call("execute_code", { template, code: `mine = ${index}` });
        return session_id;
      }),
    );
    const calls = ids.flatMap((session_id, index) =>
      Array.from({ length: 24 }, async (_, call) => {
        const { result } = await whole.call("execute_code", { session_id, code: `mine * 1000 + ${call}` });
        expect(result).toBe(`${index * 1000 + call}`);
      }),
    );
    expect(calls.length + ids.length).toBe(500);
    await Promise.all(calls);
    expect((await leftovers(ids)).length).toBeGreaterThan(0);
    // Those of earlier tests too: nothing of any session may be left.
    const { sessions } = (await whole.call("get_sessions")) as unknown as { sessions: { session_id: string }[] };
    expect(sessions.map(({ session_id }) => session_id)).toEqual(expect.arrayContaining(ids));
    await Promise.all(sessions.map(({ session_id }) => whole.call("stop_session", { session_id })));
    expect(await leftovers(ids)).toEqual([]);
    await eventually("no mount has come that stays", () => mounts().isSubsetOf(mountsBefore));
  }, 120_000);

  test("a shared folder can be read where the operator says, and not written", async () => {
    const { stdout, success } = await whole.call("execute_command", {
      command: "cat /data/given.txt; echo x > /data/new.txt",
    });
    expect([stdout, success]).toEqual(["from the host\n", false]);
    expect(await readdir(folder)).toEqual(["given.txt"]);
  });

  test.each([
    ["a fork bomb", forkBomb, "timed_out"],
    ["an endless loop", "while :; do :; done", "timed_out"],
    ["a memory hog", "tail /dev/zero", "out_of_memory"],
    ["an output flood", "yes", "output_limit"],
  ])(
    "%s ends as an outcome, while other sessions go on",
    async (_, command, ended) => {
      const hostile = whole.call("execute_command", { command, timeout: ended === "timed_out" ? 3 : 60 });
      expect(await whole.call("execute_code", { code: "6 * 7" })).toMatchObject({ result: "42" });
      expect(await hostile).toMatchObject({ ended, success: false });
    },
    30_000,
  );

  test("what ran is in the audit file and in the metrics, by the same numbers", async () => {
    const audit = join(folder, "audit.jsonl");
    await using audited = await startWhole(["--backend", "namespace", "--audit-file", audit]);
    const { session_id } = await audited.call("execute_code", { code: "print('once')" });
    await audited.call("execute_command", { session_id, command: "exit 3" });
    const text = await (await fetch(new URL("/metrics", audited.url))).text();
    expect(problemsOf(text)).toEqual([]);
    const executions = seriesOf(text).filter(({ name }) => name === "msb_mcp_executions_total");
    expect(executions.map(({ labels, value }) => [labels, value])).toEqual([
      ['{kind="code",ended="exited",success="true"}', 1],
      ['{kind="command",ended="exited",success="false"}', 1],
    ]);
    await audited[Symbol.asyncDispose]();
    const lines = (await Bun.file(audit).text()).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { session_id, principal: "local", kind: "code", ended: "exited", exit_code: null },
      { session_id, principal: "local", kind: "command", ended: "exited", exit_code: 3 },
    ]);
  });
});
