// May another session start? A place is reserved before the boot, so that two callers cannot both take the last one.

import { Failure } from "../failure.ts";

/** `free` may be called more than once. */
export type Place = { free(): void };

export class Admission {
  readonly #limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * For a sandbox that is booted ahead of need; undefined if there is no room. `giveUp` is called at most once, when a session needs the room: the
   * place is then to be freed as soon as nothing of the sandbox is left.
   */
  reserveAhead(_memoryMib: number, _giveUp: () => void): Place | undefined {
    return this.#taken >= this.#limit ? undefined : this.reserve();
  }

  /** Throws Failure `limit_reached` if all places are taken. */
  reserve(): Place {
    if (this.#taken >= this.#limit) {
      throw new Failure("limit_reached", `${this.#taken} of at most ${this.#limit} sessions are in use.`, {
        context: { resource: "sessions", current: this.#taken, limit: this.#limit },
        advice: [
          "Stop a session that is no longer needed with stop_session (get_sessions lists them), or use one of them by its session_id.",
          "The operator can raise the limit with --max-sessions.",
        ],
      });
    }
    this.#taken++;
    let held = true;
    return {
      free: () => {
        if (held) this.#taken--;
        held = false;
      },
    };
  }
}
