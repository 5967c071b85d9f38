// The link to one sandbox's relay (guest/relay.*): programs started there, their streams here. It goes through the
// portal's interpreter, a request and an answer at a time, and past it through a command while an answer is awaited.
//
// A request is {n nonce, k number of the last answer that came, w how long the relay may wait for something to tell in ms,
// o operations}; an answer {p its number, a number of the last operation carried out, e events}. The relay carries out every
// operation once, in the order of their numbers, and repeats an answer that did not come, so a request that may have been lost
// can be sent again: what it asked for happens once.

import { gone, type Link, type Program, type ProgramEvents } from "../linked/link.ts";
import type { GuestSpawnOptions } from "../runner/guest.ts";
import { signalName } from "../signals.ts";
import type { Page } from "./answers.ts";

export type RelayLinkOptions = {
  /**
   * Delivers one request and resolves with the answer to `nonce`. Sends it again where it may have been lost; rejects when
   * the sandbox is given up, which ends the link.
   */
  readonly exchange: (request: string, nonce: string, waitMs: number) => Promise<Page>;
  /** Delivers operations while `exchange` waits. Resolves whether it worked or not. */
  readonly beside: (request: string) => Promise<void>;
  /** Called once, when `exchange` has rejected. */
  readonly onBroken: (error: unknown) => void;
};

type Operation = readonly [number: number, what: string, ...arguments: readonly unknown[]];

type Entry = {
  readonly events: ProgramEvents;
  readonly control: boolean;
  /** It has said something on its control descriptor: it is ready, and needs no watching between runs. */
  heard: boolean;
  killed: boolean;
};

/** How long the relay may hold a request back: the portal's limit and our deadline are both beyond it. */
const longWaitMs = 5_000;
/** Bounds one write operation, in characters: with its encodings it stays far below the server's 2 MB limit of a request. */
const writeLimit = 128 * 1024;
/** Bounds the operations of one request, in bytes of JSON; for the same limit. */
const requestLimit = 1024 * 1024;
/** Bounds what goes through a command's argument, in characters: Linux takes 128 KiB. */
const besideLimit = 96 * 1024;

export class RelayLink implements Link {
  readonly #options: RelayLinkOptions;
  readonly #programs = new Map<number, Entry>();
  /** Bounded by what one run writes: its source, and a few signals. */
  #unconfirmed: Operation[] = [];
  #lastOperation = 0;
  #sentBeside = 0;
  #lastProgram = 0;
  #lastPage = 0;
  #listeners = 0;
  #pumping = false;
  /** The operations of the request whose answer is awaited end with this one; null while none is. */
  #awaiting: number | null = null;
  #kicked = false;
  #waiting: (() => void)[] = [];
  #ended = false;

  constructor(options: RelayLinkOptions) {
    this.#options = options;
  }

  start(argv: readonly string[], options: GuestSpawnOptions, events: ProgramEvents): Program {
    this.#lastProgram += 1;
    const id = this.#lastProgram;
    const entry: Entry = { events, control: options.control, heard: false, killed: false };
    if (this.#ended) {
      queueMicrotask(() => events.onEnd(gone));
      return { write: () => {}, signal: () => {} };
    }
    this.#programs.set(id, entry);
    const input = options.input ?? null;
    this.#operate("spawn", id, argv, options.env, options.control, input !== null);
    const write = (text: string) => {
      if (!this.#programs.has(id)) {
        return;
      }
      for (const part of parts(text, writeLimit)) {
        this.#operate("write", id, part);
      }
    };
    if (input !== null) {
      write(input);
    }
    return {
      write,
      signal: (number, group) => {
        if (this.#programs.has(id)) {
          entry.killed ||= number === 9;
          this.#operate("signal", id, number, group);
        }
      },
    };
  }

  /** Goes along with the run's first operation. */
  mark(): void {
    this.#enqueue("mark");
  }

  terminate(): void {
    this.#operate("terminate");
  }

  async sweep(): Promise<void> {
    await this.#done(this.#operate("sweep"));
  }

  async endAll(): Promise<void> {
    await this.#done(this.#operate("end"));
  }

  listen(): Disposable {
    this.#listeners += 1;
    return {
      [Symbol.dispose]: () => {
        this.#listeners -= 1;
      },
    };
  }

  end(): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    const programs = [...this.#programs.values()];
    this.#programs.clear();
    for (const { events } of programs) {
      events.onEnd(gone);
    }
    this.#wake();
  }

