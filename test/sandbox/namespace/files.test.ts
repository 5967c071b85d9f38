// The files of the namespace host's sandboxes keep the contract, by the programs of both languages, and reach nothing of this machine.

import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { guestHome } from "../../../src/sandbox/namespace/layout.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { describeFiles, list, read, refusal, write } from "../../contract/files-contract.ts";
import { describeGuestFiles } from "../../contract/guest-files-contract.ts";
import { runIn } from "../../contract/port-contract.ts";
import { node } from "../../programs/node.ts";
import { python } from "../../programs/python.ts";
import { bootOne, command, namespaceHost, nodeTemplate, patienceMs, pythonTemplate } from "./machine.ts";

const signal = new AbortController().signal;
const folders = prepareFolders();
const host = namespaceHost([
  { hostPath: join(folders, "shared"), guestPath: "/data", readOnly: false },
  { hostPath: join(folders, "reference"), guestPath: "/reference", readOnly: true },
]);
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(folders, { recursive: true });
}, patienceMs);

/** How often a link is read and written through while it is swapped. */
const tries = Number(Bun.env.MSB_RACE_TRIES ?? 200);

/** With a file beside those that are shared. */
function prepareFolders(): string {
  mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
  const root = mkdtempSync("/tmp/msb-mcp-tests/files-");
  for (const name of ["shared", "reference"]) mkdirSync(join(root, name));
  writeFileSync(join(root, "reference/given.txt"), "given");
  writeFileSync(join(root, "canary"), "of the host");
  // Whoever could get there could read and write it.
  chmodSync(root, 0o777);
  chmodSync(join(root, "canary"), 0o666);
  return root;
}

for (const { template, code } of [
  { template: pythonTemplate, code: python },
  { template: nodeTemplate, code: node },
]) {
  let booted: Promise<Sandbox> | null = null;
  const sandbox = () => {
    booted ??= bootOne(host, `files-${template.language}`, template);
    return booted;
  };
  const shell = async (line: string) => {
    const ran = await command(await sandbox(), line);
    expect({ line, ...ran }).toMatchObject({ end: { success: true }, stderr: "" });
    return ran.stdout;
  };
  const name = `a namespace sandbox's files, for ${template.language}`;

  describeFiles({
    name,
    ground: async () => ({
      files: (await sandbox()).files,
      home: guestHome,
      link: async (path, target) => void (await shell(`ln -s '${target}' '${path}'`)),
      special: async (path) => void (await shell(`mkfifo '${path}'`)),
    }),
  });

  describeGuestFiles({
    name,
    ground: async () => ({
      files: (await sandbox()).files,
      shell,
      busy: async (until) => void (await runIn(await sandbox(), "code", code.forever, until)),
      small: "/dev/shm",
      smallMib: 16,
      program: "/run/msb/file[s]",
    }),
  });

  test(`${name}: whatever a path or a link says, nothing of the host is read, written, told or made`, async () => {
    const { files } = await sandbox();
    const canary = join(folders, "canary");
    await shell(`ln -s ${canary} out; ln -s ${folders} outside; ln -s / /data/root; ln -s ../canary /data/beside`);
    const ways = [
      ...[
        canary,
        `../../..${canary}`,
        "out",
        "outside/canary",
        `/data/root${canary}`,
        "/data/beside",
        "/data/../canary",
      ],
      ...["/proc/self/root", "/proc/1/root", "/proc/self/cwd/../..", "/proc/2/root"].map((root) => root + canary),
    ];
    for (const way of ways) {
      expect({ way, told: await read(files, way).catch(refusal) }).not.toEqual({ way, told: "of the host" });
      // Where it is written is in the sandbox.
      await write(files, way, "of the guest").catch(refusal);
      await files.remove(way, { withContent: true }, signal).catch(refusal);
    }
    expect(await files.open("/etc/shadow", signal).catch(refusal)).toBe("file_not_found");
    expect(readFileSync(canary, "utf8")).toBe("of the host");
    expect(readdirSync(folders).sort()).toEqual(["canary", "reference", "shared"]);
    await shell("rm -rf out outside /data/*");
  });

  test(`${name}: while a link is swapped, what is read and written is always of the sandbox, and whole`, async () => {
    const { files } = await sandbox();
    const canary = join(folders, "canary");
    await shell("mkdir -p race/a race/b; printf aaaa > race/a/x; printf bbbb > race/b/x; ln -s a race/link");
    const end = new AbortController();
    const swapping = command(
      await sandbox(),
      `cd race && exec python3 -c '
import itertools, os
for target in itertools.cycle(["a", "b", "${folders}", "/proc/self/root${folders}", "c"]):
    os.symlink(target, "next")
    os.rename("next", "link")
'`,
      end.signal,
    );
    const found = new Set<string>();
    const attempt = async () => {
      for (let index = 0; index < tries / 4; index++) {
        for (const file of ["x", "canary"]) found.add(await read(files, `race/link/${file}`).catch(refusal));
        await write(files, "race/link/written", "of the guest", { mode: "replace", makeFolders: false }).catch(refusal);
      }
    };
    await Promise.all(Array.from({ length: 4 }, attempt));
    end.abort();
    const { stderr } = await swapping;
    expect(stderr).not.toContain("Error:");
    found.delete("too_many_links");
    expect([...found].sort()).toEqual(["aaaa", "bbbb", "file_not_found"]);
    for (const folder of ["race/a", "race/b"]) {
      const names = (await list(files, folder, 1)).map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
      expect(names).toEqual(["written", "x"]);
    }
    expect(readFileSync(canary, "utf8")).toBe("of the host");
    expect(readdirSync(folders).sort()).toEqual(["canary", "reference", "shared"]);
  });

  test(`${name}: a shared folder is as it is shared`, async () => {
    const { files } = await sandbox();
    await write(files, "/data/made/by-guest", "shared");
    expect(readFileSync(join(folders, "shared/made/by-guest"), "utf8")).toBe("shared");
    expect(readdirSync(join(folders, "shared/made"))).toEqual(["by-guest"]);
    await files.move("/data/made", "made", { replace: false }, signal);
    expect(readdirSync(join(folders, "shared"))).toEqual([]);
    expect(await read(files, "/reference/given.txt")).toBe("given");
    expect(await write(files, "/reference/given.txt", "x").catch(refusal)).toBe("read_only");
    expect(await write(files, "/reference/other", "x").catch(refusal)).toBe("read_only");
    expect(await files.remove("/reference/given.txt", { withContent: false }, signal).catch(refusal)).toBe("read_only");
  });

  test(`${name}: what they take of the processor is not the program's own`, async () => {
    const { files, cpuTimeMs } = await sandbox();
    const before = (await cpuTimeMs?.call(await sandbox())) ?? 0;
    for (let index = 0; index < 200; index++) await files.stat(".", signal);
    expect(((await cpuTimeMs?.call(await sandbox())) ?? 0) - before).toBeLessThan(20);
  });
}
