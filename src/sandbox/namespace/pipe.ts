// A real pipe between a guest's program and us. Programs may open /dev/stdout, which fails on the socket pairs that
// Bun.spawn makes of "pipe". What is read goes to one callback at once; after the program's end the rest is drained.

import { closeSync, readSync } from "node:fs";
import type { Libc } from "./libc.ts";

/** As much as a guest can make a pipe hold (/proc/sys/fs/pipe-max-size), bytes: all that can be left in one at a program's end. */
const pipeCapacityBytes = 1024 * 1024;
const readBytes = 64 * 1024;

/** Turns of the event loop that drain() waits for the stream to fall silent; a background process may never let it. */
const quietTurns = 16;

/** What of a stream's reader is used here; the runtime's and the web's types of the whole disagree. */
type ByteReader = {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
};

export class OutputPipe {
  /** For the program; to be closed with `started` once the program has it. */
  readonly writeEnd: number;
  /** Resolves once nobody holds the writing end any more, or after close(). */
  readonly ended: Promise<void>;
  readonly #readEnd: number;
  readonly #reader: ByteReader;
  #onBytes: (bytes: Uint8Array) => void;
  #chunks = 0;
  #open = true;

  constructor(libc: Libc, onBytes: (bytes: Uint8Array) => void) {
    const pipe = libc.pipe("writes");
    this.writeEnd = pipe.writeEnd;
    this.#readEnd = pipe.readEnd;
    this.#onBytes = onBytes;
    this.#reader = Bun.file(this.#readEnd).stream().getReader();
    this.ended = this.#read();
  }

  /** The program has its end by now, or never will. */
  started(): void {
    closeSync(this.writeEnd);
  }

  /**
   * Call it once the program has exited. Delivers what it has left in the pipe; what a background process that still holds the pipe
   * writes from then on goes to `onLate`. It neither delays anybody nor dies of a closed pipe.
   */
  async drain(onLate: (bytes: Uint8Array) => void = () => {}): Promise<void> {
    for (let turn = 0; turn < quietTurns && this.#open; turn++) {
      const seen = this.#chunks;
      await new Promise((resolve) => setImmediate(resolve));
      if (turn > 0 && seen === this.#chunks) break;
    }
    if (!this.#open) return;
    this.#readRest();
    this.#onBytes = onLate;
  }

  /** Ends reading at once. */
  close(): void {
    this.#onBytes = () => {};
    this.#reader.cancel().catch(() => {});
    this.#closeReadEnd();
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done || value === undefined) break;
        this.#chunks += 1;
        this.#onBytes(value);
      }
    } catch {
      // Cancelled by close(), or the pipe is broken: nothing more will come either way.
    }
    this.#closeReadEnd();
  }

  /** The stream above reads on this very thread, so what is read here in one go comes after all that it has delivered. */
  #readRest(): void {
    for (let total = 0; total < pipeCapacityBytes; ) {
      const bytes = new Uint8Array(readBytes);
      let length: number;
      try {
        length = readSync(this.#readEnd, bytes);
      } catch {
        return; // EAGAIN: the pipe is empty, but somebody still holds the other end.
      }
      if (length === 0) return;
      this.#onBytes(bytes.subarray(0, length));
      total += length;
    }
  }

  #closeReadEnd(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#readEnd);
  }
}