  #enqueue(what: string, ...operands: readonly unknown[]): number {
    this.#lastOperation += 1;
    this.#unconfirmed.push([this.#lastOperation, what, ...operands]);
    return this.#lastOperation;
  }

  #operate(what: string, ...operands: readonly unknown[]): number {
    const number = this.#enqueue(what, ...operands);
    this.#kick();
    return number;
  }

  async #done(operation: number): Promise<void> {
    while (!this.#ended && this.#unconfirmed.some(([number]) => number === operation)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Later in this turn, so that operations that belong together travel together. */
  #kick(): void {
    if (this.#kicked || this.#ended) {
      return;
    }
    this.#kicked = true;
    queueMicrotask(() => {
      this.#kicked = false;
      if (this.#awaiting !== null) {
        void this.#goBeside(this.#awaiting);
      } else if (!this.#pumping) {
        void this.#pump();
      }
    });
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (!this.#ended) {
      try {
        const page = await this.#request();
        this.#awaiting = null;
        this.#receive(page);
      } catch (error) {
        if (!this.#ended) {
          this.#options.onBroken(error);
          this.end();
        }
        return;
      }
      // Whoever has waited for these events acts now; what it does may go along with the next request, or make one needless.
      await new Promise((resolve) => setImmediate(resolve));
      this.#wake();
      if (this.#unconfirmed.length === 0 && this.#waiting.length === 0 && !this.#interested()) {
        this.#pumping = false;
        return;
      }
    }
  }

  #request(): Promise<Page> {
    const nonce = `msb-${crypto.randomUUID()} `;
    const operations = upTo(requestLimit, this.#unconfirmed);
    this.#awaiting = operations.at(-1)?.[0] ?? this.#lastOperation - this.#unconfirmed.length;
    const more = operations.length < this.#unconfirmed.length;
    const waitMs = this.#interested() && !more && this.#waiting.length === 0 ? longWaitMs : 0;
    const request = encode({ n: nonce, k: this.#lastPage, w: waitMs, o: operations });
    return this.#options.exchange(request, nonce, waitMs);
  }

  async #goBeside(underWay: number): Promise<void> {
    const operations = this.#unconfirmed.filter(([number]) => number > underWay && number > this.#sentBeside);
    const request = encode({ o: operations });
    if (operations.length > 0 && request.length <= besideLimit) {
      this.#sentBeside = operations.at(-1)?.[0] ?? this.#sentBeside;
      await this.#options.beside(request);
    }
  }

  #receive(page: Page): void {
    this.#unconfirmed = this.#unconfirmed.filter(([number]) => number > page.a);
    if (page.p <= this.#lastPage) {
      return;
    }
    this.#lastPage = page.p;
    for (const event of page.e) {
      const entry = this.#programs.get(event[1]);
      if (entry === undefined) {
        continue;
      }
      if (event[0] === "x") {
        this.#programs.delete(event[1]);
        entry.events.onEnd({
          code: event[2],
          signal: event[3] === null ? null : signalName(event[3]),
          memoryRanOut: event[4],
          unheard: event[5],
        });
      } else if (event[0] === "c") {
        entry.heard = true;
        entry.events.onControl(Buffer.from(event[2], "base64"));
      } else {
        entry.events.onOutput(event[0] === "o" ? "stdout" : "stderr", Buffer.from(event[2], "base64"));
      }
    }
  }

  #interested(): boolean {
    if (this.#listeners > 0) {
      return true;
    }
    for (const entry of this.#programs.values()) {
      if (entry.killed || !entry.control || !entry.heard) {
        return true;
      }
    }
    return false;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }
}

function encode(message: object): string {
  return Buffer.from(JSON.stringify(message)).toString("base64");
}

/** Pieces of at most `limit` characters, none ending in half a character. */
function* parts(text: string, limit: number): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const last = text.charCodeAt(at + limit - 1);
    const end = at + limit - (last >= 0xd800 && last <= 0xdbff ? 1 : 0);
    yield text.slice(at, end);
    at = end;
  }
}

/** The first operations that fit; always at least one. */
function upTo(limit: number, operations: readonly Operation[]): readonly Operation[] {
  let size = 0;
  const count = operations.findIndex((operation) => {
    size += Buffer.byteLength(JSON.stringify(operation));
    return size > limit;
  });
  return count < 0 ? operations : operations.slice(0, Math.max(1, count));
}
