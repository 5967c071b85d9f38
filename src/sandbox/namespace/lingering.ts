// Programs of a sandbox that have ended, but whose output a background process still holds: each costs us four descriptors.

import type { GuestProgram } from "./guest-program.ts";

/** Of one sandbox. */
const limit = 16;

export class Lingering {
  /** In the order in which they ended; at most `limit`. */
  readonly #programs = new Set<GuestProgram>();

  /** The oldest gives way: what it is written from now on is lost. */
  add(program: GuestProgram): void {
    this.#programs.add(program);
    void program.silent.then(() => this.#programs.delete(program));
    const [oldest] = this.#programs;
    if (this.#programs.size <= limit || oldest === undefined) return;
    void oldest.drained.then(() => oldest.close());
    this.#programs.delete(oldest);
  }

  /** Once what they have written so far is read. */
  async close(): Promise<void> {
    await Promise.all([...this.#programs].map(({ drained }) => drained));
    for (const program of this.#programs) program.close();
  }
}
