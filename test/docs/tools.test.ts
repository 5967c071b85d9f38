// docs/reference/tools.md tells what a server really answers: its examples are played, and every result is held against the fields told.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { toolAnswers } from "../../scripts/docs/results.ts";
import { Shell } from "./shell.ts";

setDefaultTimeout(60_000);

type Fields = Readonly<Record<string, unknown>>;

describe.skipIf(Bun.which("bwrap") === null)("of a server on the namespace backend", () => {
  let shell: Shell;
  let url = "";
  const opened = new AsyncDisposableStack();

  beforeAll(async () => {
    shell = opened.use(await Shell.open());
    const served = await shell.serve(`mkdir -p data; exec msb-mcp --shared-volume "$PWD/data:/data:ro"`);
    url = opened.use(served).url ?? "";
  });

  afterAll(async () => {
    await opened.disposeAsync();
  });

  test.each(["execute_code", "execute_command"])("the example of %s is answered so", async (name) => {
    const { example } = answerOf(name);
    const result = await call(name, example.arguments);
    expect(alike(result)).toEqual(alike(example.result));
    expect(mismatches(name, result)).toEqual([]);
    expect(mismatches(name, example.result)).toEqual([]);
  });

  test("the examples of a run that goes on, and of a look at its end, are answered so", async () => {
    const { session_id } = structured(await call("execute_command", { command: "true" }));
    const { running } = answerOf("execute_command");
    const left = await call("execute_command", { ...running?.example?.arguments, session_id });
    expect(alike(left)).toEqual(alike(running?.example?.result ?? {}));
    expect(mismatches("execute_command", left, running?.result)).toEqual([]);
    const { example } = answerOf("get_execution");
    const looked = await call("get_execution", { ...example.arguments, execution_id: left.execution_id });
    expect(alike(looked)).toEqual(alike(example.result));
    expect(mismatches("get_execution", looked)).toEqual([]);
  });

  test("the example of control_execution is answered so", async () => {
    const command = 'echo "Who are you?"; while read -r name; do echo "Hello, $name"; done';
    const left = await call("execute_command", { command, stdin: true, wait: 0 });
    expect(mismatches("execute_command", left, answerOf("execute_command").running?.result)).toEqual([]);
    const { execution_id } = left;
    await call("get_execution", { execution_id, offset: 0, wait: 50 });
    const { example } = answerOf("control_execution");
    const answered = await call("control_execution", { ...example.arguments, execution_id });
    expect(alike(answered)).toEqual(alike(example.result));
    expect(mismatches("control_execution", answered)).toEqual([]);
    const ended = await call("control_execution", { execution_id, signal: "kill" });
    expect(structured(ended)).toMatchObject({ status: "ended", signal: "SIGKILL" });
    expect(mismatches("control_execution", ended)).toEqual([]);
  });

  test("code that is left running, and what waits for it, are told as they are said to be", async () => {
    const on = await call("execute_code", { code: "import time; print('on', flush=True); time.sleep(60)", wait: 0 });
    const { session_id, execution_id } = structured(on);
    await call("get_execution", { execution_id, offset: 0, wait: 50 });
    const waits = await call("execute_code", { code: "1", session_id, wait: 0 });
    for (const result of [on, waits]) {
      expect(mismatches("execute_code", result, answerOf("execute_code").running?.result)).toEqual([]);
    }
    expect(structured(waits)).toMatchObject({ status: "queued", waits_for: expect.any(String) });
    const looked = await call("get_execution", { execution_id: waits.execution_id, search: "nothing" });
    expect(structured(looked)).toMatchObject({ status: "queued", matches: 0 });
    expect(mismatches("get_execution", looked)).toEqual([]);
    const sessions = await call("get_sessions", { session_id });
    expect(mismatches("get_sessions", sessions)).toEqual([]);
    await call("stop_session", { session_id });
  });

  test("the examples of the tools for files are answered so, one after the other", async () => {
    const fileTools = ["write_file", "read_file", "edit_file", "list_files"] as const;
    let session_id: unknown;
    for (const name of fileTools) {
      const { example } = answerOf(name);
      const result = await call(name, { ...example.arguments, session_id });
      expect(alike(result)).toEqual(alike(example.result));
      expect(mismatches(name, result)).toEqual([]);
      expect(mismatches(name, example.result)).toEqual([]);
      session_id ??= structured(result).session_id;
    }
    await call("write_file", { session_id, path: "a.bin", content_base64: "AAAA" });
    expect(mismatches("read_file", await call("read_file", { session_id, path: "a.bin" }))).toEqual([]);
    expect(mismatches("list_files", await call("list_files", { session_id, path: "/", depth: 2 }))).toEqual([]);
  });

  test("the example of get_sessions is answered so", async () => {
    await endAll();
    await call("execute_code", { code: "x = 41\nprint('hello')" });
    const result = await call("get_sessions", {});
    expect(alike(result)).toEqual(alike(answerOf("get_sessions").example.result));
    expect(mismatches("get_sessions", result)).toEqual([]);
  });

  test("the example of stop_session is answered so, and an active session has fewer fields", async () => {
    const { session_id } = structured(await call("execute_code", { code: "1" }));
    const stopped = await call("stop_session", { session_id });
    expect(structured(stopped)).toEqual({ success: true, session_id });
    expect(mismatches("stop_session", stopped)).toEqual([]);
    const again = await call("stop_session", { session_id });
    expect(alike(again)).toEqual(alike(answerOf("stop_session").example.result));
    expect(mismatches("stop_session", again)).toEqual([]);
  });

  test("the example of get_volume_path is answered so", async () => {
    const result = await call("get_volume_path", {});
    expect(mismatches("get_volume_path", result)).toEqual([]);
    expect(structured(result)).toEqual({
      volume_mappings: [{ host_path: `${shell.home}/data`, container_path: "/data", read_only: true }],
    });
    expect(mismatches("get_volume_path", answerOf("get_volume_path").example.result)).toEqual([]);
  });

  test("what is there only sometimes is told, too", async () => {
    const result = await call("execute_code", { code: "import os; os._exit(1)" });
    expect(structured(result)).toMatchObject({ ended: "interpreter_exited", interpreter_restarted: true });
    expect(mismatches("execute_code", result)).toEqual([]);
    const killed = await call("execute_command", { command: "kill -9 $$" });
    expect(structured(killed)).toMatchObject({ exit_code: 137, signal: "SIGKILL" });
    expect(mismatches("execute_command", killed)).toEqual([]);
    const { session_id, execution_id } = structured(killed);
    const begun = await call("execute_command", { session_id, command: "(sleep 0.5; echo late) & echo begun" });
    await call("get_execution", { execution_id: begun.execution_id, offset: 6, wait: 50 });
    const next = await call("execute_command", { session_id, command: "sleep 1" });
    expect(mismatches("execute_command", next)).toEqual([]);
    expect(structured(next)).toMatchObject({
      background_output: [{ execution_id: begun.execution_id, bytes: 5, offset: 6 }],
    });
    expect(execution_id).not.toBe(begun.execution_id);
  });

  async function call(name: string, args: Fields): Promise<Fields> {
    const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(message) });
    const { result } = (await response.json()) as { readonly result: Fields };
    return result;
  }

  async function endAll(): Promise<void> {
    const { sessions } = structured(await call("get_sessions", {})) as { readonly sessions: readonly Fields[] };
    for (const { session_id } of sessions) await call("stop_session", { session_id });
  }
});

function answerOf(name: string) {
  const answer = toolAnswers[name];
  if (answer === undefined) throw new Error(`${name} has no answer in scripts/docs/results.ts`);
  return answer;
}

function structured(result: Fields): Fields {
  return result.structuredContent as Fields;
}

function mismatches(name: string, result: Fields, told: TSchema = answerOf(name).result): readonly string[] {
  return [...Value.Errors(told, structured(result))].map(({ path, message }) => `${path}: ${message}`);
}

/** With ids, times and durations that differ from run to run made the same. */
function alike(result: Fields): unknown {
  const text = JSON.stringify(result)
    .replace(/session-[0-9a-z]{5}-[0-9a-z]{24}/g, "SESSION")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replace(/execution-[0-9a-z]{5}-[0-9a-z]{24}/g, "EXECUTION")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "TIME")
    .replace(/\d+\.\d s/g, "N s")
    .replace(/\d+ ms/g, "N ms")
    .replace(/"execution_time_ms":\d+/g, '"execution_time_ms":0')
    .replace(/\d+ (?:second|minute)s? ago/g, "a while ago");
  return JSON.parse(text);
}
