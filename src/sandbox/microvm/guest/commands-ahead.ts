// The ids of commands to come, whose folders and pipes the guest has already. One that has none makes its own, which takes longer.

import type { Warden } from "./warden.ts";

/** How many are made at once, and how many are left when the next are. */
const madeAtOnce = 4;
const fewest = 2;

export class CommandsAhead {
  readonly #warden: Warden;
  readonly #ids: string[] = [];
  #isMaking = false;

  constructor(warden: Warden) {
    this.#warden = warden;
  }

  /** A number that no other command of the guest has. */
  take(): string {
    return this.#ids.shift() ?? newId();
  }

  /** To be called when nobody waits for the guest. Where that never answers, commands go on making their own. */
  refill(): void {
    if (this.#isMaking || this.#ids.length > fewest) return;
    this.#isMaking = true;
    const ids = Array.from({ length: madeAtOnce }, newId);
    void this.#warden.make(ids).then((areThere) => {
      this.#isMaking = false;
      if (areThere) this.#ids.push(...ids);
    });
  }
}

/** By chance, because there may have been others before us in this guest. */
function newId(): string {
  return String(1 + (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0));
}
