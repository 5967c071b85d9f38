// The real runtime in a real executable: a program that does nothing but open it, with and without it embedded, run in a directory with
// another one planted.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { buildExecutable } from "../../scripts/building/executable.ts";
import { compressParts, type Parts } from "../../scripts/building/parts.ts";
import { runtimePlugin } from "../../scripts/building/plugin.ts";
import { packageOf, partNames, runtimePlatform } from "../../src/sandbox/microvm/runtime/platform.ts";
import { hostileDirectory } from "./executable.ts";

// Compressing and unpacking 90 MB, ten times at once too. Milliseconds.
setDefaultTimeout(120_000);

const root = join(import.meta.dir, "../..");
const platform = runtimePlatform(process.platform, process.arch);
const installed = platform === undefined ? undefined : join(root, "node_modules", packageOf(platform));

const version = packageJson.dependencies.microsandbox;
let scratch = "";
let hostile = "";
let runs = 0;

async function build(name: string, parts: Parts | undefined): Promise<void> {
  const outfile = join(scratch, name);
  const entry = join(import.meta.dir, "runtime-probe.ts");
  const plugin = runtimePlugin(platform, parts);
  const built = await buildExecutable({ entry, outfile, target: undefined, plugin, commit: "test" });
  if (!built.ok) throw new Error(built.messages.join("\n"));
  // Alone with what is planted: nothing of this project is near.
  await cp(outfile, join(hostile, name));
}

/** Runs it in the hostile directory and reads what it tells. */
async function probe(
  name: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, unknown>>> {
  const child = Bun.spawn([join(hostile, name), ...argv], {
    cwd: hostile,
    env: {
      PATH: `${hostile}/bin:${process.env.PATH}`,
      HOME: scratch,
      MSB_HOME: join(scratch, `msb-home-${runs++}`),
      ...env,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    timeout: 100_000,
    killSignal: "SIGKILL",
  });
  return child.stdout.json();
}

const newCache = () => mkdtemp(join(scratch, "cache-"));
const traces = async () => (await readdir(hostile)).filter((name) => name.startsWith("planted-"));

describe.skipIf(installed === undefined)("with a runtime for this platform", () => {
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "msb-mcp-probe-"));
    hostile = await hostileDirectory();
    await build(
      "embedding",
      platform && (await compressParts({ root, platform, installedIn: root, compression: "quick" })),
    );
    await build("without", undefined);
  });

  afterAll(async () => {
    await rm(scratch, { recursive: true, force: true });
    await rm(hostile, { recursive: true, force: true });
  });

  test("the embedded runtime is unpacked and loaded, and none of what is planted in the working directory", async () => {
    const cacheDir = await newCache();
    const first = await probe("embedding", [cacheDir]);
    expect(first).toMatchObject({ source: "embedded", version, isLoaded: true });
    for (const path of Object.values(Object(first.paths))) expect(path).toStartWith(`${cacheDir}/runtime-${version}-`);
    expect(await probe("embedding", [cacheDir])).toMatchObject({ paths: first.paths, isLoaded: true });
    expect(await traces()).toEqual([]);
  });

  test("ten processes that start at once on an empty cache all load it", async () => {
    const cacheDir = await newCache();
    const all = await Promise.all(Array.from({ length: 10 }, () => probe("embedding", [cacheDir])));
    for (const one of all) expect(one).toMatchObject({ source: "embedded", isLoaded: true });
    const left = await readdir(cacheDir, { recursive: true });
    expect(left.filter((name) => name.includes("unfinished"))).toEqual([]);
  });

  test("a runtime that was cut short on the disk is mended at the next start", async () => {
    const cacheDir = await newCache();
    const { paths } = await probe("embedding", [cacheDir]);
    for (const name of partNames) await truncate(Object(paths)[name], 1000);
    expect(await probe("embedding", [cacheDir])).toMatchObject({ paths, isLoaded: true });
  });

  test("a build without a runtime starts the msb that it is pointed to, and none of the working directory or of PATH", async () => {
    const folder = await mkdtemp(join(scratch, "installed-"));
    await cp(installed ?? "", folder, { recursive: true });
    const ran = join(scratch, "msb-ran");
    await Bun.write(
      join(folder, "bin/msb"),
      `#!/bin/sh\n[ "$1" = --version ] && exec echo msb ${version}\n: >${ran}\nexit 1\n`,
    );
    await chmod(join(folder, "bin/msb"), 0o755);
    const image = join(scratch, "image");
    await mkdir(image, { recursive: true });
    const told = await probe("without", ["/nowhere", folder, image]);
    expect(told).toMatchObject({ source: "none", version, isLoaded: true, paths: { msb: join(folder, "bin/msb") } });
    expect(told.started).toContain("sandbox process exited");
    expect(await Bun.file(ran).exists()).toBe(true);
    expect(await traces()).toEqual([]);
  });

  test("an msb that MSB_PATH names is told of, and refused if it is too old", async () => {
    const cacheDir = await newCache();
    const msb = join(scratch, "own-msb");
    const write = (version: string) => Bun.write(msb, `#!/bin/sh\necho msb ${version}\n`).then(() => chmod(msb, 0o755));
    await write("0.6.1");
    expect(await probe("embedding", [cacheDir], { MSB_PATH: msb })).toMatchObject({
      isLoaded: true,
      overridden: { msb },
    });
    await write("0.2.6");
    const { failure } = await probe("embedding", [cacheDir], { MSB_PATH: msb });
    expect(failure).toContain(
      `${msb}, which MSB_PATH names, is 0.2.6, which is too old: it must be 0.6. Unset MSB_PATH.`,
    );
  });

  test("variables of the runtime's own do not send sandboxes elsewhere than this program's options say", async () => {
    const env = { MSB_BACKEND: "cloud", MSB_API_KEY: "hunter2", MSB_API_URL: "http://127.0.0.1:1" };
    expect(await probe("embedding", [await newCache()], env)).toMatchObject({ backend: "local" });
  });

  test("a build without a runtime finds nothing in the working directory, and says what to install", async () => {
    const { failure } = await probe("without", ["/nowhere"]);
    expect(failure).toContain(`not whole in ${scratch}/.microsandbox: addon, msb, libkrunfw missing`);
    expect(failure).toContain(`npm install --prefix ${scratch}/.microsandbox @superradcompany/microsandbox-`);
    expect(await traces()).toEqual([]);
  });

  test("run from source in such a directory, the project's own is loaded", async () => {
    const child = Bun.spawn(
      [
        process.execPath,
        "--no-env-file",
        "--no-install",
        `--config=${root}/bunfig.toml`,
        `--tsconfig-override=${root}/tsconfig.json`,
        join(import.meta.dir, "runtime-probe.ts"),
      ],
      {
        cwd: hostile,
        stdout: "pipe",
        stderr: "inherit",
        env: { ...process.env, PATH: `${hostile}/bin:${process.env.PATH}` },
      },
    );
    expect(await child.stdout.json()).toMatchObject({ source: "project", folder: installed, isLoaded: true });
    expect(await traces()).toEqual([]);
  });
});
