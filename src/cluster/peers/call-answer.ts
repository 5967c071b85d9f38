// The answer to one call of another node's: in one piece where it is there soon, else in lines, with progress and signs of life before the last.

import type { Clock } from "../../clock.ts";
import { type FinalLine, lineOf } from "./wire.ts";

export type CallAnswerOptions = {
  /** Never rejects. */
  readonly work: (progress: (text: string) => void) => Promise<FinalLine>;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** The node that asked has gone. */
  readonly onLeave: () => void;
};

/** Milliseconds. */
const soonMs = 500;
const signOfLifeMs = 10_000;
/** Between two lines with progress. */
const progressMs = 100;
/** Of output that has not been sent yet, the newest is kept. UTF-16 code units. */
const maxUnsentLength = 8192;
/** Bytes that wait for the other node before nothing but the result is added. */
const maxWaitingBytes = 64 * 1024;

export async function answerCall({ work, headers, clock, onLeave }: CallAnswerOptions): Promise<Response> {
  const telling = new Telling(clock);
  const working = work((text) => telling.add(text)).finally(() => telling.end());
  await clock.sleep(soonMs, telling.ended).catch(() => undefined);
  if (telling.ended.aborted) return new Response(lineOf(await working), { headers });
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        telling.begin(controller);
        const close = (final: FinalLine) => {
          controller.enqueue(encoder.encode(lineOf(final)));
          controller.close();
        };
        // It fails where the other node has left.
        working.then(close).catch(() => undefined);
      },
      cancel() {
        telling.end();
        onLeave();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxWaitingBytes }),
  );
  return new Response(body, { headers });
}

/** What is told before the result. */
class Telling {
  readonly #clock: Clock;
  readonly #end = new AbortController();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #unsent = "";
  #saidMs = 0;
  #isFlushing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  end(): void {
    this.#end.abort();
  }

  begin(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.#say({});
    void this.#flush();
    void this.#showLife();
  }

  add(text: string): void {
    this.#unsent = (this.#unsent + text).slice(-maxUnsentLength);
    if (this.#controller !== undefined && !this.#isFlushing) void this.#flush();
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    while (this.#unsent !== "" && !this.ended.aborted) {
      const progress = this.#unsent.toWellFormed();
      if (this.#say({ progress })) this.#unsent = "";
      await this.#clock.sleep(progressMs, this.ended).catch(() => undefined);
    }
    this.#isFlushing = false;
  }

  async #showLife(): Promise<void> {
    while (!this.ended.aborted) {
      const leftMs = this.#saidMs + signOfLifeMs - this.#clock.monotonicMs();
      if (leftMs <= 0) this.#say({});
      else await this.#clock.sleep(leftMs, this.ended).catch(() => undefined);
    }
  }

  /** False if too much waits already. */
  #say(line: object): boolean {
    this.#saidMs = this.#clock.monotonicMs();
    if ((this.#controller?.desiredSize ?? 0) <= 0) return false;
    this.#controller?.enqueue(encoder.encode(lineOf(line)));
    return true;
  }
}

const encoder = new TextEncoder();
