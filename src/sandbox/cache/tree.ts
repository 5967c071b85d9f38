// What sandboxes have written to a folder of this machine: how much it is, and its removal. Whoever writes there is hostile and may do so all the
// while. So folders are held by descriptors and names are looked up in those: nothing is followed, nothing outside is touched. Linux only.

import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { chmod, type FileHandle, lstat, open, readdir, rename, rmdir, unlink } from "node:fs/promises";

/** Files and folders of one tree, and folders in each other: no installer's cache has more. */
const maxEntries = 100_000;
const maxDepth = 64;

/** Of a folder itself, as the file system says: names are read all at once, and an installer's folder is far smaller. */
const maxFolderBytes = 8 * 1024 ** 2;

/** Times that a tree is gone through until it is empty: each takes `maxDepth` folders from one that is deeper. */
const maxRounds = 1_000;

/** O_PATH of open(2), on x86-64 and arm64: holds a folder whatever its mode is. */
const flags = 0o10000000 | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export type Content = {
  /** On the disk: a file with holes counts as what it takes. */
  readonly bytes: number;
  /** Of files, and whatever else is no folder. */
  readonly files: readonly { readonly changedMs: number; readonly bytes: number }[];
  /** There is more, or it is deeper, than is looked at. */
  readonly isBeyond: boolean;
};

/** Throws what the system says of the folder itself, and when aborted; what vanishes below it meanwhile does not count. */
export async function contentOf(folder: string, signal: AbortSignal): Promise<Content> {
  const files: { changedMs: number; bytes: number }[] = [];
  /** Of files with several names, those that have been counted. */
  const counted = new Set<number>();
  let [bytes, entries, isBeyond] = [0, 0, false];
  const look = async (at: Held, depth: number): Promise<void> => {
    if ((await at.ownBytes()) > maxFolderBytes) isBeyond = true;
    if (isBeyond) return;
    for (const name of await at.names()) {
      signal.throwIfAborted();
      entries++;
      if (entries > maxEntries || depth > maxDepth) isBeyond = true;
      if (isBeyond) return;
      const entry = await at.entry(name);
      if (entry === null || counted.has(entry.ino)) continue;
      if (entry.nlink > 1 && !entry.isDirectory()) counted.add(entry.ino);
      const size = entry.blocks * 512;
      bytes += size;
      if (entry.isDirectory()) await at.within(name, (below) => look(below, depth + 1));
      else files.push({ changedMs: entry.mtimeMs, bytes: size });
    }
  };
  await using root = await Held.open(folder);
  await look(root, 1);
  return { bytes, files, isBeyond };
}

/** Removes the files that were changed last at this moment or before it. Folders stay: an installer may be about to write there. */
export async function removeUntil(folder: string, lastMs: number, signal: AbortSignal): Promise<void> {
  const remove = async (at: Held, depth: number): Promise<void> => {
    for (const name of await at.names()) {
      if (signal.aborted) return;
      const entry = await at.entry(name);
      if (entry === null) continue;
      if (!entry.isDirectory()) {
        if (entry.mtimeMs <= lastMs) await at.remove(name);
      } else if (depth < maxDepth) {
        await at.within(name, (below) => remove(below, depth + 1));
      }
    }
  };
  await using root = await Held.open(folder);
  await remove(root, 1);
}

/** Removes all that is there until it is aborted, but for what is made meanwhile. */
export async function empty(folder: string, signal: AbortSignal): Promise<void> {
  await using root = await Held.open(folder);
  let isDeeper = true;
  const remove = async (at: Held, name: Buffer, depth: number): Promise<void> => {
    if (signal.aborted) return;
    const entry = await at.entry(name);
    if (entry === null) return;
    if (!entry.isDirectory()) {
      await at.remove(name);
      return;
    }
    if (depth > maxDepth) {
      // Each level takes a descriptor: what is deeper is for the next round.
      const shallow = Buffer.from(`.removed-${randomBytes(8).toString("hex")}`);
      await at.within(name, async (below) => {
        // Its entry for the folder above is written to when it gets another one.
        await below.makeOurs();
        await rename(at.of(name), root.of(shallow)).then(
          () => (isDeeper = true),
          () => undefined,
        );
      });
      return;
    }
    await at.within(name, async (below) => {
      for (const child of await below.names()) await remove(below, child, depth + 1);
    });
    await rmdir(at.of(name)).catch(() => undefined);
  };
  for (let round = 0; isDeeper && round < maxRounds && !signal.aborted; round++) {
    isDeeper = false;
    for (const name of await root.names()) await remove(root, name, 1);
  }
}

/** Of a folder that no sandbox has any more. Throws what the system says, and where something is left. */
export async function removeTree(folder: string, signal: AbortSignal): Promise<void> {
  await empty(folder, signal);
  await rmdir(folder);
}

/** A folder that is held, whatever becomes of its name. Names in it are bytes: they need not be text. */
class Held implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #path: string;

  constructor(handle: FileHandle) {
    this.#handle = handle;
    this.#path = `/proc/self/fd/${handle.fd}`;
  }

  /** Throws what the system says. */
  static async open(path: string | Buffer): Promise<Held> {
    return new Held(await open(path, flags));
  }

  of(name: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.#path}/`), name]);
  }

  async ownBytes(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  /** It is this folder whose mode is changed, not what has its name by now. */
  async makeOurs(): Promise<void> {
    const { mode } = await this.#handle.stat();
    if ((mode & 0o700) !== 0o700) await chmod(this.#path, 0o700).catch(() => undefined);
  }

  async names(): Promise<readonly Buffer[]> {
    await this.makeOurs();
    return await readdir(this.#path, { encoding: "buffer" }).catch(() => []);
  }

  /** Null for what is gone. */
  async entry(name: Buffer): Promise<Stats | null> {
    return await lstat(this.of(name)).catch(() => null);
  }

  async remove(name: Buffer): Promise<void> {
    await unlink(this.of(name)).catch(() => undefined);
  }

  /** Nothing is done with what is no folder any more. */
  async within(name: Buffer, work: (below: Held) => Promise<void>): Promise<void> {
    const opened = await Held.open(this.of(name)).catch(() => null);
    if (opened === null) return;
    await using below = opened;
    await work(below);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
