// The commands of README and the guides run, as a reader would type them, and do what the page says of them.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";
import packageJson from "../../package.json" with { type: "json" };
import { findInstalled } from "../../src/sandbox/microvm/runtime/installed.ts";
import { pictureOf } from "../../src/sandbox/picture.ts";
import { fencedBlock, root } from "./blocks.ts";
import { freePort } from "./ports.ts";
import { Shell } from "./shell.ts";

setDefaultTimeout(60_000);

const noBubblewrap = Bun.which("bwrap") === null;
let shell: Shell;

beforeAll(async () => {
  shell = await Shell.open();
});

afterAll(async () => {
  await shell[Symbol.asyncDispose]();
});

describe.skipIf(noBubblewrap)("on the namespace backend", () => {
  test("README's start from a clone serves, and its line of curl is answered", async () => {
    const start = await fencedBlock("README.md", "readme-run");
    await using server = await shell.serve(start.replace("8000", "0"), { PWD: root }, root);
    const ask = await fencedBlock("README.md", "readme-curl");
    const { stdout } = await shell.run(ask.replace("localhost:8000", authorityOf(server.url)));
    const { result } = JSON.parse(stdout);
    expect(result).toMatchObject({ isError: false, session_created: true });
    expect(result.content[0].text).toBe("Hello from MCP!\n");
  });

  test.skipIf(Bun.which("node") === null)("the picture that a call shows is a file as the guide has it", async () => {
    await using server = await shell.serve("exec msb-mcp --port 0");
    const block = await fencedBlock("docs/pictures.md", "pictures-file");
    const ended = await shell.run(block.replace("localhost:8000", authorityOf(server.url)));
    expect(ended).toEqual({ status: 0, stdout: "", stderr: "" });
    const bytes = await Bun.file(join(shell.home, "picture.gif")).bytes();
    expect(pictureOf(bytes)).toEqual({ mediaType: "image/gif", sides: { width: 1, height: 1 } });
  });

  test("README's commands to uninstall leave nothing of a server that ran, and nothing of its entry in a client", async () => {
    await using own = await Shell.open();
    const connect = await fencedBlock("README.md", "readme-connect");
    expect(await own.run(connect, { MCP_SERVER_PORT: "8000" })).toMatchObject({ status: 0 });
    await using server = await own.serve("exec msb-mcp --auth token");
    await server.end();
    await own.run("msb-mcp doctor");
    await mkdir(join(own.home, ".microsandbox"), { recursive: true });
    const programs = await readdir(join(own.home, "bin"));
    expect(await readdir(join(own.home, ".local/state/msb-mcp"))).toContain("auth-token");
    expect(await own.run(await fencedBlock("README.md", "readme-uninstall"))).toMatchObject({ status: 0, stderr: "" });
    const left = await Array.fromAsync(new Glob("**").scan({ cwd: own.home, dot: true }));
    // Bun, which runs it from source here, has a cache of its own.
    expect(left.filter((path) => !path.startsWith(".bun/")).sort()).toEqual(
      programs.map((name) => `bin/${name}`).sort(),
    );
  });

  test("on an address that others reach, the token of the first start lets its callers in", async () => {
    await using server = await shell.serve(await fencedBlock("docs/access.md", "access-first-token"));
    expect(server.log()).toContain(join(shell.home, ".local/state/msb-mcp/auth-token"));
    const ask = (await fencedBlock("docs/access.md", "access-call")).replace(
      "localhost:8000",
      `127.0.0.1:${portOf(server.url)}`,
    );
    expect(JSON.parse((await shell.run(ask)).stdout).result.tools.length).toBeGreaterThan(4);
    const without = ask.replace(/-H "Authorization[^"]*"/, "");
    expect(JSON.parse((await shell.run(without)).stdout).error.message).toContain("This server needs a token");
  });

  test("the guides' commands that serve do", async () => {
    const names = ["access-cors", "access-oauth", "access-proxied", "access-tokens", "access-token-file"];
    const asked = await Promise.all(
      names.map(async (name) => {
        await using server = await shell.serve(
          (await fencedBlock("docs/access.md", name)).replaceAll("tokens.txt", join(shell.home, "tokens.txt")),
          { MSB_MCP_STATE_DIR: join(shell.home, name) },
        );
        const response = server.url && (await fetch(server.url, { method: "POST" }));
        return { name, status: response ? response.status : server.log() };
      }),
    );
    expect(asked).toEqual([
      { name: "access-cors", status: 415 },
      ...names.slice(1).map((name) => ({ name, status: 401 })),
    ]);
  });

  test("health says that a server serves, and that it can make a sandbox", async () => {
    await using server = await shell.serve("exec msb-mcp", { MSB_MCP_STATE_DIR: join(shell.home, "health") });
    const ask = await fencedBlock("docs/operate.md", "operate-health");
    const { status, stdout } = await shell.run(ask, { MCP_SERVER_PORT: portOf(server.url) });
    expect({ status, lines: stdout.match(/^healthy: /gm)?.length }).toEqual({ status: 0, lines: 2 });
  });

  test("an audit file gets a line for an execution, and is its owner's alone", async () => {
    await using server = await shell.serve(await fencedBlock("docs/operate.md", "operate-audit"), {
      MSB_MCP_STATE_DIR: join(shell.home, "audit"),
    });
    await callCode(server.url, "1");
    await server.end();
    const path = join(shell.home, "audit.jsonl");
    expect(JSON.parse(await Bun.file(path).text())).toMatchObject({ kind: "code", ended: "exited" });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("a pool is ready before anybody asks", async () => {
    await using server = await shell.serve(await fencedBlock("docs/sessions.md", "sessions-pool"), {
      MSB_MCP_STATE_DIR: join(shell.home, "pool"),
      MCP_LOG_LEVEL: "DEBUG",
    });
    while ((server.log().match(/"event":"pool\.filled"/g)?.length ?? 0) < 3) await Bun.sleep(50);
    await callCode(server.url, "1");
    expect(server.log()).toMatch(/"event":"session\.opened".*"isAhead":true/);
  });

  test("a stub of a microsandbox server is taken without any option", async () => {
    const port = await freePort();
    const start = (await fencedBlock("docs/backends.md", "backends-stub")).replace("5555", String(port));
    const stub = Bun.spawn(["sh", "-c", `exec ${start}`], {
      cwd: root,
      env: { ...process.env, PATH: `${join(process.execPath, "..")}:${process.env.PATH}` },
      stdout: "pipe",
      stderr: "ignore",
    });
    try {
      await firstLine(stub.stdout);
      await using server = await shell.serve("exec msb-mcp", {
        ...{ MCP_SANDBOX_BACKEND: "auto", MSB_SERVER_URL: `http://127.0.0.1:${port}` },
        MSB_MCP_STATE_DIR: join(shell.home, "stub"),
      });
      expect(server.log()).toContain('"backend":"server"');
      expect(await callCode(server.url, "print(6 * 7)")).toBe("42\n");
    } finally {
      stub.kill("SIGTERM");
      await stub.exited;
    }
  });
});

test.each([
  ["docs/network.md", "network-packages"],
  ["docs/network.md", "network-secret"],
  ["docs/backends.md", "backends-archive"],
])(
  "the options of %s, %s, are understood: it serves, or tells only that no microVM can be had here",
  async (file, name) => {
    await using own = await Shell.open();
    await own.program("docker", 'while [ "$1" != -o ]; do shift; done; : >"$2"');
    await using server = await own.serve(await fencedBlock(file, name));
    if (server.url === undefined) {
      expect(server.log()).toContain("--backend microvm cannot be had here.");
      expect(await server.end()).toBe(2);
    }
  },
);

test.skipIf(Bun.which("npm") === null || process.platform !== "linux" || process.arch !== "x64")(
  "the runtime that npm installs is found, and is the one that this version was made for",
  async () => {
    const install = await fencedBlock("docs/backends.md", "backends-runtime");
    expect(install).toContain(`@${packageJson.dependencies.microsandbox}\n`);
    const { status, stderr } = await shell.run(install);
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    const folder = join(shell.home, ".microsandbox");
    const found = await findInstalled(folder, "linux-x64-gnu");
    expect(found).toMatchObject({
      folder: expect.stringContaining(folder),
      version: packageJson.dependencies.microsandbox,
    });
  },
);

test("the programs that the namespace backend is said to need are those that scripts/setup.sh installs", async () => {
  const setup = await Bun.file(join(root, "scripts/setup.sh")).text();
  const packages = [...(/bring_programs "The namespace backend" (.*)/.exec(setup)?.[1] ?? "").matchAll(/:(\S+)/g)].map(
    ([, name]) => name ?? "",
  );
  const block = await fencedBlock("docs/backends.md", "backends-namespace");
  expect(block.trim().split(" ").slice(4).sort()).toEqual([...new Set(packages)].sort());
});

test("the generated parts can be written, and are up to date", async () => {
  const { status, stdout } = await shell.run(await fencedBlock("docs/develop.md", "develop-docs"), {}, root);
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining("up to date") });
});

async function callCode(url: string | undefined, code: string): Promise<string> {
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "execute_code", arguments: { code } } };
  const response = await fetch(url ?? "", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(call),
  });
  const answer = (await response.json()) as { result: { content: [{ text: string }] } };
  return answer.result.content[0].text;
}

function authorityOf(url: string | undefined): string {
  return new URL(url ?? "").host;
}

function portOf(url: string | undefined): string {
  return new URL(url ?? "").port;
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  await reader.read();
  reader.releaseLock();
}
