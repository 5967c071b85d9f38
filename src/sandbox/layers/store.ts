// The folder of all layers: each a folder by its key, a file of facts beside it, and a lock. What is being built has another name, so that a
// folder with a key for its name is whole. A process that uses a layer holds its lock, shared, until it ends; who builds or removes one
// has it alone.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileLock, lockFile } from "../../state/file-lock.ts";
import type { LayerFacts } from "./layer.ts";

const building = "building-";
const removing = "removing-";

export type StoredLayer = { readonly key: string; readonly folder: string; readonly facts: LayerFacts };

export class LayerStore implements Disposable {
  readonly #folder: string;
  /** Of the layers that this process uses; bounded by the number of templates. */
  readonly #inUse = new Map<string, FileLock | "unknown">();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The layer, which nobody removes from now on while this process lives; null if it is not there, "busy" while another process builds it. */
  use(key: string): StoredLayer | null | "busy" {
    const lock = this.#inUse.get(key) ?? this.#lock(key, "shared");
    if (lock === "taken") return "busy";
    const found = this.#read(key);
    if (found === null) {
      if (lock !== "unknown") lock[Symbol.dispose]();
      this.#inUse.delete(key);
      return null;
    }
    this.#inUse.set(key, lock);
    const now = new Date();
    // By it the least recently used is known. A folder that is not ours to write serves all the same.
    tryTo(() => utimesSync(this.#facts(key), now, now));
    return found;
  }

  /** The facts of a layer whose key begins so, the newest first; it may be gone a moment later. */
  find(prefix: string): StoredLayer | null {
    const found = this.#keys().filter((key) => key.startsWith(prefix));
    const layers = found.flatMap((key) => this.#read(key) ?? []);
    return layers.toSorted((a, b) => this.#usedMs(b.key) - this.#usedMs(a.key))[0] ?? null;
  }

  /**
   * Builds a layer, unless it is there meanwhile. `build` is given an empty folder, and what it resolves with is kept beside it. "busy" while
   * another process does the same.
   */
  async make(key: string, build: (folder: string) => Promise<Omit<LayerFacts, "bytes">>): Promise<"made" | "busy"> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const lock = this.#lock(key, "alone");
    if (lock === "taken") return "busy";
    let folder: string | null = null;
    try {
      if (this.#read(key) !== null) return "made";
      await this.#clear(key);
      folder = await mkdtemp(join(this.#folder, `${building}${key}-`));
      const facts = await build(folder);
      const whole: LayerFacts = { ...facts, bytes: await sizeOf(folder) };
      await writeFile(this.#facts(key), JSON.stringify(whole), { mode: 0o600 });
      // One whose facts were lost, such as when the power failed, is no layer and would be in the way.
      await rm(join(this.#folder, key), { recursive: true, force: true });
      await rename(folder, join(this.#folder, key));
      folder = null;
      return "made";
    } finally {
      if (folder !== null) await rm(folder, { recursive: true, force: true });
      if (lock !== "unknown") lock[Symbol.dispose]();
    }
  }

  /** Removes the least recently used until the rest fits, and what killed processes have left; nothing that any process uses. */
  async shrink(maxBytes: number): Promise<readonly StoredLayer[]> {
    for (const name of await this.#names()) {
      const key = /^(?:building|removing)-([0-9a-f]+-[0-9a-f]+)-/.exec(name)?.[1];
      if (key !== undefined) await this.#alone(key, () => this.#clear(key));
    }
    const layers = this.#keys().flatMap((key) => this.#read(key) ?? []);
    let bytes = layers.reduce((sum, { facts }) => sum + facts.bytes, 0);
    const removed: StoredLayer[] = [];
    for (const layer of layers.toSorted((a, b) => this.#usedMs(a.key) - this.#usedMs(b.key))) {
      if (bytes <= maxBytes) break;
      const isRemoved = await this.#alone(layer.key, async () => {
        await rename(layer.folder, join(this.#folder, `${removing}${layer.key}-0`));
        await rm(this.#facts(layer.key), { force: true });
        await this.#clear(layer.key);
      });
      if (!isRemoved) continue;
      bytes -= layer.facts.bytes;
      removed.push(layer);
    }
    return removed;
  }

  [Symbol.dispose](): void {
    for (const lock of this.#inUse.values()) if (lock !== "unknown") lock[Symbol.dispose]();
    this.#inUse.clear();
  }

  async #alone(key: string, work: () => Promise<void>): Promise<boolean> {
    const lock = this.#lock(key, "alone");
    // Without locks, nobody can tell who uses what.
    if (lock === "taken" || lock === "unknown") return false;
    try {
      await work();
      return true;
    } finally {
      lock[Symbol.dispose]();
    }
  }

  /** What an unfinished build or removal has left. The lock is held. */
  async #clear(key: string): Promise<void> {
    const left = (await this.#names()).filter((name) =>
      [building, removing].some((word) => name.startsWith(`${word}${key}-`)),
    );
    for (const name of left) await rm(join(this.#folder, name), { recursive: true, force: true });
  }

  #lock(key: string, how: "alone" | "shared"): FileLock | "taken" | "unknown" {
    if (!existsSync(this.#folder)) return "unknown";
    return lockFile(join(this.#folder, `${key}.lock`), how);
  }

  #read(key: string): StoredLayer | null {
    const folder = join(this.#folder, key);
    try {
      if (!statSync(folder).isDirectory()) return null;
      const facts: LayerFacts = JSON.parse(readFileSync(this.#facts(key), "utf8"));
      return { key, folder, facts };
    } catch {
      return null;
    }
  }

  #usedMs(key: string): number {
    return statSync(this.#facts(key), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  #facts(key: string): string {
    return join(this.#folder, `${key}.json`);
  }

  #keys(): readonly string[] {
    try {
      return readdirSync(this.#folder).filter((name) => /^[0-9a-f]+-[0-9a-f]+$/.test(name));
    } catch {
      return [];
    }
  }

  async #names(): Promise<readonly string[]> {
    return await readdir(this.#folder).catch(() => []);
  }
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

function tryTo(act: () => void): void {
  try {
    act();
  } catch {
    // As its caller says.
  }
}
