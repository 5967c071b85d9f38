// What a command's processes write after its end, held back until its run has settled: port.ts promises its caller that order.

import type { Stream } from "../port.ts";

type Deliver = (stream: Stream, bytes: Uint8Array) => void;

export class LateOutput {
  readonly #deliver: Deliver;
  /** What came first, at most what was on its way with the command's end; null once it has been delivered. */
  #held: [Stream, Uint8Array][] | null = [];

  constructor(deliver: Deliver) {
    this.#deliver = deliver;
  }

  readonly push: Deliver = (stream, bytes) => {
    if (this.#held === null) this.#deliver(stream, bytes);
    else this.#held.push([stream, bytes]);
  };

  /** The run settles in this turn. */
  release(): void {
    setImmediate(() => {
      const held = this.#held ?? [];
      this.#held = null;
      for (const [stream, bytes] of held) this.#deliver(stream, bytes);
    });
  }
}
