// What is kept of a client's file, who can read it, and what is left when a run was ended in the middle.

import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, rename, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { backupPaths } from "../../../src/commands/install/backup.ts";
import { contentOf, Home } from "./machine.ts";

const secret = "the-token-itself-0123456789";

async function namesBeside(path: string): Promise<readonly string[]> {
  return (await readdir(dirname(path))).sort();
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

test("however often install runs, the bytes from before the first run are kept, and uninstall gives them back", async () => {
  for (const [client, before] of [
    ["claude", '{"a":1}'],
    ["claude", '{ "mcpServers": {} }\n'],
    ["cursor", '{\n\t// mine\n\t"mcpServers": {\n\t\t"k": {}, // k\n\t},\n}'],
    ["vscode", '{ "servers": {"k": {}} }'],
    ["codex", "# mine\nmodel = 'x' # y"],
    ["opencode", "{}"],
  ] as const) {
    await using home = await Home.make();
    const path = home.fileOf(client);
    await home.put(path, before);
    await chmod(path, 0o640);
    await home.install(client);
    await home.install(client, { port: 9000, auth: "token" });
    await home.install(client, { transport: "stdio" });
    const last = await home.install(client, { port: 9001 });
    expect(last.lines.join("\n")).toContain(`The file as it was before: ${backupPaths(path)[0]}`);
    expect(await contentOf(backupPaths(path)[0])).toBe(before);
    expect((await home.uninstall(client)).lines.at(-1)).toBe("Removed. The file is again as it was before.");
    expect(await contentOf(path)).toBe(before);
    expect(await modeOf(path)).toBe(0o640);
    expect(await namesBeside(path)).toEqual([path.slice(dirname(path).length + 1)]);
  }
});

test("a file that others change between is kept twice: as it was at first, and as it was before the latest install", async () => {
  await using home = await Home.make();
  const path = home.fileOf("claude");
  const [first, latest] = backupPaths(path);
  await home.put(path, '{"a":1}');
  await home.install("claude");
  await home.put(path, ((await contentOf(path)) ?? "").replace('"a":1', '"a":2'));
  const removed = await home.uninstall("claude");
  expect(removed.lines.at(-1)).toBe(`Removed. The file as it was before: ${first}`);
  expect(await contentOf(first)).toBe('{"a":1}');
  const between = (await contentOf(path)) ?? "";
  expect(JSON.parse(between)).toEqual({ a: 2, mcpServers: {} });
  await home.install("claude");
  expect([await contentOf(first), await contentOf(latest)]).toEqual(['{"a":1}', between]);
  await home.uninstall("claude");
  expect(await contentOf(path)).toBe(between);
  expect(await contentOf(latest)).toBeUndefined();
});

test("what another server of the name had is given back after --force", async () => {
  await using home = await Home.make();
  const path = home.fileOf("cursor");
  const before = '{"mcpServers":{"msb-mcp":{"url":"https://other.example/mcp","headers":{"X":"mine"}}}}';
  await home.put(path, before);
  await home.install("cursor", { isForced: true });
  await home.install("cursor", { port: 9000 });
  expect(await home.uninstall("cursor")).toMatchObject({ status: 0 });
  expect(await contentOf(path)).toBe(before);
});

test("no copy with the token is readable by others, and none is left after uninstall", async () => {
  const withToken = `{"context_servers":{"msb-mcp":{"url":"http://localhost:1/mcp","headers":{"Authorization":"Bearer ${secret}"}}},"a":1}`;
  for (const before of [undefined, "{}\n", '{"a":1}', withToken]) {
    for (const isChangedByOthers of [false, true]) {
      await using home = await Home.make();
      const path = home.fileOf("zed");
      if (before !== undefined) await home.put(path, before);
      const expectNone = async () => {
        for (const name of await namesBeside(path)) {
          const file = join(dirname(path), name);
          if (file === path || !(await contentOf(file))?.includes(secret)) continue;
          expect({ name, mode: await modeOf(file) }).toEqual({ name, mode: 0o600 });
        }
      };
      await home.install("zed", { tokens: [secret] });
      await expectNone();
      if (isChangedByOthers) await home.put(path, ((await contentOf(path)) ?? "").replace("{", '{"b":2,'));
      await home.install("zed", { tokens: [secret], port: 9000 });
      await expectNone();
      await home.install("zed", { tokens: [`${secret}2`] });
      await expectNone();
      expect(await home.uninstall("zed")).toMatchObject({ status: 0, warnings: [] });
      const names = await namesBeside(path);
      const texts = await Promise.all(names.map((name) => contentOf(join(dirname(path), name))));
      expect(texts.join("\n")).not.toContain(secret);
    }
  }
});

test("what a run that was ended has left is taken away by the next, whatever the next does", async () => {
  for (const command of ["install", "uninstall"] as const) {
    await using home = await Home.make();
    const path = home.fileOf("claude");
    await home.put(path, '{"a":1}');
    const [first, latest] = backupPaths(path);
    for (const it of [path, first, latest]) await home.put(`${it}.msb-mcp.tmp`, "half of the fi");
    expect(await home[command]("claude")).toMatchObject({ status: 0, warnings: [] });
    expect((await namesBeside(path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  }
});

test("two runs at once leave one whole file", async () => {
  await using home = await Home.make();
  const path = home.fileOf("claude");
  await home.put(path, '{"a":1}');
  const ports = [9001, 9002, 9003, 9004];
  const all = await Promise.all(ports.map((port) => home.install("claude", { port })));
  expect(all.some(({ status }) => status === 0)).toBe(true);
  const { a, mcpServers } = JSON.parse((await contentOf(path)) ?? "");
  expect(a).toBe(1);
  expect(ports.map((port) => `http://localhost:${port}/mcp`)).toContain(mcpServers["msb-mcp"].url);
  expect(await contentOf(backupPaths(path)[0])).toBe('{"a":1}');
  expect((await namesBeside(path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a file that its owner has made read-only is refused, and stays", async () => {
  await using home = await Home.make();
  const path = home.fileOf("claude");
  await home.put(path, '{"mcpServers":{"msb-mcp":{"url":"http://localhost:1/mcp"}}}');
  await chmod(path, 0o444);
  for (const said of [
    await home.install("claude"),
    await home.install("claude", { isDryRun: true }),
    await home.uninstall("claude"),
  ]) {
    expect(said).toMatchObject({ status: 1, lines: [] });
    expect(said.warnings[0]).toMatch(
      /it is read-only \(mode 0444\).*chmod u\+w '.*\.claude\.json'; nothing was changed/,
    );
  }
  expect(await contentOf(path)).toContain("localhost:1");
  expect(await namesBeside(path)).toEqual([".claude.json"]);
});

test("what is no regular file is refused at once, also behind a link", async () => {
  await using home = await Home.make();
  const path = home.fileOf("claude");
  const odd = join(home.directory, "odd");
  await mkdir(odd);
  expect(Bun.spawnSync(["mkfifo", join(odd, "fifo")]).exitCode).toBe(0);
  using _server = Bun.listen({ unix: join(odd, "socket"), socket: { data: () => undefined } });
  for (const [target, kind] of [
    [join(odd, "fifo"), "a FIFO"],
    [join(odd, "socket"), "a socket"],
    ["/dev/null", "a device"],
    [odd, "a folder"],
  ] as const) {
    await symlink(target, `${path}.link`);
    await rename(`${path}.link`, path);
    for (const said of [await home.install("claude"), await home.uninstall("claude")]) {
      expect(said).toMatchObject({ status: 1, lines: [] });
      expect(said.warnings[0]).toContain(`it is ${kind}, not a regular file; nothing was changed`);
    }
    expect((await home.list()).lines[0]).toContain(`unreadable: it is ${kind}`);
  }
});
