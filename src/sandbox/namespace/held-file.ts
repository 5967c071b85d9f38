// A small file of the kernel's (/proc, control groups) that is read again and again. Held open, a reading is one call, and the file cannot
// come to be another process's.

import { closeSync, openSync, readSync } from "node:fs";

/** Longer than any file that is read so. */
const maxBytes = 1024;

export class HeldFile implements Disposable {
  readonly #buffer = Buffer.alloc(maxBytes);
  #descriptor: number | null;

  /** A file that cannot be opened reads as empty. */
  constructor(path: string) {
    this.#descriptor = tryOpen(path);
  }

  /** What it says now; empty if what it told of has gone. */
  read(): string {
    if (this.#descriptor === null) return "";
    try {
      const length = readSync(this.#descriptor, this.#buffer, 0, maxBytes, 0);
      return this.#buffer.toString("latin1", 0, length);
    } catch {
      return "";
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }
}

function tryOpen(path: string): number | null {
  try {
    return openSync(path, "r");
  } catch {
    return null;
  }
}
