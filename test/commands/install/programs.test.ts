// `msb-mcp install CLIENT`, then the client itself: its own list shows the server connected, over HTTP with a token and over stdio.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Serving } from "../../binary/executable.ts";
import { Stub } from "../../stub-microsandbox/stub.ts";
import { type Program, type ProgramName, prepare, programNames } from "./programs.ts";

const main = join(import.meta.dir, "../../../src/main.ts");
const token = "a-token-of-the-tests-0123456789";

/** For a client on a busy machine; each looks for its maker's servers first, and some wait for them. */
const patienceMs = 90_000;

/** What keeps each client to itself. */
const quiet = {
  CI: "true",
  NO_COLOR: "1",
  DISABLE_TELEMETRY: "1",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  GEMINI_CLI_TRUST_WORKSPACE: "true",
  GEMINI_TELEMETRY_ENABLED: "false",
  OPENCODE_DISABLE_AUTOUPDATE: "1",
  OPENCODE_DISABLE_MODELS_FETCH: "1",
};

const programs = await Promise.all(programNames.map(async (name) => [name, await prepare(name)] as const));

let stack: AsyncDisposableStack;
let stub: Stub;
let url: string;

beforeAll(async () => {
  await using opened = new AsyncDisposableStack();
  stub = opened.use(await Stub.start({ dev: true }));
  const stateDir = await folder(opened);
  const flags = ["--port=0", "--backend=server", `--server-url=${stub.url}`, `--state-dir=${stateDir}`];
  const child = Bun.spawn([process.execPath, main, ...flags, `--auth-token=${token}`], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const serving = opened.use(await Serving.once(child));
  url = serving.url;
  stack = opened.move();
});

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
});

describe.each(
  programs.map(
    ([name, program]) => [`${name}${program.missing ? ` (${program.missing})` : ""}`, name, program] as const,
  ),
)("%s", (_, name, program) => {
  if (program.missing !== undefined) console.warn(`SKIPPED: ${name}: ${program.missing}`);
  const whereItCanBeHad = test.skipIf(program.missing !== undefined);

  whereItCanBeHad(
    "shows the server connected over HTTP, with the token from its environment",
    async () => {
      await using stack = new AsyncDisposableStack();
      const home = await folder(stack);
      expect(await ours(home, ["install", name, url, "--auth", "token"])).toMatchObject({ status: 0 });
      await expectConnected(name, program, home);
      // Whatever the client has written into its file since.
      expect(await ours(home, ["uninstall", name])).toMatchObject({ status: 0 });
      const { output } = await ours(home, ["list", "--json"]);
      expect(output).not.toContain('"installed"');
    },
    patienceMs,
  );

  whereItCanBeHad(
    "shows the server connected over stdio",
    async () => {
      await using stack = new AsyncDisposableStack();
      const home = await folder(stack);
      const flags = ["--transport", "stdio", "--backend", "server", "--server-url", stub.url];
      expect(await ours(home, ["install", name, ...flags])).toMatchObject({ status: 0 });
      await expectConnected(name, program, home);
    },
    patienceMs,
  );
});

async function expectConnected(name: ProgramName, program: Program, home: string): Promise<void> {
  const shown = await run([...program.argv, "mcp", "list"], home);
  switch (name) {
    case "claude":
      expect(shown).toMatch(/msb-mcp: .* ✔ Connected/);
      break;
    case "gemini":
      expect(shown).toMatch(/✓ msb-mcp: .* Connected/);
      break;
    case "opencode":
      expect(shown).toMatch(/✓ msb-mcp .*connected/);
      break;
    case "codex":
      // Its list tells what is configured; what it is connected to, only its server for editors.
      expect(shown).toMatch(/msb-mcp .* enabled/);
      expect(await codexTools(program, home)).toContain("execute_code");
      break;
  }
}

/** The names of the tools that Codex has from msb-mcp. */
async function codexTools({ argv }: Program, home: string): Promise<readonly string[]> {
  const child = Bun.spawn([...argv, "app-server"], {
    ...surroundings(home),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    timeout: patienceMs,
    killSignal: "SIGKILL",
  });
  const requests = [
    { id: 1, method: "initialize", params: { clientInfo: { name: "test", version: "0" } } },
    { method: "initialized" },
    { id: 2, method: "mcpServerStatus/list", params: {} },
  ];
  child.stdin.write(requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
  await child.stdin.flush();
  try {
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const answer = text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line))
        .find(({ id }) => id === 2);
      if (answer === undefined) continue;
      const servers: { readonly name: string; readonly tools: object }[] = answer.result.data;
      return servers.filter((server) => server.name === "msb-mcp").flatMap(({ tools }) => Object.keys(tools));
    }
    throw new Error(`Codex gave no answer: ${text}`);
  } finally {
    child.kill();
    await child.exited;
  }
}

async function ours(home: string, args: readonly string[]) {
  const child = Bun.spawn([process.execPath, main, ...args], { ...surroundings(home), stdout: "pipe" });
  const [output, status] = await Promise.all([child.stdout.text(), child.exited]);
  return { output, status };
}

async function run(argv: readonly string[], home: string): Promise<string> {
  const child = Bun.spawn([...argv], {
    ...surroundings(home),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: patienceMs,
    killSignal: "SIGKILL",
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return Bun.stripANSI(`${output}\n${errors}`);
}

function surroundings(home: string) {
  return {
    cwd: join(home, "project"),
    env: { ...quiet, PATH: process.env.PATH ?? "", HOME: home, MSB_MCP_TOKEN: token },
  };
}

async function folder(stack: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "msb-mcp-programs-"));
  stack.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  await mkdir(join(directory, "project"));
  return directory;
}
