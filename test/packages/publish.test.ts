// What publishes a release: the workflows by their linter, and scripts/publish with stand-ins for the programs that it calls.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goProgram } from "./tools.ts";

// The linter may have to be fetched and built. Milliseconds.
setDefaultTimeout(180_000);

const root = join(import.meta.dir, "../..");
const version = "7.8.9";

const actionlint = await goProgram(
  "github.com/rhysd/actionlint/cmd/actionlint",
  "v1.7.12",
  "the GitHub workflows by actionlint",
);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "msb-mcp-publish-test-"));
  await mkdir(join(folder, "scripts"));
  await cp(join(root, "scripts/publish"), join(folder, "scripts/publish"));
  const release = join(folder, "dist/release");
  await mkdir(release, { recursive: true });
  for (const name of ["msb-mcp-linux-x64", "msb-mcp-windows-x64", "msb-mcp"]) {
    await writeFile(join(release, `${name}-${version}.tgz`), "");
  }
  for (const name of ["msb-mcp-linux-x64", "SHA256SUMS", "server.json"]) await writeFile(join(release, name), "");
  await writeFile(join(release, "kubernetes.yaml"), `          image: "example.org/x/msb-mcp:${version}"\n`);
  await mkdir(join(folder, "bin"));
  for (const name of ["gh", "npm", "docker", "go", "git"]) {
    const path = join(folder, "bin", name);
    // Of the packages, one is published already.
    const answer = name === "npm" ? 'case "$*" in "view msb-mcp-linux-x64@"*) exit 0 ;; view*) exit 1 ;; esac' : "";
    const view = name === "gh" ? 'case "$*" in "release view"*) exit 1 ;; esac' : "";
    await writeFile(
      path,
      `#!/bin/sh\necho "${name} $*" >>"$CALLS"\n${answer}${view}\n[ ${name} != git ] || echo 0123abc\n`,
    );
    await chmod(path, 0o755);
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What it called, a line each. */
async function publish(...args: readonly string[]) {
  const calls = join(folder, "calls");
  await writeFile(calls, "");
  const child = Bun.spawn([join(folder, "scripts/publish"), ...args], {
    cwd: "/",
    env: { PATH: `${join(folder, "bin")}:/usr/bin:/bin`, CALLS: calls },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const stderr = await child.stderr.text();
  return { status: await child.exited, stderr, calls: (await Bun.file(calls).text()).trim().split("\n") };
}

test.skipIf(actionlint === undefined)("the workflows are without an error that their linter knows", async () => {
  const files = ["ci.yml", "release.yml"].map((name) => join(root, ".github/workflows", name));
  const child = Bun.spawn([actionlint ?? "", "-no-color", ...files], { cwd: root, stdout: "pipe", stderr: "pipe" });
  const said = (await child.stdout.text()) + (await child.stderr.text());
  expect({ status: await child.exited, said }).toEqual({ status: 0, said: "" });
});

test("a package is published once, and msb-mcp after those that it needs", async () => {
  const { status, stderr, calls } = await publish("npm", `v${version}`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: `msb-mcp-linux-x64@${version} is there already\n` });
  expect(calls.filter((call) => call.startsWith("npm publish"))).toEqual([
    `npm publish ./dist/release/msb-mcp-windows-x64-${version}.tgz --access public --provenance`,
    `npm publish ./dist/release/msb-mcp-${version}.tgz --access public --provenance`,
  ]);
});

test("each image is built for each processor of the executable of the release, and has one name for both", async () => {
  const { status, calls } = await publish("images", version);
  expect(status).toBe(0);
  const builds = calls.filter((call) => call.startsWith("docker buildx build"));
  expect(builds).toHaveLength(4);
  expect(builds[0]).toContain("--platform linux/amd64 --target minimal");
  expect(builds[0]).toContain("--build-arg BINARY=dist/release/msb-mcp-linux-x64 ");
  expect(builds[3]).toContain("--platform linux/arm64 --target full");
  const image = `example.org/x/msb-mcp:${version}`;
  expect(calls.filter((call) => call.includes("imagetools"))).toEqual(
    [image, `${image}-full`].map((tag) => `docker buildx imagetools create --tag ${tag} ${tag}-amd64 ${tag}-arm64`),
  );
});

test("the release on GitHub gets the files of the release, and the MCP registry its server.json", async () => {
  const onGithub = await publish("github", version);
  expect(onGithub.calls.at(-2)).toStartWith(`gh release create v${version} `);
  for (const file of ["msb-mcp-linux-x64", "SHA256SUMS", "server.json"]) {
    expect(onGithub.calls.at(-1)).toContain(`dist/release/${file}`);
  }
  const inRegistry = await publish("registry", version);
  expect(inRegistry.calls.at(-1)).toEndWith(" publish dist/release/server.json");
});

test("without a release of that version nothing is published", async () => {
  const { status, stderr, calls } = await publish("npm", "1.0.0");
  expect({ status, calls }).toEqual({ status: 1, calls: [""] });
  expect(stderr).toContain("scripts/release 1.0.0");
  expect((await publish("everything", version)).status).toBe(2);
  expect((await publish("npm")).status).toBe(2);
});
