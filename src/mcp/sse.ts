// One HTTP response whose body is an event stream: writing, keep-alive comments, what a reader that does not read is worth.
// Which messages go on it, and whether they can be asked for again, is not decided here.

import type { Emit } from "../events.ts";
import type { Beating, Pulse } from "./pulse.ts";

export type SseOptions = {
  readonly pulse: Pulse;
  readonly emit: Emit;
  /** Bytes that may wait for the reader before notifications are left out. */
  readonly unreadBytes: number;
  /** The client went away before the stream was closed. */
  readonly onGone?: () => void;
  /** The stream is over, whoever ended it. Called once. */
  readonly onClosed?: () => void;
};

/** Proxies and runtimes cut silent connections, the strictest in use after 20 to 30 s. */
const KEEP_ALIVE_MS = 15_000;
/** How many times `unreadBytes` the messages that must not be left out may pile up before the connection is cut. */
const PATIENCE = 32;

export class SseConnection implements Beating {
  readonly response: Response;
  readonly #options: SseOptions;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #lastWriteMs: number;
  #sentBytes = 0;

  constructor(options: SseOptions) {
    this.#options = options;
    this.#lastWriteMs = options.pulse.clock.monotonicMs();
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          // Bun sends the headers with the first bytes: without this blank line, which means nothing, a silent stream would open
          // with its first keep-alive.
          controller.enqueue(this.#encoder.encode("\n"));
        },
        cancel: () => {
          if (this.#finish()) options.onGone?.();
        },
      },
      { highWaterMark: options.unreadBytes, size: (chunk) => chunk?.byteLength ?? 0 },
    );
    this.response = new Response(body, {
      headers: {
        "content-type": "text/event-stream",
        // no-transform and x-accel-buffering keep proxies from holding events back.
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
      },
    });
    options.pulse.add(this);
  }

  /** Whether the reader keeps up. What is optional is left out while it does not. */
  get keepsUp(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  /** Writes one event as `formatEvent` made it. A reader that has stopped reading loses its connection. */
  write(event: string): void {
    const controller = this.#controller;
    if (controller === undefined) return;
    if ((controller.desiredSize ?? 0) < -PATIENCE * this.#options.unreadBytes) {
      this.#finish();
      controller.error(new Error("The client does not read its event stream."));
      this.#options.onGone?.();
      return;
    }
    this.#lastWriteMs = this.#options.pulse.clock.monotonicMs();
    const bytes = this.#encoder.encode(event);
    this.#sentBytes += bytes.length;
    controller.enqueue(bytes);
  }

  /** Ends the response once the reader has all of it. */
  close(): void {
    const controller = this.#controller;
    if (this.#finish()) controller?.close();
  }

  beat(nowMs: number): void {
    if (nowMs - this.#lastWriteMs >= KEEP_ALIVE_MS && this.keepsUp) this.write(": keep-alive\n\n");
  }

  #finish(): boolean {
    if (this.#controller === undefined) return false;
    this.#controller = undefined;
    this.#options.pulse.delete(this);
    this.#options.emit({ type: "response.sent", bytes: this.#sentBytes });
    this.#options.onClosed?.();
    return true;
  }
}

/** An event of the stream. `data` must be free of line breaks, as JSON is. */
export function formatEvent(data: string, id?: string): string {
  return id === undefined ? `event: message\ndata: ${data}\n\n` : `event: message\nid: ${id}\ndata: ${data}\n\n`;
}

/** Gives a client an id to resume from before there is anything to say (2025-11-25, Streamable HTTP, item 6 of sending). */
export function formatPriming(id: string): string {
  return `id: ${id}\ndata: \n\n`;
}
