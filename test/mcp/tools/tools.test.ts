// The tools as a real client sees them (CONTRACT.md sections 5 and 6).

import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { McpError } from "@modelcontextprotocol/sdk/types.js";
import { Failure } from "../../../src/failure.ts";
import { settle } from "../../fakes/fake-clock.ts";
import { serveOverFake } from "../../fakes/served.ts";
import { contentOf, executionsOf, running, textOf } from "./executions.ts";

async function errorOf(promise: Promise<unknown>): Promise<McpError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof McpError) return error;
  throw new Error(`expected an McpError, got ${String(error)}`);
}

type Reply = { readonly result: { readonly content: readonly object[]; readonly tools: readonly object[] } };

async function post(url: URL, message: object) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(message) });
  return (await response.json()) as Reply;
}

function bare(url: URL, params: object) {
  return post(url, { jsonrpc: "2.0", id: 1, method: "tools/call", params });
}

/** What the SDK puts before the server's own message. */
const messageOf = (error: McpError) => error.message.replace(/^MCP error -?\d+: /, "");

describe("the list", () => {
  test("has the twelve tools, each with a title, a description and annotations, within its budget", async () => {
    await using served = await serveOverFake();
    const { tools } = await served.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      "execute_code",
      "execute_command",
      "get_execution",
      "control_execution",
      "read_file",
      "write_file",
      "edit_file",
      "list_files",
      "transfer_file",
      "get_sessions",
      "stop_session",
      "get_volume_path",
    ]);
    for (const tool of tools) {
      expect(tool.title).toBeString();
      expect(tool.description).toBeString();
      expect(tool.annotations).toMatchObject({
        readOnlyHint: expect.any(Boolean),
        destructiveHint: expect.any(Boolean),
      });
    }
    // CONTRACT.md section 5.
    expect(JSON.stringify({ tools }).length / 4).toBeLessThan(3000);
  });

  test("has flat arguments with their limits", async () => {
    await using served = await serveOverFake();
    const { tools } = await served.client.listTools();
    const [code, command] = tools.map(({ inputSchema }) => inputSchema);
    expect(code).toMatchObject({
      required: ["code"],
      properties: {
        template: { enum: ["python", "node", "bash"], nullable: true },
        flavor: { enum: ["small", "medium", "large"], nullable: true },
        timeout: { type: "integer", minimum: 1, maximum: 86_400, nullable: true },
      },
    });
    expect(code?.properties?.code).not.toHaveProperty("nullable");
    expect(command).toMatchObject({ required: ["command"], properties: { timeout: { minimum: 1, maximum: 86_400 } } });
  });
});

