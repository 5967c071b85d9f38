// Which runtime a process gets, and what is said where there is none.

import { expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import packageJson from "../../../package.json" with { type: "json" };
import { Failure } from "../../../src/failure.ts";
import { type LocatedRuntime, locateRuntime, openRuntime } from "../../../src/sandbox/microvm/runtime/runtime.ts";
import { versionProblem } from "../../../src/sandbox/microvm/runtime/tested-version.ts";
import { type SmallRuntime, smallRuntime } from "./small-runtime.ts";

const root = join(import.meta.dir, "../../..");
const none = { kind: "none", platform: "linux-x64-gnu" } as const;
const packageName = "@superradcompany/microsandbox-linux-x64-gnu";

async function failureOf(location: Promise<LocatedRuntime>): Promise<Failure> {
  const reason = await location.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(reason instanceof Failure)) throw new Error(`not a Failure: ${reason}`);
  expect(reason.kind).toBe("configuration");
  return reason;
}

/** Lays an installed runtime out as its package is, with a program that says this version. */
async function install(folder: string, versions: { readonly addon: string; readonly msb: string }): Promise<void> {
  await mkdir(join(folder, "bin"), { recursive: true });
  await mkdir(join(folder, "lib"), { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: packageName, version: versions.addon }));
  await writeFile(join(folder, "microsandbox.linux-x64-gnu.node"), "no addon");
  await writeFile(join(folder, "bin/msb"), `#!/bin/sh\necho msb ${versions.msb}\n`, { mode: 0o755 });
  await writeFile(join(folder, "lib/libkrunfw.so.5.6.1"), "");
}

const open = (small: SmallRuntime) =>
  locateRuntime({ cacheDir: small.cacheDir, installedDir: small.directory, carried: none });

test.if(process.platform === "linux" && process.arch === "x64")(
  "run from source, the runtime of the project's own node_modules is loaded",
  async () => {
    const { microsandbox, ...located } = await openRuntime({ cacheDir: "/nowhere", installedDir: undefined });
    expect(typeof microsandbox.Sandbox.builder).toBe("function");
    const version = packageJson.dependencies.microsandbox;
    expect(located).toMatchObject({ source: "project", version, folder: join(root, "node_modules", packageName) });
    for (const path of Object.values(located.paths)) expect(path).toStartWith(located.folder);
  },
);

test("a build without a runtime takes one that npm has installed in the folder, or the folder's own", async () => {
  await using small = await smallRuntime();
  const folder = join(small.directory, "node_modules", packageName);
  await install(folder, { addon: "0.6.18", msb: "0.6.17" });
  const inNodeModules = await open(small);
  expect(inNodeModules).toMatchObject({ source: "none", version: "0.6.18", paths: { msb: join(folder, "bin/msb") } });
  await install(small.directory, { addon: "0.6.18", msb: "0.6.18" });
  expect((await open(small)).paths.msb).toBe(join(small.directory, "bin/msb"));
});

test("the makers' own installation alone lacks the addon, and that is said with what brings it", async () => {
  await using small = await smallRuntime();
  await mkdir(join(small.directory, "bin"));
  await mkdir(join(small.directory, "lib"));
  await writeFile(join(small.directory, "bin/msb"), "");
  await writeFile(join(small.directory, "lib/libkrunfw.so.5.6.1"), "");
  const { message, advice } = await failureOf(open(small));
  expect(message).toContain(`${small.directory}: addon missing`);
  expect(advice[0]).toContain(
    `npm install --prefix ${small.directory} ${packageName}@${packageJson.dependencies.microsandbox}`,
  );
});

test.each([
  [{ addon: "0.5.9", msb: "0.6.18" }, "addon is 0.5.9, which is too old: it must be 0.6"],
  [{ addon: "0.6.18", msb: "0.2.6" }, "msb is 0.2.6, which is too old: it must be 0.6"],
  [{ addon: "0.7.0", msb: "0.7.0" }, "addon is 0.7.0, which is too new: it must be 0.6"],
  [{ addon: "latest", msb: "0.6.18" }, 'addon is "latest", which is not a version'],
])("an installed runtime of versions %j is refused before it is loaded", async (versions, why) => {
  await using small = await smallRuntime();
  await install(small.directory, versions);
  expect((await failureOf(open(small))).message).toContain(why);
});

test("an installed runtime that does not load is refused with the loader's reason", async () => {
  await using small = await smallRuntime();
  await install(small.directory, { addon: "0.6.18", msb: "0.6.18" });
  const child = Bun.spawn(
    [
      process.execPath,
      "-e",
      `
      import { openRuntime } from ${JSON.stringify(join(root, "src/sandbox/microvm/runtime/runtime.ts"))};
      const options = { cacheDir: "/nowhere", installedDir: ${JSON.stringify(small.directory)}, carried: { kind: "none", platform: "linux-x64-gnu" } };
      await openRuntime(options).catch((error) => console.log(error.kind, error.message));
    `,
    ],
    { stdout: "pipe", stderr: "inherit" },
  );
  const text = await child.stdout.text();
  expect(text).toStartWith("configuration Configuration error: The microVM runtime in ");
  expect(text).toContain("does not load here");
});

test.each([
  ["darwin", "x64"],
  ["linux", "ia32"],
  ["freebsd", "x64"],
])("on %s with %s there is no runtime, and other backends are named", async (os, cpu) => {
  const located = locateRuntime({ cacheDir: "/nowhere", installedDir: undefined, os, cpu });
  const { message } = await failureOf(located);
  expect(message).toContain(`no microVM runtime for ${os} on ${cpu}`);
  expect(message).toContain("--backend server");
});

test("a build for a platform that has no runtime says so, and not what to install", async () => {
  const carried = { kind: "none", platform: undefined } as const;
  const { message } = await failureOf(locateRuntime({ cacheDir: "/nowhere", installedDir: undefined, carried }));
  expect(message).toContain("no microVM runtime for the platform of this build (musl, or an Intel Mac)");
  expect(message).not.toContain("npm install");
});

test("run from source where the platform's package is not installed, that is said with its name", async () => {
  const located = locateRuntime({ cacheDir: "/nowhere", installedDir: undefined, os: "win32", cpu: "arm64" });
  expect((await failureOf(located)).message).toContain(
    "@superradcompany/microsandbox-win32-arm64-msvc, is not installed",
  );
});

test("a cache folder that cannot be used is named, with the option that names another", async () => {
  await using small = await smallRuntime();
  await writeFile(small.cacheDir, "");
  const { message } = await failureOf(
    locateRuntime({ cacheDir: small.cacheDir, installedDir: undefined, carried: small.runtime }),
  );
  expect(message).toContain(`cannot be unpacked in ${small.cacheDir}: the folder is not a folder`);
  expect(message).toContain("--runtime-dir");
});

test("versions of the tested minor release are taken, others are too old or too new", () => {
  expect(versionProblem("0.6.0")).toBeUndefined();
  expect(versionProblem("0.6.99")).toBeUndefined();
  expect(versionProblem("0.5.99")).toContain("too old");
  expect(versionProblem("1.0.0")).toContain("too new");
  expect(versionProblem("")).toContain("not a version");
});
