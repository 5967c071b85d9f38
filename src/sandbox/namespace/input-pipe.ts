// The stdin of a program that can be written to while it runs: a real pipe, whose other end only we hold.

import { closeSync, writeSync } from "node:fs";
import type { Clock } from "../../clock.ts";
import type { Libc } from "./libc.ts";

/** How soon a full pipe is looked at again: its reader takes its time. */
const fullMs = 5;
/** As much as a pipe holds. */
const pieceBytes = 64 * 1024;

export class InputPipe {
  /** For the program; to be closed with `started` once the program has it. */
  readonly readEnd: number;
  readonly #clock: Clock;
  readonly #writeEnd: number;
  #isOpen = true;
  #last: Promise<void> = Promise.resolve();

  constructor(libc: Libc, clock: Clock) {
    const { readEnd, writeEnd } = libc.pipe("reads");
    this.readEnd = readEnd;
    this.#writeEnd = writeEnd;
    this.#clock = clock;
  }

  /** The program has its end by now, or never will. */
  started(): void {
    closeSync(this.readEnd);
  }

  /** Behind what was written before. Resolves when all of it is in the pipe, or never will be. Never rejects. */
  write(text: string): Promise<void> {
    this.#last = this.#last.then(() => this.#write(Buffer.from(text)));
    return this.#last;
  }

  /** What was written before still goes in. */
  end(): void {
    void this.#last.then(() => this.close());
  }

  /** At once; whatever is not in the pipe yet is dropped. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#writeEnd);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && this.#isOpen; ) {
      try {
        at += writeSync(this.#writeEnd, bytes, at, Math.min(pieceBytes, bytes.length - at));
      } catch (error) {
        // Nobody is left to read it, unless it is only full.
        if (!isFull(error)) this.close();
        else await this.#clock.sleep(fullMs);
      }
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
