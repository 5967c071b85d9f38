// The downloads that sandboxes of one principal share: a folder for each, in the state directory. Who uses which, and that all of them together
// stay within their limit. A server and others on the same state directory use them side by side.

import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, renameSync } from "node:fs";
import { readdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import type { CacheRemoved, Emit } from "../../events.ts";
import type { FileLock } from "../../state/file-lock.ts";
import type { HoardLimits } from "../port.ts";
import { CacheLocks } from "./locks.ts";
import { type Content, contentOf, empty, removeTree, removeUntil } from "./tree.ts";

export type CachesOptions = {
  /** All of them are below it. Made when it is needed. */
  readonly folder: string;
  /** Of all together. 0: nobody has one, and those that are there are removed. */
  readonly maxBytes: number;
  /** Of one principal's. */
  readonly shareBytes: number;
  /** What the disk still has for this process. Default: what the system says. */
  readonly freeBytes?: (folder: string) => Promise<number>;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type CacheUse = Disposable & {
  readonly folder: string;
  /** `free` frees what its sandbox takes by files without a name, if that is too much, and tells how much. It is asked where the disk gets full. */
  onLook(free: Free): void;
};

type Free = (limits: HoardLimits) => Promise<number>;

/** Of a cache that was brought within its limits. With `isBeyond` there is more than `bytes`. */
type Left = Pick<Content, "bytes" | "isBeyond">;

/** What one takes, and when it was used last: the time of its lock. */
type Looked = { readonly bytes: number; readonly usedMs: number };

type InUse = { readonly lock: FileLock; readonly uses: Set<{ free: Free | undefined }> };

/** While any is in use, they are looked at so often. A look takes longer where there are many files: then less often, within `maxPauseMs`. */
const pauseMs = 5_000;
const maxPauseMs = 30_000;
const pausePerLook = 50;

/** Beyond its share by so much, a cache is no installer's: it is emptied, instead of losing its oldest files. */
const floodFactor = 2;

/** What the disk is to keep for others: below that, there is less for caches. Bytes. */
const reservedBytes = 1024 ** 3;

/** What is left of a cache that was over its limit, so that the next download does not bring it there again. */
const keptShare = 3 / 4;

export class Caches implements AsyncDisposable {
  readonly #options: CachesOptions;
  readonly #locks: CacheLocks;
  /** By key; bounded by the sessions of this process. */
  readonly #inUse = new Map<string, InUse>();
  /** What those that nobody uses here took when they were last looked at, by key. It holds for as long as no other process uses them. */
  readonly #known = new Map<string, Looked>();
  readonly #end = new AbortController();
  /** How often one has begun to be used: what was found before may not hold any more. */
  #begun = 0;
  #looking: Promise<void> | null = null;
  /** One after the other. */
  #lastLook: Promise<void> = Promise.resolve();
  #isTold = false;

  constructor(options: CachesOptions) {
    this.#options = options;
    this.#locks = new CacheLocks(options.folder, options.clock);
    if (options.maxBytes === 0) void this.look();
  }

  /**
   * The folder of this principal, which stays until it is given back by all. `backend` keeps apart whose users have other numbers. Null where
   * there is none to be had: the sandbox does without.
   */
  use(principal: string, backend: string): CacheUse | null {
    if (this.#options.maxBytes === 0 || this.#end.signal.aborted) return null;
    const key = createHash("sha256").update(`${backend}\0${principal}`).digest("hex").slice(0, 32);
    const folder = join(this.#options.folder, key);
    try {
      const inUse = this.#inUse.get(key) ?? this.#begin(key);
      if (inUse === null) return null;
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        // Its users may have changed that.
        chmodSync(folder, 0o700);
      } catch (error) {
        if (inUse.uses.size === 0) this.#release(key, inUse);
        throw error;
      }
      const use: { free: Free | undefined } = { free: undefined };
      inUse.uses.add(use);
      this.#looking ??= this.#keepLooking();
      return {
        folder,
        onLook: (free) => {
          use.free = free;
        },
        [Symbol.dispose]: () => {
          if (inUse.uses.delete(use) && inUse.uses.size === 0) this.#release(key, inUse);
        },
      };
    } catch (error) {
      this.#tell(error);
      return null;
    }
  }

  /** Looks at all, and removes what is beyond the limits. Never rejects. */
  look(): Promise<void> {
    this.#lastLook = this.#lastLook.then(() => this.#look()).catch((error: unknown) => this.#tell(error));
    return this.#lastLook;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.all([this.#looking, this.#lastLook]);
    for (const { lock } of this.#inUse.values()) lock[Symbol.dispose]();
    this.#inUse.clear();
  }

  /** Null while another process removes it. */
  #begin(key: string): InUse | null {
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
    const lock = this.#locks.share(key);
    if (lock === "taken") return null;
    if (lock === "unknown") throw new Error("files in the state directory cannot be locked");
    const inUse: InUse = { lock, uses: new Set() };
    this.#inUse.set(key, inUse);
    this.#known.delete(key);
    this.#begun++;
    this.#note(key);
    return inUse;
  }

  #release(key: string, { lock }: InUse): void {
    this.#inUse.delete(key);
    lock[Symbol.dispose]();
    this.#note(key);
  }

  #note(key: string): void {
    try {
      this.#locks.note(key);
    } catch (error) {
      this.#tell(error);
    }
  }

  async #keepLooking(): Promise<void> {
    const { clock } = this.#options;
    let pause = pauseMs;
    for (;;) {
      // What the last ones have left is looked at once more.
      const isLast = this.#inUse.size === 0;
      await clock.sleep(pause, this.#end.signal).catch(() => undefined);
      if (this.#end.signal.aborted) return;
      const beganMs = clock.monotonicMs();
      await this.look();
      pause = Math.min(Math.max(pauseMs, (clock.monotonicMs() - beganMs) * pausePerLook), maxPauseMs);
      if (isLast && this.#inUse.size === 0) {
        this.#looking = null;
        return;
      }
    }
  }

  async #look(): Promise<void> {
    const { folder } = this.#options;
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((one) => one.startsWith("removing-"))) await this.#removeLeft(name);
    const keys = names.filter((name) => /^[0-9a-f]{32}$/.test(name));
    const there = new Set(keys);
    for (const key of this.#known.keys()) if (!there.has(key)) this.#known.delete(key);
    // Other processes see that it gets more.
    for (const key of this.#inUse.keys()) this.#note(key);
    await this.#freeHoards().catch((error: unknown) => this.#tell(error));
    const looked = new Map<string, Looked>();
    for (const key of keys) {
      if (this.#end.signal.aborted) return;
      // One that cannot be looked at keeps nobody from looking at the others.
      const one = await this.#lookAt(key).catch((error: unknown) => this.#tell(error));
      if (one !== undefined) looked.set(key, one);
    }
    if (this.#end.signal.aborted) return;
    await this.#fitAll(looked);
    await this.#locks.tidy(names, (key) => this.#inUse.has(key), this.#end.signal);
  }

  /** Files without a name are in nobody's way before the disk has no room for what the caches may have, and others. */
  async #freeHoards(): Promise<void> {
    const { maxBytes: allBytes, shareBytes, emit } = this.#options;
    if (this.#inUse.size === 0) return;
    const freeBytes = await this.#freeBytes();
    if (freeBytes >= reservedBytes + allBytes) return;
    for (const { uses } of this.#inUse.values()) {
      // What this has removed while it was written is not yet a flood.
      const maxBytes = (floodFactor * shareBytes) / uses.size;
      for (const { free } of uses) {
        if (this.#end.signal.aborted) return;
        const freed = free?.({ maxBytes, endsUnknown: freeBytes < reservedBytes });
        const bytes = (await freed?.catch((error: unknown) => this.#tell(error))) ?? 0;
        if (bytes > 0) emit({ type: "cache.removed", bytes, maxBytes, why: "flood" });
      }
    }
  }

  async #freeBytes(): Promise<number> {
    const { folder, freeBytes = bytesFree } = this.#options;
    return await freeBytes(folder);
  }

  /** Brings it within its share, and tells what it takes then. */
  async #lookAt(key: string): Promise<Looked> {
    const usedMs = await this.#locks.usedMs(key);
    const isUsed = this.#inUse.has(key);
    const known = this.#known.get(key);
    if (!isUsed && known?.usedMs === usedMs) return known;
    const begun = this.#begun;
    const path = join(this.#options.folder, key);
    const content = await contentOf(path, this.#end.signal).catch(() => null);
    if (content === null) return { bytes: 0, usedMs };
    const { bytes, isBeyond } = await this.#fit(path, content, this.#options.shareBytes, "share");
    const looked = { bytes, usedMs };
    if (isUsed || begun !== this.#begun) return looked;
    if (!isBeyond) this.#known.set(key, looked);
    // A folder stays as large as its names were.
    else if (await this.#removeWhole(key, { bytes, maxBytes: this.#options.shareBytes, why: "flood" })) {
      return { bytes: 0, usedMs };
    }
    return looked;
  }

  /** The least recently used go as a whole; what is in use loses its oldest files. */
  async #fitAll(looked: ReadonlyMap<string, Looked>): Promise<void> {
    const { folder, maxBytes: wantedBytes } = this.#options;
    let total = [...looked.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const roomBytes = looked.size === 0 ? 0 : Math.max(0, total + (await this.#freeBytes()) - reservedBytes);
    const maxBytes = Math.min(wantedBytes, roomBytes);
    const why = roomBytes < wantedBytes ? "disk" : "total";
    const byUse = [...looked].toSorted(([, a], [, b]) => a.usedMs - b.usedMs);
    for (const [key, { bytes }] of byUse) {
      if (this.#end.signal.aborted || (total <= maxBytes && wantedBytes > 0)) return;
      if (await this.#removeWhole(key, { bytes, maxBytes, why })) total -= bytes;
    }
    for (const [key, { bytes }] of byUse) {
      if (total <= maxBytes || !this.#inUse.has(key)) continue;
      const path = join(folder, key);
      const content = await contentOf(path, this.#end.signal).catch(() => null);
      if (content === null) continue;
      const wanted = Math.max(0, bytes - (total - maxBytes));
      const left = await this.#fit(path, content, wanted, why).catch((error: unknown) => this.#tell(error));
      total -= bytes - (left?.bytes ?? bytes);
    }
  }

  /** Removes what is too much, and tells about how much is there then. */
  async #fit(path: string, content: Content, maxBytes: number, why: CacheRemoved["why"]): Promise<Left> {
    const { bytes, files, isBeyond } = content;
    if (bytes <= maxBytes && !isBeyond) return content;
    const kept = maxBytes * keptShare;
    const isFlood = isBeyond || (why === "share" && bytes > floodFactor * maxBytes);
    const byAge = files.toSorted((a, b) => a.changedMs - b.changedMs);
    let left: Left = content;
    let untilMs: number | undefined;
    for (const file of byAge) {
      if (left.bytes <= kept) break;
      left = { bytes: left.bytes - file.bytes, isBeyond: false };
      untilMs = file.changedMs;
    }
    // Folders take room, too: there may be no files that are worth it.
    if (isFlood || left.bytes > maxBytes || untilMs === undefined) {
      await empty(path, this.#end.signal);
      // Whoever writes there may have kept some of it, or written more.
      left = await contentOf(path, this.#end.signal);
    } else {
      await removeUntil(path, untilMs, this.#end.signal);
    }
    const removed = Math.max(0, bytes - left.bytes);
    // One that cannot be emptied is not told at each look.
    if (removed > 0 || !left.isBeyond) {
      this.#options.emit({ type: "cache.removed", bytes: removed, maxBytes, why: isFlood ? "flood" : why });
    }
    return left;
  }

  /** False for one that any process uses. */
  async #removeWhole(key: string, told: Pick<CacheRemoved, "bytes" | "maxBytes" | "why">): Promise<boolean> {
    const { folder, emit } = this.#options;
    if (this.#inUse.has(key)) return false;
    const lock = this.#locks.alone(key);
    if (lock === null) return false;
    const name = `removing-${key}-${randomBytes(8).toString("hex")}`;
    try {
      renameSync(join(folder, key), join(folder, name));
    } catch (error) {
      this.#tell(error);
      return false;
    } finally {
      lock[Symbol.dispose]();
    }
    this.#known.delete(key);
    emit({ type: "cache.removed", ...told });
    await this.#removeLeft(name);
    return true;
  }

  /** What was renamed is nobody's: a process that was killed may have left it, and one that removes it just now does not mind. */
  async #removeLeft(name: string): Promise<void> {
    await removeTree(join(this.#options.folder, name), this.#end.signal).catch(() => undefined);
  }

  /** Once: it would be the same for each session. */
  #tell(error: unknown): void {
    if (this.#isTold || this.#end.signal.aborted) return;
    this.#isTold = true;
    const why = error instanceof Error ? error.message : String(error);
    this.#options.emit({ type: "server.warning", message: `The cache of downloads cannot be used: ${why}` });
  }
}

async function bytesFree(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