describe("execute_code and execute_command", () => {
  test("give exactly the contract's result", async () => {
    await using served = await serveOverFake();
    const result = await served.call("execute_code", { code: "value 42" });
    const id = served.sessions.list("local")[0]?.sessionId;
    expect(result).toEqual({
      content: [{ type: "text", text: `42\n[session ${id} (new) · success · 0 ms · ends 60 s after its last use]` }],
      isError: false,
      session_id: id,
      session_created: true,
      execution_id: expect.stringMatching(/^execution-[a-z0-9-]{30}$/),
      structuredContent: {
        session_id: id,
        session_created: true,
        execution_id: result.execution_id,
        status: "ended",
        success: true,
        ended: "exited",
        stdout: "42\n",
        stderr: "",
        result: "42",
        exit_code: null,
        execution_time_ms: 0,
        template: "python",
        flavor: "small",
        expires_at: new Date(served.clock.now() + 60_000).toISOString(),
        stdout_truncated_bytes: 0,
        stderr_truncated_bytes: 0,
      },
    });
  });

  test("show standard output, then standard error, and nothing where there is none", async () => {
    await using served = await serveOverFake();
    const both = await served.call("execute_command", { command: "warn second\nprint first" });
    expect(both.content[0]).toMatchObject({ text: expect.stringMatching(/^first\nsecond\n\[session /) });
    const none = await served.call("execute_command", { command: "set x 1" });
    expect(none.content[0]).toMatchObject({ text: expect.stringMatching(/^\[session /) });
  });

  test("tell a program that failed as a result", async () => {
    await using served = await serveOverFake();
    const result = await served.call("execute_command", { command: "print before\nexit 3" });
    expect(result).toMatchObject({
      isError: true,
      structuredContent: { success: false, ended: "exited", exit_code: 3 },
    });
    expect(result.content).toMatchObject([{ text: expect.stringMatching(/^before\n\[session .* exit code 3 /) }]);
  });

  test("name the signal that ended a program, in the result and to the model", async () => {
    await using served = await serveOverFake();
    const shell = await served.call("execute_command", { command: "killed" });
    expect(shell.structuredContent).toMatchObject({ ended: "signaled", signal: "SIGSEGV", exit_code: 139 });
    expect(shell.content[0]).toMatchObject({ text: expect.stringContaining("killed by SIGSEGV") });
    const code = await served.call("execute_code", { code: "killed" });
    expect(code.structuredContent).toMatchObject({ ended: "interpreter_exited", signal: "SIGSEGV", exit_code: 139 });
    expect(code.content[0]).toMatchObject({ text: expect.stringContaining("the interpreter was killed by SIGSEGV") });
  });

  test("name the limit that ended a program, and its option", async () => {
    await using served = await serveOverFake();
    const told = async (command: string) => textOf(await served.call("execute_command", { command }));
    expect(await told("hog")).toContain(" · out of memory: more than the 1024 MB of flavor small (--flavor) · ");
    const flood = " · stopped: more than 64000 bytes of output (--max-kept-output-bytes) · ";
    expect(await told("flood 1000000\nforever")).toContain(flood);
  });

  test("say what the disk did not take, at their end and before", async () => {
    const blocked = join(tmpdir(), `msb-mcp-no-folder-${crypto.randomUUID()}`);
    // Where the folder should be, a file is.
    writeFileSync(blocked, "");
    try {
      await using served = await serveOverFake({ spoolFolder: blocked, limits: { maxKeptOutputBytes: 8_000_000 } });
      // Memory keeps 1 MiB, which is 16 pieces of the flood.
      const lost = "951424 bytes at the end of its output could not be kept, as the server's disk takes no more";
      const notice = `[${lost}: what this answer leaves out of it is lost]`;
      const ended = await served.call("execute_command", { command: "flood 2000000" });
      expect(contentOf(ended)).toMatchObject({ success: true, notices: [notice] });
      expect(textOf(ended)).toContain(`\n${notice}\n[session `);
      const answer = served.call("execute_command", { command: "flood 2000000\nforever", wait: 1 });
      await running(served);
      while (executionsOf(served).at(-1)?.missing === undefined) await settle();
      for (let turn = 0; turn < 40; turn++) await settle();
      await served.clock.advance(1000);
      expect(contentOf(await answer)).toMatchObject({ status: "running", notices: [notice] });
      const look = await served.call("get_execution", { execution_id: ended.execution_id });
      expect(textOf(look)).toContain(` · ${lost}]`);
    } finally {
      rmSync(blocked);
    }
  });

  test("say that the interpreter was restarted, in the result and to the model", async () => {
    await using served = await serveOverFake();
    const result = await served.call("execute_code", { code: "crash 5" });
    expect(result.structuredContent).toMatchObject({
      ended: "interpreter_exited",
      interpreter_restarted: true,
      exit_code: 5,
    });
    expect(result.content[0]).toMatchObject({ text: expect.stringContaining("interpreter restarted") });
  });

  test("report what a long boot is doing as progress", async () => {
    await using served = await serveOverFake();
    served.host.onBoot = (spec) => spec.onProgress?.("pulling the image: 40 of 100 MB");
    const told: (string | undefined)[] = [];
    const onprogress = ({ message }: { message?: string | undefined }) => void told.push(message);
    await served.client.callTool({ name: "execute_code", arguments: { code: "print 1" } }, undefined, { onprogress });
    expect(told[0]).toBe("pulling the image: 40 of 100 MB\n");
  });

  test("say nothing of a session's end while that is far, and say it when the server is about to stop", async () => {
    await using served = await serveOverFake({ limits: { sessionTimeoutMs: 1_800_000 } });
    const far = await served.call("execute_code", { code: "print 1" });
    expect(far.content[0]).toMatchObject({ text: expect.stringMatching(/ · success · 0 ms]$/) });
    served.host.script = async (_request, _sandbox, toy) => {
      void served.sessions.drain();
      return await toy();
    };
    const near = await served.call("execute_code", { code: "print 1" });
    expect(near.content[0]).toMatchObject({
      text: expect.stringContaining("the server is shutting down, and this session ends with it]"),
    });
  });

  test("tell what a backend has to say of a run, in the result and to the model", async () => {
    await using served = await serveOverFake();
    const notices = ["A connection to example.com was refused.", "A connection to example.org was refused."];
    served.host.script = async (_request, _sandbox, toy) => ({ ...(await toy()), notices });
    const result = await served.call("execute_code", { code: "print 1" });
    expect(result.structuredContent).toMatchObject({ notices });
    expect(result.content[0]).toMatchObject({
      text: expect.stringMatching(/^1\nA connection.*\nA connection.*\.\n\[session .*\]$/),
    });
    served.host.script = (_request, _sandbox, toy) => toy();
    expect((await served.call("execute_code", { code: "print 1" })).structuredContent).not.toHaveProperty("notices");
  });

  test("understand arguments that are wrapped in params, and a null as left out", async () => {
    await using served = await serveOverFake();
    const wrapped = await served.call("execute_code", {
      params: { code: "print hi", flavor: "medium", session_id: null },
    });
    expect(wrapped).toMatchObject({ isError: false, structuredContent: { stdout: "hi\n", flavor: "medium" } });
  });

  test("understand what forms and frameworks send: empty texts as left out, a number in quotes as a number", async () => {
    await using served = await serveOverFake();
    const form = { code: "forever", session_id: "", template: "", flavor: "", timeout: "2" };
    const running = served.call("execute_code", form);
    await untilRunning(served);
    await served.clock.advance(2000);
    const result = await running;
    expect(result.structuredContent).toMatchObject({ session_created: true, template: "python", flavor: "small" });
    expect(result.content[0]).toMatchObject({ text: expect.stringContaining("timed out after 2 s") });
    expect(await served.call("get_sessions", { session_id: "" })).toMatchObject({
      structuredContent: { sessions: [{ template: "python" }] },
    });
    for (const timeout of ["0", "two", "1.5", "-3", " "]) {
      const refused = await served.call("execute_code", { code: "print", timeout });
      expect(refused).toMatchObject({
        isError: true,
        structuredContent: { error: { error_code: "INVALID_ARGUMENTS" } },
      });
    }
    expect(await served.call("execute_code", { code: "" })).toMatchObject({ isError: false });
    const asText = (text: string) => bare(served.url, { name: "execute_code", arguments: text });
    expect(await asText('{"code":"print hi"}')).toMatchObject({ result: { structuredContent: { stdout: "hi\n" } } });
    for (const text of ["print hi", "[]", "7"]) {
      expect(await asText(text)).toMatchObject({ error: { data: { error_code: "INVALID_ARGUMENTS" } } });
    }
  });

  test("keep an answer within what clients take, whatever was printed, and count what is left out", async () => {
    const maxOutputBytes = 4_000_000;
    await using served = await serveOverFake({ limits: { maxOutputBytes, maxKeptOutputBytes: 2 * maxOutputBytes } });
    for (const character of ["x", "\u0001", "é", "😀", "\n"]) {
      const text = character.repeat(900_000 / Buffer.byteLength(character));
      served.host.script = async ({ onOutput }, _sandbox, toy) => {
        onOutput("stdout", Buffer.from(`begin\n${text}\nend\n`));
        onOutput("stderr", Buffer.from(text));
        return { ...(await toy()), result: text };
      };
      const result = await served.call("execute_code", { code: "set x 1" });
      expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(900_000);
      const { stdout, stderr, stdout_truncated_bytes, stderr_truncated_bytes } = result.structuredContent ?? {};
      expect(String(stdout)).toStartWith("begin\n");
      expect(String(stdout)).toEndWith("\nend\n");
      const note = `\n[… ${stdout_truncated_bytes} bytes left out …]\n`;
      expect(String(stdout)).toContain(note);
      const whole = Buffer.byteLength(text) + "begin\n\nend\n".length;
      expect(Buffer.byteLength(String(stdout)) - Buffer.byteLength(note) + Number(stdout_truncated_bytes)).toBe(whole);
      expect(String(stderr)).toContain(`${stderr_truncated_bytes} bytes left out`);
      expect(String(stdout)).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/);
    }
  });

  test("use the timeout that the call names, else the configured one", async () => {
    await using served = await serveOverFake();
    const named = served.call("execute_code", { code: "forever", timeout: 2 });
    await untilRunning(served);
    await served.clock.advance(2000);
    expect((await named).content[0]).toMatchObject({ text: expect.stringContaining("timed out after 2 s") });
    const unnamed = served.call("execute_code", { code: "forever" });
    await untilRunning(served);
    await served.clock.advance(20_000);
    expect((await unnamed).content[0]).toMatchObject({ text: expect.stringContaining("timed out after 20 s") });
  });
});

describe("arguments that do not fit", () => {
  const cases: readonly (readonly [string, string, Readonly<Record<string, unknown>>, readonly string[]])[] = [
    ["a missing one", "execute_code", {}, ["code is required", "a string"]],
    ["a wrong type", "execute_code", { code: 7 }, ["code is 7", "a string"]],
    ["an empty path", "read_file", { session_id: "x", path: "" }, ['path is ""', "a string that is not empty"]],
    ["a timeout of 0", "execute_code", { code: "", timeout: 0 }, ["timeout is 0", "from 1 to 86400"]],
    [
      "a timeout of 100000",
      "execute_command",
      { command: "", timeout: 100_000 },
      ["timeout is 100000", "from 1 to 86400"],
    ],
    ["a timeout of half a second", "execute_code", { code: "", timeout: 0.5 }, ["timeout is 0.5"]],
    ["a command with a NUL", "execute_command", { command: "print a\0b" }, ["a NUL character at position 7"]],
    ["an unknown template", "execute_code", { code: "", template: "cobol" }, ['"cobol"', '"python", "node"']],
    ["an unknown flavor", "execute_code", { code: "", flavor: "xxl" }, ['"xxl"', '"small", "medium", "large"']],
    ["an unknown argument", "execute_code", { code: "", sesion_id: "x" }, ["sesion_id", "session_id"]],
    ["a session id that is no string", "stop_session", { session_id: 1 }, ["session_id is 1"]],
  ];

  test.each(cases)("%s is named, with its value and what is allowed", async (_, name, args, parts) => {
    await using served = await serveOverFake({ toolErrors: "error" });
    const error = await errorOf(served.call(name, args));
    expect(error.code).toBe(-32602);
    expect(messageOf(error)).toStartWith("Invalid arguments: ");
    for (const part of parts) expect(error.message).toContain(part);
    expect(error.data).toMatchObject({ error_code: "INVALID_ARGUMENTS", category: "validation", severity: "low" });
    expect(served.host.requested).toEqual([]);
  });

  test("several wrong ones are told together", async () => {
    await using served = await serveOverFake({ toolErrors: "error" });
    const error = await errorOf(served.call("execute_code", { timeout: 0, flavor: "xxl" }));
    for (const part of ["code is required", "timeout is 0", '"xxl"']) expect(error.message).toContain(part);
  });

  test("an unknown tool is told with the known ones", async () => {
    await using served = await serveOverFake({ toolErrors: "error" });
    const error = await errorOf(served.call("execute_everything"));
    expect(error.code).toBe(-32602);
    expect(error.message).toContain("execute_everything");
    expect(error.message).toContain("execute_code, execute_command");
  });
});

describe("what is told to programs and to agents", () => {
  const dead = { name: "execute_code", arguments: { code: "print", session_id: "session-none" } };

  test("a program that speaks bare JSON-RPC gets the output alone in the first block, and failures as errors", async () => {
    await using served = await serveOverFake();
    const ran = await bare(served.url, { name: "execute_command", arguments: { command: "print 42" } });
    expect(ran.result.content).toMatchObject([{ text: "42\n" }, { text: expect.stringMatching(/^\[session /) }]);
    const silent = await bare(served.url, { name: "execute_command", arguments: { command: "set x 1" } });
    expect(silent.result.content[0]).toEqual({ type: "text", text: "" });
    expect(await bare(served.url, dead)).toMatchObject({ error: { data: { error_code: "SESSION_NOT_FOUND" } } });
  });

  test("an agent gets a failure as a result that its model reads", async () => {
    await using served = await serveOverFake();
    const result = await served.call(dead.name, dead.arguments);
    expect(result).toMatchObject({ isError: true, structuredContent: { error: { error_code: "SESSION_NOT_FOUND" } } });
    expect(result.content).toMatchObject([{ text: expect.stringMatching(/^Session not found: /) }]);
    const late = await served.call("execute_code", { code: "print", timeout: 100_000 });
    expect(late).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("from 1 to 86400") }] });
  });

  test("the operator's choice holds for both", async () => {
    await using errors = await serveOverFake({ toolErrors: "error" });
    expect((await errorOf(errors.call(dead.name, dead.arguments))).code).toBe(-32602);
    await using results = await serveOverFake({ toolErrors: "result" });
    expect(await bare(results.url, dead)).toMatchObject({ result: { isError: true } });
  });

  test("an unknown tool is an error for all", async () => {
    await using served = await serveOverFake();
    expect((await errorOf(served.call("execute_everything"))).code).toBe(-32602);
    expect(await bare(served.url, { name: "execute_everything" })).toMatchObject({ error: { code: -32602 } });
  });

  test("params and arguments that are null are left out", async () => {
    await using served = await serveOverFake();
    expect(await bare(served.url, { name: "get_sessions", arguments: null })).toMatchObject({
      result: { structuredContent: { sessions: [] } },
    });
    const listed = await post(served.url, { jsonrpc: "2.0", id: 1, method: "tools/list", params: null });
    expect(listed.result.tools).toHaveLength(12);
  });
});

