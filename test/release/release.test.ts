// scripts/release, run for this machine's target, with quick compression: what lies in dist/release after it, and what each file holds.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import packageJson from "../../package.json" with { type: "json" };
import { readLock } from "../../scripts/releasing/lock.ts";
import { bringPackage, bunPackageOf, lockedPackage, runtimePackageOf } from "../../scripts/releasing/packages.ts";
import { targets } from "../../scripts/releasing/targets.ts";
import { type Ended, root, run, scratch } from "./scratch.ts";

const { version } = packageJson;
const own = targets.find(({ os, arch, libc }) => os === process.platform && arch === process.arch && libc !== "musl");
// Compressing what has 150 MB, four times. Milliseconds.
const releaseTimeoutMs = 280_000;

function release(argv: readonly string[]): Promise<Ended> {
  return run([process.execPath, join(root, "scripts/release.ts"), ...argv], {
    env: process.env,
    timeoutMs: releaseTimeoutMs,
  });
}

describe.skipIf(own === undefined)("a release for this machine", () => {
  let folder: Awaited<ReturnType<typeof scratch>> | undefined;
  let out = "";
  const id = own?.id ?? "";
  const executable = own?.executable ?? "";

  beforeAll(async () => {
    folder = await scratch();
    out = join(folder.path, "out");
    const { status, stderr } = await release([version, "--targets", id, "--compression", "quick", "--out", out]);
    if (status !== 0) throw new Error(stderr);
  }, releaseTimeoutMs);

  afterAll(() => folder?.[Symbol.asyncDispose]());

  test("has each file under its name, with a sum that sha256sum checks", async () => {
    const names = (await readdir(out)).sort();
    expect(names).toEqual(
      [
        ...["SHA256SUMS", "SIZES.md", "install.sh", "msb-mcp.cdx.json", "server.json", executable],
        ...[`msb-mcp-${version}.tgz`, `${executable}-${version}.tgz`, `${executable}.mcpb`, `${executable}.tar.gz`],
      ].sort(),
    );
    expect(await readdir(join(out, ".."))).toEqual(["out"]);
    const checked = await run(["sha256sum", "-c", "SHA256SUMS"], { cwd: out });
    expect(checked).toMatchObject({ status: 0 });
    expect(checked.stdout.match(/: OK\n/g)).toHaveLength(names.length - 1);
  });

  test("has an archive with the program, its licenses and the texts, owned by root and dated as the commit is", async () => {
    const { stdout } = await run(["tar", "--numeric-owner", "-tvzf", join(out, `${executable}.tar.gz`)], {
      env: { TZ: "UTC" },
    });
    const { stdout: date } = await run(["git", "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d %H:%M"], {
      cwd: root,
      env: { TZ: "UTC" },
    });
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => line.replaceAll(/ +\d+ \d{4}-.*:\d\d /g, " "))).toEqual([
      `-rw-r--r-- 0/0 ${executable}/LICENSE`,
      `-rw-r--r-- 0/0 ${executable}/README.md`,
      `-rw-r--r-- 0/0 ${executable}/THIRD-PARTY-LICENSES`,
      `-rwxr-xr-x 0/0 ${executable}/msb-mcp`,
    ]);
    for (const line of lines) expect(line).toContain(date.trim());
  });

  test("has a program that install.sh unpacks and that is the executable itself", async () => {
    await using place = await scratch();
    await run(["tar", "-xzf", join(out, `${executable}.tar.gz`)], { cwd: place.path });
    const program = join(place.path, executable, "msb-mcp");
    expect(await sha256(program)).toBe(await sha256(join(out, executable)));
    const { stdout } = await run([program, "--version"]);
    expect(stdout).toStartWith(`msb-mcp ${version} (`);
    const licenses = await readFile(join(place.path, executable, "THIRD-PARTY-LICENSES"), "utf8");
    for (const named of ["JavaScriptCore and WebKit", "elysia 1.", "GNU Lesser General Public License 2.1"]) {
      expect(licenses).toContain(named);
    }
  });

  test("has a bill of materials that the schema of CycloneDX allows, with Bun and each file of the runtime", async () => {
    const text = await readFile(join(out, "msb-mcp.cdx.json"), "utf8");
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).toBeNull();
    const { components } = JSON.parse(text);
    const names = components.map((component: { name: string }) => component.name);
    expect(names).toEqual(expect.arrayContaining([...Object.keys(packageJson.dependencies).map(baseName)]));
    expect(names).not.toContain("typescript");
    const sums = new Set([...text.matchAll(/"content": "([0-9a-f]{64})"/g)].map(([, sum]) => sum));
    expect(sums).toContain(await sha256(join(out, executable)));
    expect(sums).toContain(await sha256(process.execPath));
    const runtime = own?.hasRuntime ? runtimePackageOf(own) : undefined;
    if (runtime === undefined) return;
    const installed = join(root, "node_modules", runtime);
    const files = (await readdir(installed, { recursive: true })).filter((name) => /msb$|\.node$|libkrunfw/.test(name));
    expect(files).toHaveLength(3);
    for (const file of files) expect(sums).toContain(await sha256(join(installed, file)));
  });

  test("is not bigger than it is meant to be: 127.4 million bytes, and the runtime, of which the best compression leaves 21.4", async () => {
    const { size } = await stat(join(out, executable));
    const cache = join(root, "node_modules/.cache/msb-mcp-runtime");
    const [quick = ""] = (await readdir(cache)).filter((name) => name.endsWith("-3.zst"));
    const runtime = own?.hasRuntime ? Bun.file(join(cache, quick)).size : 0;
    expect(size - runtime).toBeLessThan(127.4e6);
    expect(await readFile(join(out, "SIZES.md"), "utf8")).toContain(`| ${id} | ${(size / 1e6).toFixed(1)} |`);
  });
});

