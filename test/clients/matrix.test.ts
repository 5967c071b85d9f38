// The official MCP clients, unmodified, and curl, each over every way it can speak, against the server as it is.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { python as pythonPrograms } from "../programs/python.ts";
import { samplePng } from "../programs/sample.ts";
import type { Answer, Client, UnderTest } from "./client.ts";
import { openCurl } from "./curl.ts";
import { openDriven } from "./driven.ts";
import { type Foreign, prepareGo, preparePython } from "./foreign.ts";
import { inspectorMissing, openInspector } from "./inspector.ts";
import { type ServerUnderTest, startServer, untilSleeping } from "./server.ts";
import { openTypeScript1 } from "./typescript-1.ts";
import { openTypeScript2 } from "./typescript-2.ts";

type Way = {
  readonly name: string;
  /** What has to be agreed on; left out where the client does not tell, or there is nothing to agree on. */
  readonly revision?: string;
  readonly open: (server: UnderTest) => Promise<Client>;
  /** Why this client cannot be had here. */
  readonly missing: string | undefined;
};

/** For one test; most of it is the start of clients and interpreters on a busy machine. */
const patienceMs = 60_000;

const old = "2025-11-25";
const recent = "2026-07-28";

const noBubblewrap = Bun.which("bwrap") === null ? "there is no bwrap" : undefined;
const noCurl = Bun.which("curl") === null ? "there is no curl" : noBubblewrap;
const unprepared: Foreign = { argv: [], missing: "there is no bwrap" };
const [python, go, noInspector] =
  noBubblewrap === undefined
    ? await Promise.all([preparePython(), prepareGo(), inspectorMissing()])
    : [unprepared, unprepared, noBubblewrap];

/** Clients that keep a connection, show progress and can cancel. */
const ways: readonly Way[] = [
  typeScript1("http", old),
  typeScript1("stdio"),
  ...(["http", "stdio"] as const).flatMap((transport) => [
    typeScript2(transport, "default", old),
    typeScript2(transport, "auto", recent),
    typeScript2(transport, "pinned", recent),
    driven("Python SDK", python, transport, "legacy", old),
    driven("Python SDK", python, transport, "auto", recent),
    driven("Python SDK", python, transport, recent, recent),
    driven("Go SDK", go, transport, old, old),
    driven("Go SDK", go, transport, "auto", recent),
  ]),
  curl(old),
  curl(recent),
];

const bare: Way = { name: "curl, bare", open: (server) => openCurl(server, "bare"), missing: noCurl };
const inspector: Way = {
  name: "Inspector, http",
  open: (server) => openInspector(server, "http"),
  missing: noInspector,
};

const programs = [
  {
    language: "Python",
    template: "python",
    tool: "execute_code",
    sleep: (duration: string) => ({ code: `import subprocess\nsubprocess.run(["sleep", "${duration}"])` }),
  },
  {
    language: "Node",
    template: "node",
    tool: "execute_code",
    sleep: (duration: string) => ({
      code: `await new Promise((done) => require("node:child_process").spawn("sleep", ["${duration}"]).on("exit", done))`,
    }),
  },
  {
    language: "a shell",
    template: "python",
    tool: "execute_command",
    sleep: (duration: string) => ({ command: `sleep ${duration}; echo slept` }),
  },
] as const;