describe("a call that could not be carried out", () => {
  test("is an error with the contract's data", async () => {
    await using served = await serveOverFake({ toolErrors: "error" });
    const { session_id } = (await served.call("execute_code", { code: "print" })) as { session_id?: string };
    await served.call("stop_session", { session_id });
    const error = await errorOf(served.call("execute_code", { code: "print", session_id }));
    expect(error.code).toBe(-32602);
    expect(messageOf(error)).toStartWith(`Session not found: ${session_id} was stopped`);
    expect(error.data).toEqual({
      error_code: "SESSION_NOT_FOUND",
      category: "session",
      severity: "low",
      recovery_suggestions: expect.any(Array),
      context: { session_id, reason: "stopped", at: expect.any(String) },
    });
  });

  test("is a result with isError where the operator wants that", async () => {
    await using served = await serveOverFake({ toolErrors: "result" });
    const result = await served.call("execute_code", { code: "", timeout: 0 });
    expect(result).toMatchObject({ isError: true, structuredContent: { error: { error_code: "INVALID_ARGUMENTS" } } });
    expect(result.content[0]).toMatchObject({ text: expect.stringContaining("timeout is 0") });
  });

  test("unexpectedly tells a request id that the log has too, and nothing internal", async () => {
    await using served = await serveOverFake({ toolErrors: "error" });
    served.host.failNextBoot(new Error("/home/operator/secret is broken"));
    const error = await errorOf(served.call("execute_code", { code: "print" }));
    expect(error.code).toBe(-32603);
    expect(error.message).not.toContain("secret");
    const requestId = /request id ([\w-]+)/.exec(error.message)?.[1];
    expect(requestId).toBeString();
    expect(served.events).toContainEqual({
      type: "request.failed",
      requestId: requestId ?? "",
      error: expect.any(Error),
    });
  });

  test.each([
    ["limit_reached", -32600, "RESOURCE_LIMIT_EXCEEDED", "Resource limit exceeded: "],
    ["configuration", -32603, "CONFIGURATION_ERROR", "Configuration error: "],
    ["sandbox_creation", -32603, "SANDBOX_CREATION_ERROR", "Sandbox creation failed: "],
    ["connection", -32603, "CONNECTION_ERROR", "Connection error: "],
    ["code_execution", -32603, "CODE_EXECUTION_ERROR", "Code execution failed: "],
    ["command_execution", -32603, "COMMAND_EXECUTION_ERROR", "Command execution failed: "],
  ] as const)("as %s has its row of the table", async (kind, code, errorCode, prefix) => {
    await using served = await serveOverFake({ toolErrors: "error" });
    served.host.failNextBoot(new Failure(kind, "it was told to."));
    const error = await errorOf(served.call("execute_code", { code: "print" }));
    expect(error.code).toBe(code);
    expect(messageOf(error)).toStartWith(`${prefix}it was told to.`);
    expect(error.data).toMatchObject({ error_code: errorCode });
  });
});

