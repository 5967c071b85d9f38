// Sandboxes of this installation that nobody claims: looked for at the start and every interval, and ended after a grace
// period. Never anybody else's: a host lists only its own installation's.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { Failure } from "../failure.ts";
import type { Survivor, Survivors } from "../sandbox/port.ts";

export type OrphansOptions = {
  readonly survivors: Survivors;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly intervalMs: number;
  /** Whether a session or somebody else here has it. */
  readonly isClaimed: (survivor: Survivor) => boolean;
  /** Whether it is known to have been a session's that has ended: there is nothing to wait for. */
  readonly isOver: (survivor: Survivor) => boolean;
};

/** How long a sandbox must have been without an owner: it may be on its way into somebody's hands. Milliseconds. */
const graceMs = 30_000;
/** For ending one. Milliseconds. */
const destroyMs = 60_000;

export class Orphans implements AsyncDisposable {
  readonly #options: OrphansOptions;
  readonly #end = new AbortController();
  /** When each was seen first, by the monotonic clock; only those that the last look has seen. */
  readonly #seen = new Map<string, number>();
  #sweeping: Promise<void> | undefined;
  /** Why the last look has seen nothing; undefined if it has. */
  #hindrance: string | undefined;

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  /** A sentence, safe to show to anybody, if they cannot be looked for now. */
  get hindrance(): string | undefined {
    return this.#hindrance;
  }

  /** Sweeps now and every interval, until disposed. */
  start(): void {
    this.#sweeping ??= this.#loop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#sweeping;
  }

  async #loop(): Promise<void> {
    const { clock, intervalMs } = this.#options;
    const { signal } = this.#end;
    while (!signal.aborted) {
      await this.#sweep();
      const waitMs = this.#seen.size > 0 ? Math.min(graceMs, intervalMs) : intervalMs;
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  async #sweep(): Promise<void> {
    const { survivors, emit, isClaimed } = this.#options;
    let listed: readonly Survivor[];
    try {
      listed = await survivors.list(this.#end.signal);
      this.#hindrance = undefined;
    } catch (error) {
      if (this.#end.signal.aborted) return;
      const why = error instanceof Failure ? error.message : "an unexpected error";
      if (this.#hindrance === undefined) {
        emit({
          type: "server.warning",
          message: `Sandboxes that nobody uses cannot be looked for: ${messageOf(error)}`,
        });
      }
      this.#hindrance = `Sandboxes that nobody uses cannot be looked for, so that their number is not known: ${why}`;
      return;
    }
    const unclaimed = listed.filter((survivor) => !isClaimed(survivor));
    for (const name of this.#seen.keys()) {
      if (!unclaimed.some((survivor) => survivor.name === name)) this.#seen.delete(name);
    }
    // One after the other: it is no hurry, and the backend has others to serve.
    for (const survivor of unclaimed) if (!this.#end.signal.aborted) await this.#consider(survivor);
  }

  async #consider(survivor: Survivor): Promise<void> {
    const { clock, emit, isOver, isClaimed, survivors } = this.#options;
    const { name, createdAtMs } = survivor;
    const nowMs = clock.monotonicMs();
    const seenMs = this.#seen.get(name) ?? nowMs;
    if (!this.#seen.has(name)) {
      this.#seen.set(name, nowMs);
      const ageMs = createdAtMs === null ? null : Math.max(0, clock.now() - createdAtMs);
      emit({ type: "orphan.found", name, ageMs });
    }
    if (nowMs - seenMs < graceMs && !isOver(survivor)) return;
    // The look was some time ago.
    if (isClaimed(survivor)) return;
    const done = new AbortController();
    const late = new AbortController();
    clock.sleep(destroyMs, done.signal).then(
      () => late.abort(new Error(`it took longer than ${destroyMs / 1000} s`)),
      () => undefined,
    );
    try {
      await survivors.destroy(name, AbortSignal.any([late.signal, this.#end.signal]));
      this.#seen.delete(name);
      emit({ type: "orphan.removed", name });
    } catch (error) {
      if (!this.#end.signal.aborted) emit({ type: "orphan.kept", name, reason: messageOf(error) });
    } finally {
      done.abort();
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
