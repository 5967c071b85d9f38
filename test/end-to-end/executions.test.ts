// Runs that outlive their calls, as agents have them: real clients of each way to speak MCP, real programs in namespaces.

/** Sleeps of this process's own, by which its guests are found among all processes of the machine: another one may try the same. */
const nap = 4000 + (process.pid % 4000);

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Answer, Client } from "../clients/client.ts";
import { openCurl } from "../clients/curl.ts";
import { type ServerUnderTest, startServer, untilSleeping } from "../clients/server.ts";
import { openTypeScript1 } from "../clients/typescript-1.ts";
import { openTypeScript2 } from "../clients/typescript-2.ts";

type Arguments = Readonly<Record<string, unknown>>;
type Looked = Arguments & { readonly output: string; readonly next_offset: number; readonly status: string };

const agents: readonly (readonly [string, (server: ServerUnderTest) => Promise<Client>])[] = [
  ["a client of 2025 over HTTP", (server) => openTypeScript1(server, "http")],
  ["a client of 2026-07-28 over HTTP", (server) => openTypeScript2(server, "http", "pinned")],
  ["a client of 2025 on stdio", (server) => openTypeScript1(server, "stdio")],
  ["a client of 2026-07-28 on stdio", (server) => openTypeScript2(server, "stdio", "pinned")],
];

/** Numbers each of its lines, as a training does its steps. */
const steps = `
import time
for step in range(30):
    print(f"step {step}", flush=True)
    time.sleep(0.05)
`;

/** Asks as \`npm create\` does: a question, then a choice, then work. */
const wizard = `printf 'Project name: '; read -r name; printf 'Use TypeScript? (y/n) '; read -r answer; echo "$name, $answer"`;