describe("get_sessions, stop_session and get_volume_path", () => {
  test("give their object as structured content, as JSON text, and with its fields on the result", async () => {
    const volumes = [{ hostPath: "/srv/data", guestPath: "/data", readOnly: true }];
    await using served = await serveOverFake({ volumes });
    const result = await served.call("get_volume_path");
    const object = { volume_mappings: [{ host_path: "/srv/data", container_path: "/data", read_only: true }] };
    expect(result).toEqual({
      ...object,
      content: [{ type: "text", text: JSON.stringify(object) }],
      isError: false,
      structuredContent: object,
    });
  });

  test("sessions are listed whole, one by its id, and none, with why, for an id that is not active", async () => {
    await using served = await serveOverFake();
    await served.call("execute_code", { code: "print" });
    const { structuredContent: second } = await served.call("execute_code", { code: "print", template: "node" });
    const all = await served.call("get_sessions");
    expect(all.structuredContent?.sessions).toHaveLength(2);
    const one = await served.call("get_sessions", { session_id: second?.session_id });
    expect(one.structuredContent).toEqual({
      sessions: [
        {
          session_id: second?.session_id,
          template: "node",
          flavor: "small",
          status: "ready",
          created_at: expect.any(String),
          last_accessed: expect.any(String),
          expires_at: expect.any(String),
          executions: 1,
          last_execution: {
            execution_id: second?.execution_id,
            kind: "code",
            source: "print",
            status: "ended",
            ended: "exited",
            started_at: expect.any(String),
            ended_at: expect.any(String),
            output_bytes: 1,
          },
        },
      ],
    });
    const id = String(second?.session_id);
    await served.call("stop_session", { session_id: id });
    const mistyped = `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`;
    for (const [session_id, reason, why] of [
      ["session-none", "unknown", "there is no session session-none: whole ids are"],
      [mistyped, "mistyped", `${mistyped} is mistyped: its check digits do not fit.`],
      [id, "stopped", `${id} was stopped`],
    ] as const) {
      const { structuredContent } = await served.call("get_sessions", { session_id });
      const message = expect.stringContaining(`No session is listed: ${why}`);
      expect(structuredContent).toMatchObject({ sessions: [], reason, message });
    }
    expect((await served.call("get_sessions")).structuredContent).not.toHaveProperty("reason");
  });

  test("stopping what is not active says why", async () => {
    await using served = await serveOverFake();
    const { structuredContent } = await served.call("execute_code", { code: "print" });
    const session_id = structuredContent?.session_id;
    expect((await served.call("stop_session", { session_id })).structuredContent).toEqual({
      success: true,
      session_id,
    });
    expect((await served.call("stop_session", { session_id })).structuredContent).toMatchObject({
      success: false,
      session_id,
      reason: "stopped",
      at: expect.any(String),
    });
    const unknown = await served.call("stop_session", { session_id: "session-none" });
    expect(unknown.structuredContent).toMatchObject({ success: false, reason: "unknown" });
  });
});

/** A run is on, and its time runs. */
async function untilRunning({ host }: Pick<Awaited<ReturnType<typeof serveOverFake>>, "host">): Promise<void> {
  while (!host.booted.some(({ running }) => running > 0)) await Bun.sleep(1);
}
