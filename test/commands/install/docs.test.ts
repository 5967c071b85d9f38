// docs/clients.md: its commands run, and what it gives to write by hand is what `install` writes.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { installLinks } from "../../../scripts/docs/links.ts";
import { clients } from "../../../src/commands/install/clients.ts";
import { withEntry } from "../../../src/commands/install/document.ts";
import { tokenVariable } from "../../../src/commands/install/entry.ts";
import { type ClientName, clientNames } from "../../../src/config/commands.ts";
import { fencedBlock, root } from "../../docs/blocks.ts";
import { contentOf, Home } from "./machine.ts";

const guide = "docs/clients.md";

let home: Home;

beforeEach(async () => {
  home = await Home.make();
});

afterEach(async () => {
  await home[Symbol.asyncDispose]();
});

/** Runs a block of the guide in the home folder, with msb-mcp from source on PATH. */
async function typed(name: string, file = guide): Promise<string> {
  const program = join(home.directory, "bin/msb-mcp");
  await home.put(program, `#!/bin/sh\nexec '${process.execPath}' --no-env-file '${join(root, "src/main.ts")}' "$@"\n`);
  await chmod(program, 0o755);
  const child = Bun.spawn(["sh", "-euc", await fencedBlock(file, name)], {
    cwd: home.directory,
    env: { HOME: home.directory, PATH: `${join(home.directory, "bin")}:${process.env.PATH}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect({ status, errors: errors.replace(/^For .*\n/m, "") }).toEqual({ status: 0, errors: "" });
  return output;
}

test("one command puts the server into a client's file, and another takes it out", async () => {
  expect(await typed("clients-install")).toContain("Claude Code");
  expect(await contentOf(home.fileOf("claude"))).toContain("http://localhost:8000/mcp");
  expect(await typed("clients-uninstall")).toMatch(/claude +installed: http/);
  expect(await contentOf(home.fileOf("claude"))).toBeUndefined();
  await typed("readme-connect", "README.md");
  expect(await contentOf(home.fileOf("claude"))).toContain("http://localhost:8000/mcp");
});

test("the change is shown and the entry printed without a change", async () => {
  const output = await typed("clients-look");
  expect(output).toContain("+ 1  [mcp_servers.msb-mcp]");
  expect(output).toContain("\n[mcp_servers.msb-mcp]\n");
  expect(await contentOf(home.fileOf("codex"))).toBeUndefined();
});

test("a server is named by its URL or by its flags", async () => {
  await typed("clients-url");
  expect(await contentOf(home.fileOf("claude"))).toContain('"https://agents.example.com/mcp"');
  expect(await contentOf(home.fileOf("cursor"))).toContain('"http://localhost:9000/mcp"');
});

test("a project has a file of its own, and over stdio the server's flags go along", async () => {
  await typed("clients-project");
  expect(await contentOf(join(home.directory, ".vscode/mcp.json"))).toContain("msb-mcp");
  await typed("clients-stdio");
  const { command } = JSON.parse((await contentOf(home.fileOf("opencode"))) ?? "").mcp["msb-mcp"];
  expect(command.slice(-4)).toEqual(["--transport", "stdio", "--backend=namespace", "--max-sessions=3"]);
});

test("the variable gets the token that the server made at its first start", async () => {
  await home.put(join(home.directory, ".local/state/msb-mcp/auth-token"), "secret\n");
  expect(await fencedBlock(guide, "clients-token")).toContain(`export ${tokenVariable}=`);
  await typed("clients-token");
});

/** Of each client, the block with what to write by hand. */
const byHand: Readonly<Record<ClientName, string>> = {
  claude: "clients-claude",
  "claude-desktop": "clients-claude-desktop",
  codex: "clients-codex",
  cursor: "clients-cursor",
  gemini: "clients-gemini",
  opencode: "clients-opencode",
  vscode: "clients-vscode",
  windsurf: "clients-windsurf",
  zed: "clients-zed",
};

test.each(clientNames)("what the guide gives to write by hand for %s is what install writes", async (name) => {
  const client = clients[name];
  const entry =
    client.http?.(
      "http://localhost:8000/mcp",
      client.canRefer ? { kind: "variable", name: tokenVariable } : { kind: "none" },
    ) ?? client.stdio({ command: "/usr/local/bin/msb-mcp", args: ["--transport", "stdio"] }, []);
  expect(await fencedBlock(guide, byHand[name])).toBe(withEntry("", client, entry));
});

test("the links hold the entries that install writes, in the form of each editor", () => {
  const url = "http://localhost:8000/mcp";
  const [vscode, cursor] = installLinks(url).map((link) => new URL(link.url));
  expect(vscode?.searchParams.get("name")).toBe("msb-mcp");
  expect(JSON.parse(vscode?.searchParams.get("config") ?? "")).toEqual({ type: "http", url });
  expect(cursor?.searchParams.get("name")).toBe("msb-mcp");
  expect(JSON.parse(atob(cursor?.searchParams.get("config") ?? ""))).toEqual({ url });
});