test("another version, unknown targets and a folder that has files are refused, all at once", async () => {
  await using folder = await scratch();
  await Bun.write(join(folder.path, "precious"), "");
  const { status, stderr } = await release(["9.9.9", "--targets", "linux-x64,amiga", "--out", folder.path]);
  expect(status).toBe(2);
  expect(stderr).toContain(`VERSION: "9.9.9" is not allowed; it must be ${version}, as in package.json`);
  expect(stderr).toContain('--targets: "amiga" is not allowed; it must be some of linux-x64,linux-arm64,');
  expect(stderr).toContain(`--out: ${folder.path} is not empty`);
  expect(await readdir(folder.path)).toEqual(["precious"]);
});

test.skipIf(own === undefined)("a release that is killed leaves nothing under the name of a release", async () => {
  await using folder = await scratch();
  const out = join(folder.path, "out");
  const argv = [version, "--targets", own?.id ?? "", "--compression", "quick", "--out", out];
  const child = Bun.spawn([process.execPath, join(root, "scripts/release.ts"), ...argv], { stderr: "pipe" });
  let told = "";
  for await (const bytes of child.stderr) {
    told += new TextDecoder().decode(bytes);
    // Its first step, told before it begins.
    if (told.includes(`${own?.id}: getting its Bun …\n`)) child.kill("SIGKILL");
  }
  expect(await child.exited).toBe(137);
  expect(await readdir(folder.path)).toEqual(["out.new"]);
});

test("each target's Bun is pinned in bun.lock, and a target carries a runtime where bun.lock pins one", async () => {
  const lock = await readLock(root);
  for (const target of targets) {
    expect(lockedPackage(lock, bunPackageOf(target))).toMatchObject({
      version: packageJson.devDependencies.bun,
      integrity: expect.stringMatching(/^sha512-/),
    });
    const runtime = runtimePackageOf(target);
    expect({ id: target.id, hasRuntime: runtime !== undefined && lock.byName.has(runtime) }).toEqual({
      id: target.id,
      hasRuntime: target.hasRuntime,
    });
  }
});

test("a package with another sum than bun.lock says is refused, and not kept", async () => {
  await using folder = await scratch();
  const { byName } = await readLock(root);
  const real = byName.get("ms");
  if (real === undefined) throw new Error("bun.lock has no ms");
  const wrong = { ...real, integrity: `sha512-${Buffer.alloc(64).toString("base64")}` };
  await expect(bringPackage(folder.path, wrong)).rejects.toThrow("Integrity");
  expect(await readdir(join(folder.path, "node_modules/.cache/msb-mcp-release"))).toEqual([]);
  expect(await readdir(await bringPackage(folder.path, real))).toContain("node_modules");
});

async function sha256(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

/** Without its scope. */
function baseName(name: string): string {
  return name.slice(name.indexOf("/") + 1);
}
