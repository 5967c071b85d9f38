import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { chmod, mkdir, readdir, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { backupPaths } from "../../../src/commands/install/backup.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { contentOf, Home, machineAt } from "./machine.ts";

const secret = "the-token-itself-0123456789";

async function entryIn(home: Home, client: "claude" | "zed" | "vscode" | "opencode", box = "mcpServers") {
  return JSON.parse((await contentOf(home.fileOf(client))) ?? "{}")[box]?.["msb-mcp"];
}

/** The flags as the command line has them. */
function textsOf(...flags: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const loaded = loadConfig(["install", "claude", ...flags], {}, { cwd: "/work", homeDir: "/home/ada" });
  if (loaded.kind !== "config") throw new Error(JSON.stringify(loaded));
  return loaded.texts;
}

test("the URL is that of the server which the same options start here, or the one given, with its /mcp", async () => {
  await using home = await Home.make();
  for (const [wanted, url] of [
    [{}, "http://localhost:8000/mcp"],
    [{ port: 9000 }, "http://localhost:9000/mcp"],
    [{ host: "::1" }, "http://[::1]:8000/mcp"],
    [{ url: "http://127.0.0.1:7000" }, "http://127.0.0.1:7000/mcp"],
    [{ url: "http://localhost/sandbox/" }, "http://localhost/sandbox/mcp"],
    [{ url: "https://box.example/mcp", auth: "none" }, "https://box.example/mcp"],
  ] as const) {
    expect(await home.install("claude", wanted)).toMatchObject({ status: 0, warnings: [] });
    expect(await entryIn(home, "claude")).toEqual({ type: "http", url });
  }
});

test("what makes no sense is refused with exit status 2, and no file is touched", async () => {
  await using home = await Home.make();
  for (const [client, wanted, says] of [
    ["claude", { url: "ftp://box" }, /"ftp:\/\/box" is not allowed; URL must be an http/],
    ["claude", { url: `https://ada:${secret}@box/mcp` }, /https:\/\/box\/mcp: URL must be without a user/],
    ["claude", { port: 0 }, /--port 0 does not tell/],
    ["claude", { url: "http://localhost/mcp", transport: "stdio" }, /contradicts the URL/],
    ["claude-desktop", { url: "http://localhost/mcp" }, /takes only programs from its file/],
    ["claude-desktop", { transport: "http" }, /Leave --transport http out/],
    ["windsurf", { isProject: true }, /Windsurf has no configuration file of a project/],
    ["zed", { auth: "token" }, /Zed cannot refer to a token by a variable.*none is known here/],
    ["zed", { tokens: [secret, `${secret}2`] }, /several are given/],
    ["zed", { tokens: [secret], isProject: true }, /a project's file is no place for the token itself/],
  ] as const) {
    const said = await home.install(client, wanted);
    expect(said).toMatchObject({ status: 2, lines: [], warnings: [expect.stringMatching(says)] });
    expect(JSON.stringify(said)).not.toContain(secret);
  }
  expect(await readdir(home.directory)).toEqual([]);
});

test("a URL of the command line that contradicts other flags, has spaces or a password is refused, and no password is shown", async () => {
  await using home = await Home.make();
  const url = "http://a/mcp";
  for (const [client, wanted, says] of [
    ["claude", { url, texts: textsOf("--port", "9000") }, /--port: contradiction to the URL/],
    ["claude", { url, texts: textsOf("--host", "0.0.0.0", "--port=1") }, /--host, --port: contradiction to the URL/],
    [
      "claude",
      { url: "http://h/mcp with space" },
      /"http:\/\/h\/mcp with space" is not allowed; URL must be without spaces/,
    ],
    ["claude", { url: `ftp://ada:${secret}@h/` }, /not shown.* is not allowed/],
    ["claude", { url: `http://ada:${secret}@h/ x` }, /not shown.* is not allowed/],
    ["claude", { url: `//ada:${secret}@h/` }, /not shown.* is not allowed/],
  ] as const) {
    const said = await home.install(client, wanted);
    expect(said).toMatchObject({ status: 2, lines: [], warnings: [expect.stringMatching(says)] });
    expect(JSON.stringify(said)).not.toContain(secret);
  }
  for (const server of [`http://user:${secret}@h:1/`, `http://${secret}@h:1/`, `http:user:${secret}@h:1/`]) {
    const texts = new Map([["--server-url", [server]]]);
    for (const [client, isDryRun] of [
      ["claude", true],
      ["claude-desktop", false],
    ] as const) {
      const said = await home.install(client, { transport: "stdio", texts, isDryRun });
      expect(said).toMatchObject({ status: 2, lines: [] });
      expect(said.warnings[0]).toContain("--server-url: a URL with a user or a password would be readable");
      expect(JSON.stringify(said)).not.toContain(secret);
    }
  }
  expect(await readdir(home.directory)).toEqual([]);
});

test("a name that JSON has twice on the way to the entry is refused with its place, and the file stays", async () => {
  for (const [client, text, says] of [
    ["claude", '{"mcpServers":{},"mcpServers":{"k":{}}}', 'line 1, column 18: "mcpServers" is there twice'],
    [
      "cursor",
      '{"mcpServers":{\n"msb-mcp":{"command":"a"},"msb\\u002dmcp":{}}}',
      'line 2, column 27: "msb-mcp" is there',
    ],
    ["opencode", '{"mcp":{"servers":{},\n  "servers":{}}}', 'line 2, column 3: "servers" is there twice'],
    ["vscode", '{"inputs":[],"inputs":[]}', 'line 1, column 14: "inputs" is there twice'],
  ] as const) {
    await using home = await Home.make();
    await home.put(home.fileOf(client), text);
    for (const said of [
      await home.install(client, { auth: "token" }),
      ...(client === "vscode" ? [] : [await home.uninstall(client, { isForced: true })]),
    ]) {
      expect(said).toMatchObject({ status: 1, lines: [] });
      expect(said.warnings[0]).toContain(says);
    }
    expect(await contentOf(home.fileOf(client))).toBe(text);
  }
});

test("in the home folder no file is listed twice, and --project does not touch the user's own", async () => {
  await using home = await Home.make();
  const alias = `${home.directory}-alias`;
  await symlink(home.directory, alias);
  try {
    for (const cwd of [home.directory, alias]) {
      const machine = { ...home.machine, cwd };
      await home.install("cursor");
      await home.install("claude", { isProject: true, machine });
      for (const said of [
        await home.uninstall("cursor", { isProject: true, machine }),
        await home.install("cursor", { isProject: true, machine }),
        await home.install("codex", { isProject: true, machine }),
      ]) {
        expect(said).toMatchObject({ status: 2, lines: [] });
        expect(said.warnings[0]).toContain("would be your own");
      }
      expect(await contentOf(home.fileOf("cursor"))).toContain("msb-mcp");
      const { lines } = await home.list(false, machine);
      expect(lines.filter((line) => line.includes(".cursor/mcp.json"))).toHaveLength(1);
      expect(lines.filter((line) => line.includes("(project)"))).toEqual([expect.stringContaining("/.mcp.json")]);
      expect(lines.at(-1)).toBe(
        "In this folder a project's file would be your own, listed once: codex, cursor, gemini.",
      );
    }
  } finally {
    await rm(alias);
  }
});

test("a token is referred to in each client's own way, and stands in no file", async () => {
  const variable = "MSB_MCP_TOKEN";
  for (const [client, reference] of [
    ["claude", `"Authorization": "Bearer \${${variable}}"`],
    ["cursor", `"Authorization": "Bearer \${env:${variable}}"`],
    ["gemini", `"Authorization": "Bearer \${${variable}}"`],
    ["opencode", `"Authorization": "Bearer {env:${variable}}"`],
    ["vscode", `"Authorization": "Bearer \${input:msb-mcp-token}"`],
    ["windsurf", `"Authorization": "Bearer \${env:${variable}}"`],
    ["codex", `bearer_token_env_var = "${variable}"`],
  ] as const) {
    await using home = await Home.make();
    const said = await home.install(client, { tokens: [secret] });
    expect(said.status).toBe(0);
    expect(await contentOf(home.fileOf(client))).toContain(reference);
    expect((await contentOf(home.fileOf(client))) + JSON.stringify(said)).not.toContain(secret);
    expect(said.lines.join("\n")).toContain(client === "vscode" ? "asks for the token once" : `export ${variable}=`);
    expect(said.lines.join("\n")).toContain("the one given with --auth-token (MCP_AUTH_TOKEN)");
  }
});

test("a token is expected where a server asks for one: elsewhere than on loopback, or where an earlier start made one", async () => {
  await using home = await Home.make();
  const bearer = { headers: { Authorization: `Bearer \${MSB_MCP_TOKEN}` } };
  for (const [wanted, isExpected] of [
    [{}, false],
    [{ host: "0.0.0.0" }, true],
    [{ host: "0.0.0.0", auth: "none" }, false],
    [{ url: "https://box.example/mcp" }, true],
    [{ url: "https://box.example/mcp", auth: "oauth" }, false],
    [{ url: "http://localhost:1/mcp", host: "0.0.0.0" }, false],
    [{ tokenFile: "/etc/tokens" }, true],
    [{ hasOAuth: true, host: "0.0.0.0" }, false],
    [{ auth: "token" }, true],
  ] as const) {
    await home.install("claude", wanted);
    const entry = await entryIn(home, "claude");
    if (isExpected) expect(entry).toMatchObject(bearer);
    else expect(entry.headers).toBeUndefined();
  }
  const kept = join(home.directory, "state/auth-token");
  await home.put(kept, `${secret}\n`);
  await chmod(kept, 0o600);
  const said = await home.install("claude");
  expect(await entryIn(home, "claude")).toMatchObject(bearer);
  expect(said.lines.join("\n")).toContain(`export MSB_MCP_TOKEN="$(cat '${kept}')"`);
  expect(JSON.stringify(said)).not.toContain(secret);
});

test("a client that cannot refer to a token gets it into the user's own file, which is said, and it is shown nowhere", async () => {
  await using home = await Home.make();
  const path = home.fileOf("zed");
  await home.put(path, "{}\n");
  await chmod(path, 0o644);
  const said = await home.install("zed", { tokens: [secret] });
  expect(await entryIn(home, "zed", "context_servers")).toMatchObject({
    headers: { Authorization: `Bearer ${secret}` },
  });
  expect(said.lines.join("\n")).toMatch(
    /the token itself is in the file[\s\S]*Others on this machine can read .*: chmod 600 it/,
  );
  const printed = await home.install("zed", { tokens: [secret], isPrint: true });
  expect(printed.lines.join("\n")).toContain('"Authorization": "Bearer TOKEN"');
  const removed = await home.uninstall("zed", { isDryRun: true });
  expect(JSON.stringify([said, printed, removed])).not.toContain(secret);
});

test("VS Code is told to ask for the token, and uninstalling takes that out too", async () => {
  await using home = await Home.make();
  const path = home.fileOf("vscode");
  const before =
    '{\n  "inputs": [\n    { "id": "other", "type": "promptString" }\n  ],\n  "servers": {\n    "a": {}\n  }\n}\n';
  await home.put(path, before);
  await home.install("vscode", { auth: "token" });
  const { inputs } = JSON.parse((await contentOf(path)) ?? "");
  expect(inputs).toMatchObject([{ id: "other" }, { id: "msb-mcp-token", type: "promptString", password: true }]);
  await rm(backupPaths(path)[0]);
  await home.uninstall("vscode");
  expect(await contentOf(path)).toBe(before);
});

test("over stdio a client starts this program with the flags that were given, by paths that hold wherever it is", async () => {
  await using home = await Home.make();
  const machine = machineAt(home.directory);
  await home.put(join(machine.cwd, "t.toml"), "");
  const texts = textsOf("--backend", "namespace", "--audit-file=log/a.jsonl", "--port", "1", "--auth-token", secret);
  await home.install("claude", { transport: "stdio", texts, machine, port: 1 });
  expect(await entryIn(home, "claude")).toEqual({
    type: "stdio",
    command: "/opt/bin/msb-mcp",
    args: ["--transport", "stdio", `--audit-file=${machine.cwd}/log/a.jsonl`, "--backend=namespace"],
  });
});

test("the program is started by the path that outlives an upgrade", async () => {
  await using home = await Home.make();
  const running = {
    execPath: "/opt/bin/msb-mcp",
    script: undefined,
    platform: "linux",
    which: () => undefined,
    realpath: (it: string) => it,
  };
  for (const [change, command, args] of [
    [{}, "/opt/bin/msb-mcp", []],
    [{ script: "/src/main.ts", execPath: "/bin/bun" }, "/bin/bun", ["/src/main.ts"]],
    [{ execPath: "/root/.npm/_npx/0a1b/node_modules/msb-mcp-linux-x64/msb-mcp" }, "npx", ["-y", "msb-mcp"]],
    [{ execPath: "C:\\npm\\_npx\\0a\\msb-mcp.exe", platform: "win32" }, "cmd", ["/c", "npx", "-y", "msb-mcp"]],
    [
      {
        execPath: "/cellar/1.2/bin/msb-mcp",
        which: () => "/brew/bin/msb-mcp",
        realpath: () => "/cellar/1.2/bin/msb-mcp",
      },
      "/brew/bin/msb-mcp",
      [],
    ],
    [{ which: () => "/usr/bin/msb-mcp" }, "/opt/bin/msb-mcp", []],
  ] as const) {
    await home.install("claude", { transport: "stdio", running: { ...running, ...change } });
    expect(await entryIn(home, "claude")).toEqual({ type: "stdio", command, args: [...args, "--transport", "stdio"] });
  }
});

test("of what is only set in this environment, the key goes by reference and the rest is named", async () => {
  await using home = await Home.make();
  const variables = { MSB_API_KEY: secret, MSB_MAX_SESSIONS: "3" };
  const machine = machineAt(home.directory, { variables });
  const said = await home.install("codex", { transport: "stdio", machine });
  expect(Bun.TOML.parse((await contentOf(home.fileOf("codex"))) ?? "")).toMatchObject({
    mcp_servers: { "msb-mcp": { env_vars: ["MSB_API_KEY"] } },
  });
  expect(said.lines.join("\n")).toContain("not written into the file: MSB_MAX_SESSIONS");
  const desktop = await home.install("claude-desktop", { machine });
  expect(desktop.lines.join("\n")).toContain("Claude Desktop does not pass it on: MSB_API_KEY");
  expect(JSON.stringify([said, desktop])).not.toContain(secret);
});

test("a link is written through, and mode and link stay", async () => {
  await using home = await Home.make();
  const path = home.fileOf("claude");
  const target = join(home.directory, "dotfiles/claude.json");
  await home.put(target, "{}\n");
  await chmod(target, 0o640);
  await symlink("dotfiles/claude.json", path);
  await home.install("claude");
  expect(await contentOf(target)).toContain("msb-mcp");
  expect((await stat(target)).mode & 0o777).toBe(0o640);
  expect((await stat(backupPaths(path)[0])).mode & 0o777).toBe(0o640);
  expect((await readdir(join(home.directory, "dotfiles"))).sort()).toEqual(["claude.json"]);
  await rm(target);
  await home.install("claude");
  expect(await contentOf(target)).toContain("msb-mcp");
  expect((await stat(target)).mode & 0o777).toBe(0o600);
});

test("a file that another program changes meanwhile is read again, and nothing of theirs is lost", async () => {
  await using home = await Home.make();
  const path = home.fileOf("claude");
  await home.put(path, '{ "count": 0 }\n');
  let count = 0;
  // The client writes its file just after the change has been shown: before the first two are made.
  const said = await home.install("claude", {}, (line) => {
    if (line.startsWith("Claude Code:") && count < 2) writeFileSync(path, `{ "count": ${++count} }\n`);
  });
  expect(said.status).toBe(0);
  expect(JSON.parse((await contentOf(path)) ?? "")).toMatchObject({ count: 2, mcpServers: { "msb-mcp": {} } });
});

test("a file that never comes to rest, is no UTF-8 or cannot be written is told so, and stays", async () => {
  await using home = await Home.make();
  const path = home.fileOf("claude");
  await home.put(path, new Uint8Array([0x7b, 0xff, 0x7d]));
  expect(await home.install("claude")).toMatchObject({
    status: 1,
    warnings: [expect.stringContaining("not UTF-8"), expect.anything()],
  });
  let count = 0;
  await home.put(path, "{}\n");
  const said = await home.install("claude", {}, (line) => {
    if (line.startsWith("Claude Code:")) writeFileSync(path, `{ "count": ${++count} }\n`);
  });
  expect(said).toMatchObject({
    status: 1,
    warnings: [expect.stringContaining("another program changed the file 3 times"), expect.anything()],
  });
  expect(await contentOf(path)).toBe('{ "count": 3 }\n');
  await rm(path);
  await mkdir(path);
  expect(await home.install("claude")).toMatchObject({
    status: 1,
    warnings: [expect.stringContaining("it is a folder, not a regular file"), expect.anything()],
  });
  expect((await readdir(home.directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("another server of the same name is replaced or removed by --force only", async () => {
  await using home = await Home.make();
  const before = '{"mcpServers":{"msb-mcp":{"command":"node","args":["x.js"]}}}';
  await home.put(home.fileOf("cursor"), before);
  expect(await home.uninstall("cursor")).toMatchObject({ status: 1 });
  expect(await contentOf(home.fileOf("cursor"))).toBe(before);
  expect(await home.install("cursor", { isForced: true })).toMatchObject({ status: 0 });
  expect(await contentOf(home.fileOf("cursor"))).toBe('{"mcpServers":{"msb-mcp":{"url":"http://localhost:8000/mcp"}}}');
  await home.put(home.fileOf("cursor"), before);
  expect(await home.uninstall("cursor", { isForced: true })).toMatchObject({ status: 0 });
  expect(await contentOf(home.fileOf("cursor"))).toBe('{"mcpServers":{}}');
});

test("another server over HTTP is replaced or removed by --force only, and nothing of its headers stays", async () => {
  for (const other of [
    { type: "http", url: "https://other.example/mcp", headers: { X: "mine" } },
    { type: "http", url: "https://other.example/mcp", headers: { Authorization: "Bearer literal" } },
    { url: "https://other.example/mcp", headers: { Authorization: `Bearer \${OTHER_MSB_MCP_TOKEN}` } },
    { url: "http://localhost:3000/other" },
    { url: "http://localhost:3000/mcp", command: "node" },
    { command: "node", args: ["other.js", "--transport", "stdio"] },
  ]) {
    await using home = await Home.make();
    const path = home.fileOf("claude");
    const before = JSON.stringify({ mcpServers: { "msb-mcp": other } });
    await home.put(path, before);
    for (const said of [await home.install("claude"), await home.uninstall("claude")]) {
      expect(said).toMatchObject({
        status: 1,
        warnings: [expect.stringContaining("is another server"), expect.anything()],
      });
    }
    expect(await contentOf(path)).toBe(before);
    expect((await home.list()).lines[0]).toContain("another server");
    expect(await home.install("claude", { isForced: true })).toMatchObject({ status: 0 });
    expect(await entryIn(home, "claude")).toEqual({ type: "http", url: "http://localhost:8000/mcp" });
    expect(await home.uninstall("claude")).toMatchObject({ status: 0 });
  }
});

test("what install has written is its own, wherever the server is, and a header goes to no other machine than before", async () => {
  const url = "https://box.example/mcp";
  for (const [client, wanted] of [
    ["claude", { url }],
    ["claude", { url, auth: "oauth" }],
    ["vscode", { url }],
    ["opencode", { url, auth: "none" }],
    ["codex", { url }],
    ["zed", { url, tokens: [secret] }],
    ["gemini", { url: "https://box.example/a/mcp/" }],
  ] as const) {
    await using home = await Home.make();
    await home.install(client, wanted);
    expect(await home.install(client, { ...wanted, url: "https://next.example/mcp" })).toMatchObject({ status: 0 });
    expect(await home.uninstall(client)).toMatchObject({ status: 0, warnings: [] });
    expect(await contentOf(home.fileOf(client))).toBeUndefined();
  }
  await using home = await Home.make();
  const headers = { "X-Key": "for this machine" };
  await home.put(
    home.fileOf("claude"),
    JSON.stringify({ mcpServers: { "msb-mcp": { url: "http://[::1]:1/mcp", headers } } }),
  );
  await home.install("claude");
  expect(await entryIn(home, "claude")).toMatchObject({ headers });
  await home.install("claude", { url, auth: "none" });
  expect(await entryIn(home, "claude")).toEqual({ type: "http", url });
});

test("what a user has added to the entry stays when it is brought up to date", async () => {
  await using home = await Home.make();
  await home.put(
    home.fileOf("claude"),
    JSON.stringify({
      mcpServers: {
        "msb-mcp": {
          url: "http://127.0.0.1:7000/mcp",
          headers: { "X-Team": "a", authorization: "Bearer old" },
          timeout: 5,
        },
      },
    }),
  );
  await home.install("claude", { auth: "token" });
  expect(await entryIn(home, "claude")).toEqual({
    type: "http",
    url: "http://localhost:8000/mcp",
    headers: { "X-Team": "a", Authorization: `Bearer \${MSB_MCP_TOKEN}` },
    timeout: 5,
  });
});

test("what is shown of a change has no value that is not ours", async () => {
  await using home = await Home.make();
  const value = "hunter2hunter2";
  await home.put(
    home.fileOf("claude"),
    `{\n  "mcpServers": {\n    "a": {\n      "args": [\n        "--key=${value}"\n      ],\n      "env": { "K": "${value}" }\n    },\n    "b": { "K": "${value}" }\n  },\n  "c": "${value}"\n}\n`,
  );
  await home.put(
    home.fileOf("codex"),
    `[a]\nk = '${value}'\nl = """\n${value}\n${value}"""\nm = "${value}" # ${value}\n`,
  );
  await home.put(home.fileOf("cursor"), `{"mcpServers":{"a":{"headers":{"X":"${value}"}}}}`);
  for (const client of ["claude", "codex", "cursor"] as const) {
    const said = await home.install(client, { isDryRun: true });
    expect(said.lines.join("\n")).toContain("http://localhost:8000/mcp");
    expect(JSON.stringify(said)).not.toContain(value);
  }
});

test("--project writes the project's file, readable by all who have the project", async () => {
  await using home = await Home.make();
  const { cwd } = home.machine;
  await mkdir(cwd);
  for (const [client, file] of [
    ["claude", ".mcp.json"],
    ["codex", ".codex/config.toml"],
    ["cursor", ".cursor/mcp.json"],
    ["gemini", ".gemini/settings.json"],
    ["opencode", "opencode.json"],
    ["vscode", ".vscode/mcp.json"],
    ["zed", ".zed/settings.json"],
  ] as const) {
    expect(await home.install(client, { isProject: true })).toMatchObject({ status: 0, warnings: [] });
    expect(await contentOf(join(cwd, file))).toContain("msb-mcp");
    expect((await stat(join(cwd, file))).mode & 0o777).toBe(0o644 & ~process.umask());
    expect(await contentOf(home.fileOf(client))).toBeUndefined();
  }
});

test("opencode's file of version 2, and one with comments in its name, are taken as they are", async () => {
  await using home = await Home.make();
  const path = home.fileOf("opencode").replace(/json$/, "jsonc");
  await home.put(path, '{\n  "mcp": {\n    "servers": {} // none\n  }\n}\n');
  await home.install("opencode");
  expect(await contentOf(path)).toContain('"servers": {\n      "msb-mcp": {\n        "type": "remote"');
  expect(await home.uninstall("opencode")).toMatchObject({ status: 0 });
  expect(await contentOf(path)).toBe('{\n  "mcp": {\n    "servers": {} // none\n  }\n}\n');
});

test("a project's file that starts a program of this machine is told to", async () => {
  await using home = await Home.make();
  const said = await home.install("claude", { isProject: true, transport: "stdio" });
  expect(said.lines.join("\n")).toContain("The path /opt/bin/msb-mcp is of this machine");
});

test("--print gives what may be pasted, alone, and writes nothing", async () => {
  await using home = await Home.make();
  const said = await home.install("vscode", { auth: "token", isPrint: true });
  expect(JSON.parse(said.lines.join("\n"))).toMatchObject({
    servers: { "msb-mcp": { type: "http" } },
    inputs: [{ id: "msb-mcp-token" }],
  });
  expect(Bun.TOML.parse((await home.install("codex", { isPrint: true })).lines.join("\n"))).toEqual({
    mcp_servers: { "msb-mcp": { url: "http://localhost:8000/mcp" } },
  });
  expect(await readdir(home.directory)).toEqual([]);
});

test("list tells of every client whether it is there and has the entry, and in which form", async () => {
  await using home = await Home.make();
  await home.install("claude", { url: `http://localhost:8000/mcp` });
  await home.install("claude-desktop");
  await home.put(home.fileOf("cursor"), '{"mcpServers":{"msb-mcp":{"command":"node"}}}');
  await home.put(home.fileOf("gemini"), "{}");
  await home.put(home.fileOf("windsurf"), "{");
  await mkdir(join(home.directory, ".codex"));
  await home.install("vscode", { isProject: true });
  const { clients } = JSON.parse((await home.list(true)).lines.join("\n"));
  expect(
    clients.map(({ client, scope, state, detail }: Record<string, string>) => [client, scope, state, detail]),
  ).toEqual([
    ["claude", "user", "installed", "http, http://localhost:8000/mcp"],
    ["claude-desktop", "user", "installed", "stdio, /opt/bin/msb-mcp"],
    ["codex", "user", "no file", undefined],
    ["cursor", "user", "another server", "stdio, node"],
    ["gemini", "user", "not installed", undefined],
    ["opencode", "user", "not found", undefined],
    ["vscode", "user", "not found", undefined],
    ["vscode", "project", "installed", "http, http://localhost:8000/mcp"],
    ["windsurf", "user", "unreadable", "line 1, column 2: close brace expected"],
    ["zed", "user", "not found", undefined],
  ]);
  expect((await home.list()).lines[0]).toMatch(
    /^claude +installed: http, http:\/\/localhost:8000\/mcp +\/.*\.claude\.json$/,
  );
});