describe.skipIf(Bun.which("bwrap") === null || Bun.which("curl") === null)("with bubblewrap and curl", () => {
  let server: ServerUnderTest;

  beforeAll(async () => {
    server = await startServer(["--execution-wait=1"]);
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  describe.each(agents)("%s", (_, open) => {
    let client: Client;

    beforeAll(async () => {
      client = await open(server);
    });

    afterAll(async () => {
      await client[Symbol.asyncDispose]();
    });

    test("is answered while its run goes on, and reads how it ended later", async () => {
      const { session_id } = (await run(client, { command: "true" })).structured;
      const left = await run(client, { command: "echo begun; sleep 2; echo done; exit 3", session_id });
      expect(left.structured).toMatchObject({ status: "running", stdout: "begun\n" });
      expect(left.text).toContain(`get_execution {"execution_id":"${left.structured.execution_id}","wait":50}`);
      const end = await look(client, left, { wait: 50 });
      expect(end).toMatchObject({ status: "ended", output: "begun\ndone\n", exit_code: 3, success: false });
    });

    test("reads what a long run prints, every line once and in order", async () => {
      const left = expectResult(await client.call("execute_code", { code: steps, wait: 0 }));
      let read = "";
      let offset = 0;
      for (let status = ""; status !== "ended"; ) {
        const seen = await look(client, left, { offset, wait: 10 });
        read += seen.output;
        offset = seen.next_offset;
        status = seen.status;
      }
      expect(read).toBe(Array.from({ length: 30 }, (_, step) => `step ${step}\n`).join(""));
    });

    test("answers what a program asks, one question after the other", async () => {
      const left = await run(client, { command: wizard, stdin: true, wait: 0 });
      expect(await look(client, left, { offset: 0, wait: 50 })).toMatchObject({ output: "Project name: " });
      const { execution_id } = left.structured;
      const asked = await look(client, left, { input: "demo\n" }, "control_execution");
      expect(asked).toMatchObject({ output: "Use TypeScript? (y/n) ", status: "running" });
      await client.call("control_execution", { execution_id, input: "y\n" });
      expect(await look(client, left, { tail: 1, wait: 50 })).toMatchObject({ status: "ended", success: true });
      expect((await look(client, left, {})).output).toEndWith("demo, y\n");
    });

    test("answers what code asks, and leaves no input to the next run", async () => {
      const code = 'name = input("name? ")\nprint(f"Hello, {name}")';
      const left = expectResult(await client.call("execute_code", { code, stdin: true, wait: 0 }));
      expect(await look(client, left, { offset: 0, wait: 50 })).toMatchObject({ output: "name? " });
      await client.call("control_execution", { execution_id: left.structured.execution_id, input: "Ada\nrest\n" });
      expect(await look(client, left, { wait: 50 })).toMatchObject({ status: "ended", output: "name? Hello, Ada\n" });
      const { session_id } = left.structured;
      const next = expectResult(await client.call("execute_code", { code: "input()", session_id }));
      expect(next.structured.stderr).toEndWith("EOFError: EOF when reading a line\n");
    });

    test("lets further code wait for code that goes on, says for which, and interrupts that without a loss of variables", async () => {
      const code = "import time\nx = 41\nprint('on', flush=True)\ntime.sleep(60)";
      const left = expectResult(await client.call("execute_code", { code, wait: 0 }));
      const { execution_id, session_id } = left.structured;
      expect(await look(client, left, { offset: 0, wait: 50 })).toMatchObject({ output: "on\n" });
      const queued = expectResult(await client.call("execute_code", { code: "x + 1", session_id, wait: 0 }));
      expect(queued.structured).toMatchObject({
        status: "queued",
        waits_for: `${execution_id}, whose code is still running`,
      });
      const ended = await look(client, left, { signal: "interrupt" }, "control_execution");
      expect(ended.output).toContain("KeyboardInterrupt");
      expect(await look(client, queued, { wait: 50 })).toMatchObject({ status: "ended", result: "42" });
    });

    test("has a server answer calls beside it, and ends it with all its processes", async () => {
      const left = await run(client, { command: `sleep ${nap}.25 & python3 -u -m http.server 8080`, wait: 0 });
      const { session_id } = left.structured;
      await look(client, left, { offset: 0, wait: 50 });
      const beside = await run(client, { command: "curl -s localhost:8080", session_id });
      expect(beside.structured).toMatchObject({ status: "ended", success: true });
      expect(beside.text).toContain("Directory listing");
      const code = expectResult(await client.call("execute_code", { code: "6 * 7", session_id }));
      expect(code.structured).toMatchObject({ status: "ended", result: "42" });
      await untilSleeping(`${nap}.25`, true);
      expect(await look(client, left, { signal: "terminate" }, "control_execution")).toMatchObject({
        ...{ status: "ended", signal: "SIGTERM" },
      });
      await untilSleeping(`${nap}.25`, false);
    });

    test("cancels a run by leaving its call, but not one that it was told goes on", async () => {
      const leaving = new AbortController();
      const canceled = client.call(
        "execute_command",
        { command: `sleep ${nap}.5`, wait: 60 },
        { signal: leaving.signal },
      );
      await untilSleeping(`${nap}.5`, true);
      leaving.abort();
      await canceled;
      await untilSleeping(`${nap}.5`, false);
      const staying = new AbortController();
      const going = { command: `sleep ${nap}.75`, wait: 0 };
      const left = expectResult(await client.call("execute_command", going, { signal: staying.signal }));
      await untilSleeping(`${nap}.75`, true);
      staying.abort();
      expect(await look(client, left, {})).toMatchObject({ status: "running" });
      await look(client, left, { signal: "kill" }, "control_execution");
      await untilSleeping(`${nap}.75`, false);
    });
  });

  test("a program that sends bare JSON-RPC waits to the end of its run, unless it names a wait", async () => {
    await using client = await openCurl(server, "bare");
    const ran = await run(client, { command: "echo begun; sleep 2; echo done" });
    expect(ran).toMatchObject({ text: "begun\ndone\n", structured: { status: "ended", success: true } });
    const { session_id } = ran.structured;
    const left = await run(client, { command: "echo begun; sleep 3", wait: 1, session_id });
    expect(left).toMatchObject({ text: "begun\n", structured: { status: "running" } });
  });

  test("one line of 40 MB of output is found, and read with what is around it, in an answer that clients take", async () => {
    await using client = await openTypeScript1(server, "http");
    const build = `yes 'compiling one module of many, with all of its options' | head -c 20000000
      echo; echo "error: undefined reference to 'foo'"; echo "1 warning" >&2
      yes 'compiling one module of many, with all of its options' | head -c 20000000`;
    const left = await run(client, { command: build, timeout: 120 });
    const end = await look(client, left, { wait: 50, tail: 1 });
    expect(end).toMatchObject({ status: "ended", stdout_bytes: 40_000_037, stderr_bytes: 10 });
    const found = await look(client, left, { stream: "stdout", search: "undefined reference", around: 1 });
    expect(found).toMatchObject({ matches: 1 });
    const [, number] = /^(\d+):error: undefined reference to 'foo'$/m.exec(found.output) ?? [];
    const at = { stream: "stdout", unit: "lines", offset: Number(number) - 1, limit: 1 };
    expect((await look(client, left, at)).output).toBe("error: undefined reference to 'foo'\n");
    expect((await look(client, left, { stream: "stderr" })).output).toBe("1 warning\n");
  }, 120_000);

  test("what a command's background processes print after its end is told by the next result, start-up errors too", async () => {
    await using client = await openTypeScript1(server, "http");
    const { structured } = await run(client, { command: "(sleep 0.5; echo cannot bind >&2) & echo started" });
    const { session_id, execution_id } = structured;
    await look(client, { structured }, { offset: 8, wait: 50 });
    const next = await run(client, { command: "sleep 1", session_id });
    const call = `{"execution_id":"${execution_id}","offset":8}`;
    expect(next.text).toContain(`[background output of an earlier run: 12 bytes, get_execution ${call}]`);
    expect(await look(client, { structured }, { offset: 8 })).toMatchObject({
      output: "cannot bind\n",
      stderr_bytes: 12,
    });
  });
});

type Result = Extract<Answer, { readonly kind: "result" }>;

async function run(client: Client, args: Arguments): Promise<Result> {
  return expectResult(await client.call("execute_command", args));
}

async function look(
  client: Client,
  { structured: { execution_id } }: Pick<Result, "structured">,
  args: Arguments,
  tool: "get_execution" | "control_execution" = "get_execution",
): Promise<Looked> {
  const { structured } = expectResult(await client.call(tool, { execution_id, ...args }));
  return structured as Looked;
}

function expectResult(answer: Answer): Result {
  if (answer.kind === "error") throw new Error(answer.message);
  return answer;
}
