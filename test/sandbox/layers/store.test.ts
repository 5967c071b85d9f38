// The folder of all layers: what counts as one, who may remove it, and what gives way.

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LayerStore } from "../../../src/sandbox/layers/store.ts";

const root = mkdtempSync(join(tmpdir(), "layer-store-"));
afterAll(() => rmSync(root, { recursive: true }));

const facts = {
  template: "tiny",
  language: "python",
  interpreter: { executable: "/p", version: "3.13.0", abi: "a", platform: "p", libc: "l", path: "/bin" },
  packages: [{ name: "tiny", version: "1.0" }],
} as const;

function newFolder(): string {
  return mkdtempSync(join(root, "store-"));
}

/** Builds a layer of so many bytes that was used so long ago. */
async function made(folder: string, key: string, bytes: number, secondsAgo = 0): Promise<void> {
  using store = new LayerStore(folder);
  await store.make(key, async (place) => {
    writeFileSync(join(place, "content"), "x".repeat(bytes));
    return facts;
  });
  const used = Date.now() / 1000 - secondsAgo;
  utimesSync(join(folder, `${key}.json`), used, used);
}

function layersOf(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => /^\w+-\w+$/.test(name));
}

test("a layer is found once it is whole, with what was told of it and its size", async () => {
  const folder = newFolder();
  using store = new LayerStore(folder);
  expect(store.use("a-1")).toBeNull();
  await store.make("a-1", async (place) => {
    writeFileSync(join(place, "content"), "four");
    expect(store.find("a")).toBeNull();
    return facts;
  });
  expect(store.use("a-1")).toEqual({ key: "a-1", folder: join(folder, "a-1"), facts: { ...facts, bytes: 4 } });
  expect(store.find("a")?.key).toBe("a-1");
  expect(store.find("b")).toBeNull();
});

test("of a build that fails nothing is left, and the next one may succeed", async () => {
  const folder = newFolder();
  using store = new LayerStore(folder);
  const failing = store.make("a-1", async (place) => {
    mkdirSync(join(place, "half"));
    throw new Error("no network");
  });
  expect(failing).rejects.toThrow("no network");
  await failing.catch(() => undefined);
  expect(readdirSync(folder)).toEqual(["a-1.lock"]);
  expect(await store.make("a-1", async () => facts)).toBe("made");
});

test("what a killed process has half built is no layer, and goes with the next build", async () => {
  const folder = newFolder();
  mkdirSync(join(folder, "building-a-1-XyZ123/site"), { recursive: true });
  using store = new LayerStore(folder);
  expect(store.use("a-1")).toBeNull();
  await store.make("a-1", async () => facts);
  expect(readdirSync(folder).toSorted()).toEqual(["a-1", "a-1.json", "a-1.lock"]);
  mkdirSync(join(folder, "building-b-2-XyZ123"));
  await store.shrink(1_000_000);
  expect(readdirSync(folder).filter((name) => name.startsWith("building"))).toEqual([]);
});

test("a folder whose facts are lost is no layer, and the next build takes its place", async () => {
  const folder = newFolder();
  await made(folder, "a-1", 10);
  writeFileSync(join(folder, "a-1.json"), "");
  using store = new LayerStore(folder);
  expect(store.use("a-1")).toBeNull();
  expect(await store.make("a-1", async () => facts)).toBe("made");
  expect(store.use("a-1")).toMatchObject({ key: "a-1", facts: { bytes: 0 } });
});

test("while one process builds, others are told so, and a killed one holds nobody up", async () => {
  const folder = newFolder();
  const source = `
    import { LayerStore } from ${JSON.stringify(join(import.meta.dir, "../../../src/sandbox/layers/store.ts"))};
    await new LayerStore(${JSON.stringify(folder)}).make("a-1", async () => { console.log("building"); await new Promise(() => setInterval(() => {}, 1000)); });
  `;
  const other = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
  try {
    for await (const _ of other.stdout) break;
    using store = new LayerStore(folder);
    expect(store.use("a-1")).toBe("busy");
    expect(await store.make("a-1", async () => facts)).toBe("busy");
    other.kill("SIGKILL");
    await other.exited;
    expect(store.use("a-1")).toBeNull();
    expect(await store.make("a-1", async () => facts)).toBe("made");
    expect(layersOf(folder)).toEqual(["a-1"]);
  } finally {
    other.kill("SIGKILL");
  }
});

test("the least recently used give way until the rest fits", async () => {
  const folder = newFolder();
  await made(folder, "a-1", 100, 10);
  await made(folder, "b-2", 100, 30);
  await made(folder, "c-3", 100, 20);
  using store = new LayerStore(folder);
  const removed = await store.shrink(250);
  expect(removed.map(({ key }) => key)).toEqual(["b-2"]);
  expect(layersOf(folder).toSorted()).toEqual(["a-1", "c-3"]);
  await store.shrink(0);
  expect(layersOf(folder)).toEqual([]);
});

test("a layer that is in use is not removed, however much room is wanted, and its use is what keeps it", async () => {
  const folder = newFolder();
  await made(folder, "a-1", 100, 30);
  await made(folder, "b-2", 100, 10);
  const user = new LayerStore(folder);
  expect(user.use("a-1")).not.toBeNull();
  using other = new LayerStore(folder);
  await other.shrink(0);
  expect(layersOf(folder)).toEqual(["a-1"]);
  user[Symbol.dispose]();
  await other.shrink(0);
  expect(layersOf(folder)).toEqual([]);
});