async function expectPicture(client: Client, session_id: unknown, way: Way): Promise<void> {
  const code = [pythonPrograms.print("before"), pythonPrograms.showPicture(0), pythonPrograms.print("after")].join(
    "\n",
  );
  const line = expect.stringContaining(`[session ${session_id}`);
  const picture = `image/png ${samplePng}`;
  expect(await client.call("execute_code", { code, session_id })).toMatchObject({
    isError: false,
    blocks:
      way === bare
        ? ["before\nafter\n", line, picture]
        : ["before\n", picture, expect.stringMatching(/^after\n\[session /)],
  });
}

let server: ServerUnderTest;
let sleeps = 0;

beforeAll(async () => {
  if (noBubblewrap === undefined) server = await startServer();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** Starting a client takes most of a test's time, and one is good for all of them. */
describe.each(titled([...ways, bare, inspector]))("%s", (_, way) => {
  let client: Client;
  beforeAll(async () => {
    if (way.missing === undefined) client = await way.open(server);
  });
  afterAll(() => client?.[Symbol.asyncDispose]());

  whereItCanBeHad(way)(
    "calls each tool, and reads each kind of answer",
    async () => {
      if (way.revision !== undefined) expect(client.revision).toBe(way.revision);
      expect([...(await client.toolNames())].sort()).toEqual([
        "control_execution",
        "edit_file",
        "execute_code",
        "execute_command",
        "get_execution",
        "get_sessions",
        "get_volume_path",
        "list_files",
        "read_file",
        "stop_session",
        "transfer_file",
        "write_file",
      ]);
      const session_id = sessionOf(await client.call("execute_code", { code: "x = 42" }));
      expect(await client.call("execute_code", { code: "print(x)", session_id })).toMatchObject({
        kind: "result",
        text: told(way, "42\n"),
        isError: false,
        structured: { session_id, session_created: false, stdout: "42\n" },
      });
      // Each call of the Inspector's is a process of its own, which takes seconds to start.
      if (way !== inspector) await expectPicture(client, session_id, way);
      expect(await client.call("execute_code", { code: "1 / 0", session_id })).toMatchObject({
        kind: "result",
        text: expect.stringMatching(/^Traceback .*ZeroDivisionError: division by zero\n(?:\[session .*)?$/s),
        isError: true,
        structured: { success: false },
      });
      expect(await client.call("execute_command", { command: "echo 'a b' | tr a-z A-Z", session_id })).toMatchObject({
        kind: "result",
        text: told(way, "A B\n"),
        isError: false,
        structured: { session_id, exit_code: 0 },
      });
      // With a link to the file behind its text, which no client may stumble over.
      expect(await client.call("execute_command", { command: "echo hello > note.txt", session_id })).toMatchObject({
        kind: "result",
        isError: false,
        structured: { files: [{ path: "note.txt", size_bytes: 6 }] },
      });
      expect(await client.call("get_sessions", { session_id })).toMatchObject({
        structured: { sessions: [{ session_id, template: "python", flavor: "small", status: "ready" }] },
      });
      expect(await client.call("get_volume_path", {})).toMatchObject({
        structured: {
          volume_mappings: [{ host_path: server.sharedDirectory, container_path: "/shared", read_only: false }],
        },
      });
      expect(await client.call("stop_session", { session_id })).toMatchObject({
        kind: "result",
        isError: false,
        structured: { success: true, session_id },
      });
      const refused = await client.call("execute_code", { code: "print(x)", session_id });
      // Programs get an error, agents what their model reads.
      const said = expect.stringMatching(/^(?:MCP error -32602: )?Session not found: .* stopped/);
      expect(refused).toMatchObject(
        way === bare ? { kind: "error", code: -32602, message: said } : { kind: "result", isError: true, text: said },
      );
    },
    patienceMs,
  );

  // Those that show progress.
  if (ways.includes(way)) {
    whereItCanBeHad(way)(
      "gets output while the program still runs",
      async () => {
        const happened: string[] = [];
        const code = 'import time\nprint("begun", flush=True)\ntime.sleep(0.4)\nprint("ended")';
        const answer = await client.call("execute_code", { code }, { onProgress: (message) => happened.push(message) });
        // What has only the beginning in it was sent before the end.
        expect(happened[0]).toBe("begun\n");
        expect(answer).toMatchObject({ text: told(way, "begun\nended\n"), isError: false });
        await client.call("stop_session", { session_id: sessionOf(answer) });
      },
      patienceMs,
    );
  }

  if (way === inspector) return;
  whereItCanBeHad(way).each(programs)(
    "ends a sleep in $language by cancelling, and the session goes on with its variables",
    async ({ template, tool, sleep }) => {
      const session_id = sessionOf(await client.call("execute_code", { code: assign[template], template }));
      sleeps += 1;
      const duration = `600.${process.pid}${sleeps}`;
      const leaving = new AbortController();
      const cancelled = client.call(tool, { ...sleep(duration), session_id }, { signal: leaving.signal });
      await untilSleeping(duration, true);
      leaving.abort();
      expect(await cancelled).toMatchObject({ kind: "error" });
      await untilSleeping(duration, false);
      expect(await client.call("execute_code", { code: show[template], session_id })).toMatchObject({
        text: told(way, "42\n"),
        isError: false,
      });
      await client.call("stop_session", { session_id });
    },
    patienceMs,
  );
});

const assign = { python: "x = 42", node: "let x = 42" };
const show = { python: "print(x)", node: "console.log(x)" };

// Each call starts a server of its own, so that no session outlives its call.
whereItCanBeHad(inspector)(
  "Inspector, stdio: calls each tool",
  async () => {
    await using client = await openInspector(server, "stdio");
    const answers = await Promise.all([
      client.call("execute_code", { code: "print(6 * 7)" }),
      client.call("execute_command", { command: "echo here" }),
      client.call("get_sessions", {}),
      client.call("stop_session", { session_id: "session-none" }),
      client.call("get_volume_path", {}),
    ]);
    expect(answers).toMatchObject([
      { text: told(inspector, "42\n") },
      { text: told(inspector, "here\n") },
      { structured: { sessions: [] } },
      { structured: { success: false } },
      { structured: { volume_mappings: [{ container_path: "/shared" }] } },
    ]);
  },
  patienceMs,
);

function typeScript1(transport: "http" | "stdio", revision?: string): Way {
  return {
    name: `TypeScript SDK 1.x, ${transport}`,
    ...(revision !== undefined && { revision }),
    open: (tested) => openTypeScript1(tested, transport),
    missing: noBubblewrap,
  };
}

function typeScript2(transport: "http" | "stdio", negotiation: "default" | "auto" | "pinned", revision: string): Way {
  return {
    name: `TypeScript SDK 2.x, ${transport}, ${negotiation}`,
    revision,
    open: (tested) => openTypeScript2(tested, transport, negotiation),
    missing: noBubblewrap,
  };
}

function driven(
  name: string,
  { argv, missing }: Foreign,
  transport: "http" | "stdio",
  mode: string,
  revision: string,
): Way {
  return {
    name: `${name}, ${transport}, ${mode}`,
    revision,
    open: ({ url, command }) => openDriven([...argv, mode, ...(transport === "http" ? [url] : command)]),
    missing,
  };
}

function curl(revision: "2025-11-25" | "2026-07-28"): Way {
  return { name: `curl, ${revision}`, revision, open: (tested) => openCurl(tested, revision), missing: noCurl };
}

function titled(tested: readonly Way[]): [string, Way][] {
  return tested.map((way) => [way.missing === undefined ? way.name : `${way.name} (skipped: ${way.missing})`, way]);
}

function whereItCanBeHad({ name, missing }: Way) {
  if (missing !== undefined) console.warn(`SKIPPED: ${name}: ${missing}`);
  return test.skipIf(missing !== undefined);
}

/** The first text block: the output alone for programs; for agents with the session's line behind it. */
function told(way: Way, output: string): unknown {
  return way === bare ? output : expect.stringMatching(new RegExp(`^${RegExp.escape(output)}\\[session [^\\n]*\\]$`));
}

function sessionOf(answer: Answer): string {
  if (answer.kind === "result" && typeof answer.structured.session_id === "string") return answer.structured.session_id;
  throw new Error(`no session in ${JSON.stringify(answer)}`);
}
