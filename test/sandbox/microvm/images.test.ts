// Images with the real runtime and a cache of their own: nothing boots here. A process each, because the runtime reads MSB_HOME once.

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageSource } from "../../../src/sandbox/templates.ts";
import { serveRegistry, writeImageArchive } from "./image-archive.ts";

type Told = {
  readonly ok: boolean;
  readonly progress: readonly string[];
  readonly digest: string | null;
  readonly message: string;
  readonly cause: string;
};

const root = mkdtempSync(join(tmpdir(), "images-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let homes = 0;

/** A folder for a runtime's cache, which takes plain HTTP from this registry. */
function newHome(registry?: string): string {
  const home = join(root, `home-${homes++}`);
  mkdirSync(home);
  const hosts = registry === undefined ? {} : { [registry]: { insecure: true } };
  writeFileSync(join(home, "config.json"), JSON.stringify({ registries: { hosts } }));
  return home;
}

async function make(home: string, ...args: readonly (ImageSource | { archive: string })[]): Promise<readonly Told[]> {
  const probe = Bun.spawn(
    [process.execPath, join(import.meta.dir, "images-probe.ts"), ...args.map((arg) => JSON.stringify(arg))],
    { env: { ...process.env, MSB_HOME: home }, stdout: "pipe", stderr: "inherit" },
  );
  const lines = (await probe.stdout.text()).trim().split("\n");
  expect(await probe.exited).toBe(0);
  return lines.map((line) => JSON.parse(line));
}

test("an archive is loaded on first use, and not again by the next process", async () => {
  const path = join(root, "mine.tar");
  writeImageArchive(path, ["mine:1", "mine:latest"], "mine");
  const home = newHome();
  const image = { kind: "archive", path, reference: "mine:1" } as const;
  const [first, again, other] = await make(home, image, image, { ...image, reference: "mine:latest" });
  expect(first).toMatchObject({ ok: true, progress: ["reading the archive mine.tar", "loading the archive mine.tar"] });
  expect([again, other]).toMatchObject([
    { ok: true, progress: [], digest: first?.digest },
    { ok: true, progress: [], digest: first?.digest },
  ]);
  const [later] = await make(home, image);
  expect(later).toMatchObject({ ok: true, progress: ["reading the archive mine.tar"], digest: first?.digest });
}, 60_000);

test("an archive that has changed, or whose reference another one took, is loaded again", async () => {
  const [a, b] = [join(root, "a.tar"), join(root, "b.tar")];
  writeImageArchive(a, ["same:1"], "a");
  writeImageArchive(b, ["same:1"], "b");
  const home = newHome();
  const imageOf = (path: string) => ({ kind: "archive", path, reference: "same:1" }) as const;
  const told = await make(home, imageOf(a), imageOf(b), imageOf(a));
  expect(told.map(({ ok }) => ok)).toEqual([true, true, true]);
  expect(told[0]?.digest).not.toBe(told[1]?.digest);
  expect(told[2]?.digest).toBe(told[0]?.digest);
  writeImageArchive(a, ["same:1"], "changed");
  const [changed] = await make(home, imageOf(a));
  expect(changed?.ok).toBe(true);
  expect(changed?.digest).not.toBe(told[0]?.digest);
}, 60_000);

test("an archive that does not hold the image says what it holds, without its path", async () => {
  const path = join(root, "other.tar");
  writeImageArchive(path, ["other:1"], "other");
  const [told] = await make(newHome(), { kind: "archive", path, reference: "mine:1" });
  expect(told?.ok).toBe(false);
  expect(told?.message).toContain("the archive other.tar does not hold the image mine:1; it holds other:1.");
  expect(told?.message).not.toContain(root);
}, 60_000);

test.each([
  ["is not there", undefined],
  ["is no archive", "not a tar"],
])(
  "an archive that %s is a fault of the configuration",
  async (_, content) => {
    const path = join(root, "bad.tar");
    rmSync(path, { force: true });
    if (content !== undefined) writeFileSync(path, content);
    const [told] = await make(newHome(), { kind: "archive", path, reference: "mine:1" });
    expect(told).toMatchObject({ ok: false });
    expect(told?.message).toStartWith("Configuration error: the archive bad.tar cannot be ");
  },
  60_000,
);

test("an image is pulled from its registry once, with its progress, and is there for the next process", async () => {
  using registry = serveRegistry(root, "pulled");
  const home = newHome(registry.host);
  const image = { kind: "registry", reference: `${registry.host}/library/thing:1` } as const;
  const [first, again] = await make(home, image, image);
  expect(first).toMatchObject({ ok: true });
  expect(first?.progress[0]).toBe(`pulling ${image.reference}`);
  expect(again).toMatchObject({ ok: true, progress: [], digest: first?.digest });
  expect(await make(home, image)).toMatchObject([{ ok: true, progress: [] }]);
  expect(registry.state.manifestsAsked).toBe(1);
}, 60_000);

test("a registry that fails is told without its details; the cause has them, for the log", async () => {
  using registry = serveRegistry(root, "refused");
  registry.state.refuse = true;
  const reference = `${registry.host}/library/thing:1`;
  const [told] = await make(newHome(registry.host), { kind: "registry", reference });
  expect(told?.ok).toBe(false);
  expect(told?.message).toStartWith(
    `Sandbox creation failed: the image ${reference} could not be pulled from its registry.`,
  );
  expect(told?.cause).toStartWith("error: ");
}, 60_000);

test("an archive of images serves references without asking a registry", async () => {
  const path = join(root, "all.tar");
  writeImageArchive(path, ["python:3.13-slim", "node:24-slim"], "all");
  const told = await make(
    newHome(),
    { archive: path },
    { kind: "registry", reference: "python:3.13-slim" },
    { kind: "registry", reference: "node:24-slim" },
    { kind: "registry", reference: "registry.invalid/not-in-it:1" },
  );
  expect(told.map(({ ok }) => ok)).toEqual([true, true, false]);
  expect(told[1]?.progress).toEqual([]);
}, 60_000);

test("a folder has to look like the root of a system", async () => {
  const good = join(root, "good");
  mkdirSync(join(good, "usr/bin"), { recursive: true });
  const told = await make(
    newHome(),
    { kind: "folder", path: good },
    { kind: "folder", path: join(good, "usr/bin") },
    { kind: "folder", path: join(root, "missing") },
  );
  expect(told.map(({ ok }) => ok)).toEqual([true, false, false]);
  expect(told[1]?.message).toContain("the folder bin is not the root of a Linux system");
  expect(existsSync(join(root, "missing"))).toBe(false);
}, 60_000);
