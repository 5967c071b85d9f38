// A file beside each cache that no sandbox reaches: its lock tells whether any process uses the cache, its time when one has used it last.

import { rmdirSync, statSync, unlinkSync, utimesSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { lockFile } from "../../state/file-lock.ts";

/** Of a cache with nothing in it, lock and folder stay for so long after it was used last. They are looked for now and then. */
const emptyKeptMs = 30 * 24 * 60 * 60 * 1000;
const tidyPauseMs = 24 * 60 * 60 * 1000;

/** Times that a lock is taken whose file another process may just have removed. */
const maxTries = 3;

export class CacheLocks {
  readonly #folder: string;
  readonly #clock: Clock;
  #tidiedMs = Number.NEGATIVE_INFINITY;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** Of the file that has this name now: one that has been removed meanwhile keeps nobody away. */
  share(key: string): ReturnType<typeof lockFile> {
    const path = this.#path(key);
    const inode = () => statSync(path, { throwIfNoEntry: false })?.ino;
    for (let tries = 0; tries < maxTries; tries++) {
      const before = inode();
      const lock = lockFile(path, "shared");
      if (lock === "taken" || lock === "unknown") return lock;
      if (before !== undefined && before === inode()) return lock;
      lock[Symbol.dispose]();
    }
    return "taken";
  }

  /** Null where any process uses the cache. */
  alone(key: string): Disposable | null {
    const lock = lockFile(this.#path(key), "alone");
    return lock === "taken" || lock === "unknown" ? null : lock;
  }

  /** It is used now. Throws what the system says. */
  note(key: string): void {
    const now = new Date(this.#clock.now());
    utimesSync(this.#path(key), now, now);
  }

  async usedMs(key: string): Promise<number> {
    const lock = await stat(this.#path(key)).catch(() => null);
    return lock?.mtimeMs ?? 0;
  }

  /** Forgets caches with nothing in them that nobody has used for long. `names` are those in the folder. */
  async tidy(names: readonly string[], isInUse: (key: string) => boolean, signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.now();
    if (nowMs - this.#tidiedMs < tidyPauseMs) return;
    this.#tidiedMs = nowMs;
    for (const name of names) {
      if (signal.aborted) return;
      const [, key] = /^([0-9a-f]{32})\.lock$/.exec(name) ?? [];
      if (key === undefined || nowMs - (await this.usedMs(key)) <= emptyKeptMs) continue;
      if (!isInUse(key)) this.#forget(key);
    }
  }

  #forget(key: string): void {
    using lock = this.alone(key);
    if (lock === null) return;
    try {
      rmdirSync(join(this.#folder, key));
    } catch (error) {
      const isGone = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isGone) return;
    }
    unlinkSync(this.#path(key));
  }

  #path(key: string): string {
    return join(this.#folder, `${key}.lock`);
  }
}
