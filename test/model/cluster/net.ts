// What lies between the nodes of a walk: who is there, who is stopped, and which ways are cut. What is on a cut way waits until it is mended, as TCP has it.

import type { NodeClock, WorldTime } from "./clocks.ts";

/** One process of a node, as others reach it. */
export type Place = {
  readonly host: string;
  readonly clock: NodeClock;
  /** Aborts when it is killed, or has ended. */
  readonly gone: AbortSignal;
  /** It hears nobody new any more. */
  isClosed: boolean;
  readonly answer: (request: Request) => Promise<Response | undefined>;
};

export class Net {
  readonly time: WorldTime;
  /** By the host of its address: the process that listens there. */
  readonly places = new Map<string, Place>();
  readonly #cut = new Set<string>();
  #changed = Promise.withResolvers<void>();

  constructor(time: WorldTime) {
    this.time = time;
  }

  get cuts(): readonly string[] {
    return [...this.#cut];
  }

  /** `registry` is one of the two, or both are hosts. */
  cut(one: string, other: string): void {
    this.#cut.add(way(one, other));
  }

  mend(one: string, other: string): void {
    if (this.#cut.delete(way(one, other))) this.hasChanged();
  }

  isCut(one: string, other: string): boolean {
    return this.#cut.has(way(one, other));
  }

  /** Something can get on. */
  hasChanged(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves once it is so; never, if it never is. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.#changed.promise;
  }

  /** Resolves once this process runs: never, if it is gone. */
  async running({ clock, gone }: Pick<Place, "clock" | "gone">): Promise<void> {
    await this.until(() => !clock.isStopped && !gone.aborted);
  }
}

function way(one: string, other: string): string {
  return [one, other].sort().join(" ");
}
