// The interpreters of a sandbox, as no run's end may touch them: each as the program that entered it, and as the process inside.

import type { GuestProgram } from "./guest-program.ts";
import { childrenOf, type Process, readProcess } from "./processes.ts";

export class Interpreters {
  /** With the process inside, once it is known: it stays the same. */
  readonly #known = new Map<GuestProgram, Process | null>();
  #spawned = 0;

  /** How many there have been. */
  get spawned(): number {
    return this.#spawned;
  }

  add(program: GuestProgram): void {
    this.#known.set(program, null);
    this.#spawned += 1;
    void program.exited.then(() => this.#known.delete(program));
  }

  /** The processes inside, so far as they are there by now. */
  insides(): readonly Process[] {
    return [...this.#known].flatMap(([program, known]) => {
      const inside =
        known ??
        childrenOf(program.pid)
          .map(readProcess)
          .find((child) => child !== null) ??
        null;
      if (known === null) this.#known.set(program, inside);
      return inside ?? [];
    });
  }

  /** Their pids, by what is inside now. */
  pids(): readonly number[] {
    return [...this.#known.keys()].flatMap(({ pid }) => childrenOf(pid));
  }
}
