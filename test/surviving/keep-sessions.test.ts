// A server with --keep-sessions, from outside, over sandboxes that outlive it (the microvm adapter with machines of this one): SIGTERM, and the next one. In
// real microVMs: test/live/inside/kills.live.ts.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { KilledServer } from "../chaos/killed-server.ts";
import { debianProgram } from "../packages/debian.ts";
import { startKeeper } from "./keeper.ts";

setDefaultTimeout(120_000);

const main = join(import.meta.dir, "main.ts");
const bubblewrap = debianProgram("bwrap", "bubblewrap", "a stop that keeps sessions, from outside");

test.skipIf(bubblewrap === undefined)(
  "SIGTERM with --keep-sessions ends no session: the next server has variables, files and a command that goes on",
  async () => {
    await using keeper = startKeeper();
    const program = [process.execPath, "--no-env-file", main, keeper.url];
    await using server = new KilledServer(["--pool", "python:small=1"], ["--keep-sessions"], program);
    await server.start();
    const made = await server.run("x = 42");
    if (made.kind !== "ran") throw new Error(JSON.stringify(made));
    const { sessionId: session_id } = made;
    const command = "echo before; until [ -e go ]; do sleep 0.05; done; echo after; exit 3";
    const waiting = server.tool("execute_command", { command, session_id });
    // Its first words are there before the stop.
    const isBusy = async () => JSON.stringify(await server.tool("get_sessions", { session_id })).includes('"busy"');
    while (!(await isBusy()));
    expect(await server.stop()).toBe(0);
    const left = await waiting;
    expect(left).toMatchObject({ status: "running", session_id });
    // The one that was booted ahead has ended with the server.
    expect(keeper.names.filter((name) => !name.includes(session_id))).toEqual([]);

    await server.start();
    const found = await server.run("print(x + 1); open('go', 'w').close()", session_id);
    expect(found).toMatchObject({ kind: "ran", stdout: "43\n", created: false, restarted: false });
    const { execution_id } = left;
    let ended = await server.tool("get_execution", { execution_id, wait: 50 });
    while (ended.status === "running") ended = await server.tool("get_execution", { execution_id, wait: 50 });
    expect(ended).toMatchObject({ status: "ended", exit_code: 3, output: "before\nafter\n" });
    expect(await server.tool("stop_session", { session_id })).toMatchObject({ success: true });
  },
);

test.skipIf(bubblewrap === undefined)(
  "without --keep-sessions, SIGTERM ends the sessions, as with a backend that cannot keep them",
  async () => {
    await using keeper = startKeeper();
    const program = [process.execPath, "--no-env-file", main, keeper.url];
    await using server = new KilledServer([], [], program);
    await server.start();
    const made = await server.run("x = 42");
    expect(made.kind).toBe("ran");
    expect(await server.stop()).toBe(0);
    expect(keeper.names).toEqual([]);
  },
);
