// The same commit gives the same bytes, wherever and whenever it is built.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExecutableContents } from "../../scripts/releasing/executables.ts";
import { moduleFolder, readLock } from "../../scripts/releasing/lock.ts";
import { sbom } from "../../scripts/releasing/sbom.ts";
import { targets } from "../../scripts/releasing/targets.ts";
import { root, run, scratch } from "./scratch.ts";

test("two builds of one tree in two folders have the same bytes", async () => {
  await using folder = await scratch();
  const production = (await readLock(root)).production.filter(({ folder: at }) => existsSync(moduleFolder(root, at)));
  const built: string[] = [];
  for (const name of ["here", "elsewhere/in/a/deeper-place"]) {
    const copy = join(folder.path, name);
    await mkdir(copy, { recursive: true });
    for (const part of ["src", "scripts", "package.json", "tsconfig.json", "bunfig.toml"]) {
      await cp(join(root, part), join(copy, part), { recursive: true });
    }
    // All that it is built from, and nothing that has been compressed before.
    for (const { folder: at } of production)
      await cp(moduleFolder(root, at), moduleFolder(copy, at), { recursive: true });
    const outfile = join(copy, "dist/msb-mcp");
    const { status, stderr } = await run([process.execPath, join(copy, "scripts/build.ts"), "--outfile", outfile]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    built.push(outfile);
  }
  const [first = "", second = ""] = built;
  expect(Buffer.compare(await readFile(first), await readFile(second))).toBe(0);
  expect((await readFile(first)).includes(folder.path)).toBe(false);
}, 200_000);

for (const id of ["linux-x64", "windows-x64"] as const) {
  test(`an archive for ${id} has the same bytes when it is made again, from a file of another date and in another time zone`, async () => {
    await using folder = await scratch();
    const target = targets.find((it) => it.id === id);
    if (target === undefined) throw new Error(`there is no ${id}`);
    const script = `
      import { makeArchive } from ${JSON.stringify(join(root, "scripts/releasing/archives.ts"))};
      const [outDir, path] = process.argv.slice(1);
      await makeArchive({ outDir, executable: { target: ${JSON.stringify(target)}, path }, texts: { LICENSE: "free" }, time: 1_790_000_000, compression: "quick" });
    `;
    const sums: string[] = [];
    for (const TZ of ["UTC", "Asia/Kolkata"]) {
      const outDir = join(folder.path, TZ.replace("/", "-"));
      const path = join(outDir, "program");
      await Bun.write(path, "a program");
      await run(["touch", "-d", TZ === "UTC" ? "2001-01-01" : "2002-02-02", path]);
      const made = await run([process.execPath, "-e", script, outDir, path], { env: { TZ } });
      expect(made).toMatchObject({ status: 0, stderr: "" });
      const archive = join(outDir, `msb-mcp-${id}.${id === "linux-x64" ? "tar.gz" : "zip"}`);
      sums.push(Bun.hash(await readFile(archive)).toString());
    }
    expect(sums[0]).toBe(sums[1] ?? "");
  });
}

test("a bill of materials is the same when it is made again, and has another number when the program is another one", async () => {
  await using folder = await scratch();
  const [target] = targets;
  const path = join(folder.path, target.executable);
  const bun = { packageName: "@oven/bun-linux-x64", path };
  const executables: readonly ExecutableContents[] = [{ target, path, bun, runtime: undefined }];
  const options = { root, lock: await readLock(root), executables, time: 1_790_000_000 };
  await Bun.write(path, "a program");
  const first = await sbom(options);
  expect(await sbom(options)).toBe(first);
  expect(JSON.parse(first).metadata.timestamp).toBe("2026-09-21T14:13:20.000Z");
  await Bun.write(path, "another program");
  expect(JSON.parse(await sbom(options)).serialNumber).not.toBe(JSON.parse(first).serialNumber);
});
