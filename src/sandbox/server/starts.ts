// Starts that were asked for, from their place until the server has answered. One whose caller cannot wait goes on: to hang up would throw the
// pull of its image away, and the next call would begin it anew. What comes of it is taken over by the next call for the same, or ended.

import type { Clock } from "../../clock.ts";
import { CallError } from "./call-error.ts";
import type { Client } from "./client.ts";
import { Gate } from "./gate.ts";
import type { StartConfig } from "./launch.ts";
import type { Place, Places } from "./places.ts";

export type Start = {
  readonly place: Place;
  /** Resolves when the server says that the sandbox has started. */
  readonly answer: Promise<void>;
};

export type StartsOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly places: Places;
  /** In one namespace starts would lose one another's entries (rule 1). */
  readonly atOnce: number;
  /** Ends the sandbox in the place for good, and gives the place back. Never rejects. */
  readonly end: (place: Place) => Promise<void>;
  /** How long a start that nobody waits for may go on when the host ends. Milliseconds. */
  readonly leavingMs: number;
  /** Aborts when the host ends. */
  readonly signal: AbortSignal;
};

type Pending = Start & {
  readonly key: string;
  readonly hangUp: AbortController;
  isAnswered: boolean;
  /** Whether nothing has been done, as far as it has failed. */
  isHarmless: boolean;
  /** Nobody waits for it; resolves when somebody does, or when nothing is left of it. */
  left: PromiseWithResolvers<void> | null;
};

/** When a start that was not answered is hung up on after all. A pull of gigabytes over a slow line takes less. Milliseconds. */
const startLimitMs = 2 * 3_600_000;

export class Starts {
  readonly #options: StartsOptions;
  readonly #gate: Gate;
  /** One a place at most. */
  readonly #pending = new Set<Pending>();

  constructor(options: StartsOptions) {
    this.#options = options;
    this.#gate = new Gate(options.atOnce);
  }

  /** How many starts the server has not answered. */
  get pending(): number {
    return [...this.#pending].filter(({ isAnswered }) => !isAnswered).length;
  }

  /** For anybody: asks for a sandbox when it is its turn. Throws CallError, or the signal's reason without having been sent. */
  async ask(address: Place["address"], config: object, signal: AbortSignal): Promise<void> {
    const leave = await this.#gate.enter(signal);
    try {
      await this.#options.client.start(address, config, { deadlineMs: startLimitMs, signal });
    } finally {
      leave();
    }
  }

  /**
   * A start for this session: one that its caller has left, or a new one in a place of its own. Throws CallError, or the signal's reason.
   */
  async begin(config: StartConfig, sessionId: string, signal: AbortSignal): Promise<Start> {
    const key = JSON.stringify(config);
    const abandoned = [...this.#pending].find((one) => one.left !== null && one.key === key);
    if (abandoned !== undefined) {
      abandoned.left?.resolve();
      abandoned.left = null;
      abandoned.place.sessionId = sessionId;
      return abandoned;
    }
    const { places } = this.#options;
    const place = await places.take(config.image, sessionId, signal);
    let leave: () => void;
    try {
      leave = await this.#gate.enter(signal);
    } catch (error) {
      places.giveBack(place, "nothing");
      throw error;
    }
    return this.#send(key, place, config, leave);
  }

  /** The caller does not wait any more; `answer` may have failed. Resolves when somebody else does, or nothing is left of it. Never rejects. */
  async leave(start: Start): Promise<void> {
    const pending = [...this.#pending].find((one) => one === start);
    if (pending === undefined) return;
    if (pending.isAnswered) {
      await this.#clearAway(pending);
      return;
    }
    pending.left = Promise.withResolvers();
    pending.place.sessionId = null;
    const { signal, clock, leavingMs } = this.#options;
    const onEnd = () => {
      void clock.sleep(leavingMs).then(() => pending.hangUp.abort(new Error("the host ends")));
    };
    signal.addEventListener("abort", onEnd, { once: true });
    if (signal.aborted) onEnd();
    await pending.left.promise;
    signal.removeEventListener("abort", onEnd);
  }

  /** Its sandbox is somebody's from here on. */
  settle(start: Start): void {
    for (const pending of this.#pending) if (pending === start) this.#pending.delete(pending);
  }

  #send(key: string, place: Place, config: StartConfig, leave: () => void): Pending {
    const { client } = this.#options;
    const hangUp = new AbortController();
    const answer = client.start(place.address, config, { deadlineMs: startLimitMs, signal: hangUp.signal });
    const pending: Pending = { key, place, answer, hangUp, isAnswered: false, isHarmless: false, left: null };
    this.#pending.add(pending);
    const onAnswer = (error: unknown) => {
      leave();
      pending.isAnswered = true;
      pending.isHarmless = error instanceof CallError && error.harmless;
      if (pending.left !== null) void this.#clearAway(pending);
    };
    answer.then(() => onAnswer(null), onAnswer);
    return pending;
  }

  async #clearAway(pending: Pending): Promise<void> {
    this.#pending.delete(pending);
    const { places, end } = this.#options;
    if (pending.isHarmless) places.giveBack(pending.place, "nothing");
    else await end(pending.place);
    pending.left?.resolve();
  }
}
