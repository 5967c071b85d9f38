// The compiled program with real microVMs, from outside: what is left, and what is told, when a microVM or the server is killed.

import { expect, test } from "bun:test";
import { machines } from "./host.ts";
import { patienceMs } from "./patience.ts";
import { sessionOf, start, stdoutOf } from "./server.ts";

const promise = (sentence: string, body: () => Promise<void>) => test(sentence, body, patienceMs);

promise("a microVM that is killed is a lost session, told as such to the call that finds it", async () => {
  await using server = await start({ flags: ["--flavor", "small=1:256"] });
  const session_id = sessionOf(await server.call("execute_code", { code: "x = 1" }));
  const [name] = (await machines()).filter((machine) => machine.includes(session_id));
  await Bun.$`pkill -KILL -f ${`sandbox.*${name}`}`.nothrow().quiet();
  const found = await server.call("execute_code", { code: "x", session_id });
  expect(found.error?.message).toContain("lost");
  expect((await server.call("execute_code", { code: "x", session_id })).error?.message).toMatch(/lost/);
});

promise("a session survives a server that is killed: the next one finds it, with its variables", async () => {
  const first = await start({ flags: ["--flavor", "small=1:256"] });
  const session_id = sessionOf(await first.call("execute_code", { code: "x = 42" }));
  await first.call("execute_command", { command: "echo kept >/root/note", session_id });
  await first.end("SIGKILL");
  await using next = await start({ stateDir: first.stateDir, flags: ["--flavor", "small=1:256"] });
  const found = await next.call("execute_code", { code: "x + 1", session_id });
  expect(stdoutOf(found)).toBe("43\n");
  expect(found.result?.structuredContent).toMatchObject({ session_created: false });
  expect(found.result?.structuredContent).not.toHaveProperty("interpreter_restarted");
  expect(stdoutOf(await next.call("execute_command", { command: "cat /root/note", session_id }))).toBe("kept\n");
  await next.call("stop_session", { session_id });
});

promise(
  "a command that was left running outlives a server that is killed, with its output from before and after",
  async () => {
    const first = await start({ flags: ["--flavor", "small=1:256"] });
    const command = "echo before; until [ -e /root/go ]; do sleep 1; done; echo after; exit 3";
    const left = await first.call("execute_command", { command, wait: 0 });
    const session_id = sessionOf(left);
    const { execution_id } = left.result?.structuredContent ?? {};
    const look = async (server: typeof first, more = {}) =>
      (await server.call("get_execution", { execution_id, ...more })).result?.structuredContent ?? {};
    while ((await look(first, { wait: 50 })).output !== "before\n");
    // What has come is written down soon after.
    while (!(await kept(first.stateDir)).includes("before\n")) await Bun.sleep(100);
    await first.end("SIGKILL");
    await using next = await start({ stateDir: first.stateDir, flags: ["--flavor", "small=1:256"] });
    expect(await look(next)).toMatchObject({ status: "running", output: "before\n" });
    await next.call("execute_command", { command: "touch /root/go", session_id });
    while ((await look(next, { wait: 50 })).status === "running");
    const ended = await look(next);
    expect(ended).toMatchObject({ status: "ended", exit_code: 3, output: "before\nafter\n" });
    expect(ended).not.toHaveProperty("notices");
    await next.call("stop_session", { session_id });
  },
);

promise(
  "with --keep-sessions, SIGTERM ends no session: variables are there for the next server, and a command goes on, as who waited for it is told",
  async () => {
    const flags = ["--flavor", "small=1:256", "--keep-sessions"];
    const first = await start({ flags });
    const session_id = sessionOf(await first.call("execute_code", { code: "x = 42" }));
    const command = "echo before; until [ -e /root/go ]; do sleep 1; done; echo after; exit 3";
    const waiting = first.call("execute_command", { command, session_id });
    while (JSON.stringify((await first.call("get_sessions", { session_id })).result).includes('"busy"') === false);
    // An emulated machine takes seconds to begin a command; one that has not begun by the stop is told as such.
    await Bun.sleep(10_000);
    expect(await first.end("SIGTERM")).toBe(0);
    const left = (await waiting).result?.structuredContent ?? {};
    expect(left).toMatchObject({ status: "running", session_id });
    await using next = await start({ stateDir: first.stateDir, flags });
    expect(stdoutOf(await next.call("execute_code", { code: "x + 1", session_id }))).toBe("43\n");
    await next.call("execute_command", { command: "touch /root/go", session_id });
    const { execution_id } = left;
    const look = async () =>
      (await next.call("get_execution", { execution_id, wait: 50 })).result?.structuredContent ?? {};
    let ended = await look();
    while (ended.status === "running") ended = await look();
    expect(ended).toMatchObject({ status: "ended", exit_code: 3, output: "before\nafter\n" });
    await next.call("stop_session", { session_id });
  },
);

/** All that executions have written, as it is on the disk: their records, in JSON, are beside that. */
async function kept(stateDir: string): Promise<string> {
  const files = await Array.fromAsync(new Bun.Glob("executions/**").scan({ cwd: stateDir, absolute: true }));
  const outputs = files.filter((path) => !path.includes(".json"));
  return (await Promise.all(outputs.map((path) => Bun.file(path).text()))).join("");
}

promise("an image without the interpreter is a clear error", async () => {
  await Bun.write(
    "/tmp/templates.toml",
    '[bare]\nlanguage = "python"\nimage = { archive = "/images/small.tar", reference = "small:latest" }\n',
  );
  await using other = await start({ flags: ["--templates", "/tmp/templates.toml", "--flavor", "small=1:256"] });
  const { error } = await other.call("execute_code", { code: "1", template: "bare" });
  expect(error?.message).toContain("small:latest has no program python3");
});

promise("SIGTERM leaves no microVM", async () => {
  const other = await start({ flags: ["--flavor", "small=1:256"] });
  const session_id = sessionOf(await other.call("execute_code", { code: "x = 1" }));
  expect(await other.end("SIGTERM")).toBe(0);
  expect((await machines()).filter((name) => name.includes(session_id))).toEqual([]);
});
