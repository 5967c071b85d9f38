// Clients that leave: notices that a request's connection closed before its answer was there.

/** What a client waits for. */
export interface Awaited {
  readonly settled: boolean;
  /** The client has gone. */
  leave(): void;
}

type Waiting = { readonly request: Request; readonly answer: Awaited };

/**
 * Looks at a request's signal only if its answer is still open when the current turn of the event loop ends, because making the
 * signal costs a quick call a tenth of its time. Nothing is missed: Bun says `aborted` of a signal made too late.
 */
export class Departures {
  /** The requests of one turn of the event loop; the gate bounds them. */
  #waiting: Waiting[] = [];

  /** Calls `answer.leave()` if the client of `request` goes first. */
  watch(request: Request, answer: Awaited): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#look());
    this.#waiting.push({ request, answer });
  }

  #look(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { request, answer } of waiting) {
      if (answer.settled) continue;
      if (request.signal.aborted) answer.leave();
      else request.signal.addEventListener("abort", () => answer.leave(), { once: true });
    }
  }
}
