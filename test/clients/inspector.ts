// The Inspector's command line: a process, and so a connection, for each call. It can neither show progress nor cancel.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "@modelcontextprotocol/inspector/package.json" with { type: "json" };
import { type Answer, type Client, isRecord, namesOf, resultAnswer, type UnderTest } from "./client.ts";

const program = join(import.meta.dir, "../../node_modules/@modelcontextprotocol/inspector", packageJson.bin.inspector);

/** Why it cannot run here; undefined if it can. */
export async function inspectorMissing(): Promise<string | undefined> {
  if (Bun.which("node") === null) return "there is no node";
  const { status, stderr } = await run(["--version"]);
  if (status === 0) return undefined;
  return `it does not run on this node, it wants ${packageJson.engines.node}: ${stderr.trim().split("\n").at(-1)}`;
}

export async function openInspector(server: UnderTest, way: "http" | "stdio"): Promise<Client> {
  const directory = await mkdtemp(join(tmpdir(), "msb-mcp-inspector-"));
  const config = join(directory, "config.json");
  const [command, ...args] = server.command;
  const overHttp = { type: "streamable-http", url: server.url };
  const overStdio = { type: "stdio", command, args };
  await Bun.write(config, JSON.stringify({ mcpServers: { tested: way === "http" ? overHttp : overStdio } }));
  const target = ["--config", config, "--server", "tested"];
  return {
    revision: undefined,
    async toolNames() {
      const { stdout } = await run([...target, "--method", "tools/list"]);
      const result: unknown = JSON.parse(stdout);
      return isRecord(result) ? namesOf(result.tools) : [];
    },
    async call(tool, args): Promise<Answer> {
      const pairs = Object.entries(args).flatMap(([name, value]) => ["--tool-arg", `${name}=${value}`]);
      const { stdout, stderr } = await run([...target, "--method", "tools/call", "--tool-name", tool, ...pairs]);
      return stdout === "" ? { kind: "error", message: stderr } : resultAnswer(JSON.parse(stdout));
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function run(argv: readonly string[]) {
  const child = Bun.spawn(["node", program, "--cli", ...argv], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 30_000,
  });
  const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, status };
}
