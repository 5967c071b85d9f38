// Which runtime the build embeds, and what it says where there is none to embed.

import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { compressParts } from "../../scripts/building/parts.ts";
import { leftOut } from "../../scripts/building/plugin.ts";

const root = join(import.meta.dir, "../..");
const name = "@superradcompany/microsandbox-win32-arm64-msvc";

async function scratch() {
  const path = await mkdtemp(join(tmpdir(), "msb-mcp-build-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test("the parts of another platform's runtime are taken from where its package was installed, and compressed once", async () => {
  await using folder = await scratch();
  const place = join(folder.path, "node_modules", name);
  await mkdir(join(place, "bin"), { recursive: true });
  const contents = {
    "bin/msb.exe": "program",
    "lib/libkrunfw.dll": "kernel",
    "microsandbox.win32-arm64-msvc.node": "addon",
  };
  for (const [path, content] of Object.entries(contents)) await Bun.write(join(place, path), content);
  await Bun.write(join(place, "package.json"), JSON.stringify({ name, version: "0.6.18" }));
  const options = {
    root: folder.path,
    platform: "win32-arm64-msvc",
    installedIn: folder.path,
    compression: "quick",
  } as const;
  const packed = await compressParts(options);
  expect(packed?.version).toBe("0.6.18");
  expect(packed?.parts.map(({ place }) => place).sort()).toEqual(Object.keys(contents).sort());
  const file = Bun.file(packed?.file ?? "");
  const unpacked = Bun.zstdDecompressSync(await file.bytes());
  for (const { place, offsetBytes, sizeBytes } of packed?.parts ?? []) {
    const content = unpacked.subarray(offsetBytes, offsetBytes + sizeBytes).toString();
    expect(contents).toHaveProperty([place], content);
  }
  const before = file.lastModified;
  expect(await compressParts(options)).toEqual(packed);
  expect(Bun.file(packed?.file ?? "").lastModified).toBe(before);
});

test("each module that is left out is there to be left out", async () => {
  for (const { module } of leftOut) {
    const files = await Array.fromAsync(
      new Bun.Glob("node_modules/**/*.{js,mjs,cjs}").scan({ cwd: root, absolute: true }),
    );
    expect(files.filter((file) => module.test(file))).not.toBeEmpty();
  }
});

test("what is left out of an executable is not used by the program's source", async () => {
  for await (const file of new Bun.Glob("src/**/*.ts").scan({ cwd: root })) {
    const text = await Bun.file(join(root, file)).text();
    for (const { use } of leftOut) expect(text).not.toMatch(use);
  }
});

test("for a platform whose runtime is not installed, the build says how to get it and how to go without", async () => {
  await using folder = await scratch();
  const build = Bun.spawn(
    [process.execPath, join(root, "scripts/build.ts"), "--target=bun-linux-arm64", `--runtime=${folder.path}`],
    { stdout: "pipe", stderr: "pipe" },
  );
  const [stdout, stderr] = await Promise.all([build.stdout.text(), build.stderr.text()]);
  expect({ stdout, status: await build.exited }).toEqual({ stdout: "", status: 2 });
  const version = packageJson.dependencies.microsandbox;
  expect(stderr).toContain(
    `npm install --force --prefix dist/runtime @superradcompany/microsandbox-linux-arm64-gnu@${version}`,
  );
  expect(stderr).toContain("scripts/build --target bun-linux-arm64 --runtime dist/runtime");
  expect(stderr).toContain("--no-embed");
});
