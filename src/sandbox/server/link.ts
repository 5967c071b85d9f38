// The link to one sandbox's relay (guest/relay.*): programs started there, their streams here. It goes through the
// portal's interpreter, a request and an answer at a time, and past it through a command while an answer is awaited.
//
// A request is {n nonce, k number of the last answer that came, w how long the relay may wait for something to tell in ms,
// o operations}; an answer {p its number, a number of the last operation carried out, e events}. The relay carries out every
// operation once, in the order of their numbers, and repeats an answer that did not come, so a request that may have been lost
// can be sent again: what it asked for happens once.

import { deflateRawSync } from "node:zlib";
import type { Clock } from "../../clock.ts";
import { Flood } from "../linked/flood.ts";
import {
  gone,
  type Link,
  type Program,
  type ProgramEnd,
  type ProgramEvents,
  type ProgramOptions,
  type RunProcesses,
} from "../linked/link.ts";
import { piecesOf } from "../linked/pieces.ts";
import { signalName } from "../signals.ts";
import type { Page } from "./answers.ts";

export type RelayLinkOptions = {
  /**
   * Delivers one request and resolves with the answer to `nonce`. Sends it again where it may have been lost; rejects when
   * the sandbox is given up, which ends the link. While `isIdle`, no run waits for it.
   */
  readonly exchange: (request: string, nonce: string, waitMs: number, isIdle: () => boolean) => Promise<Page>;
  /** Delivers operations while `exchange` waits. Resolves whether it worked or not. */
  readonly beside: (request: string) => Promise<void>;
  /** Called once, when `exchange` has rejected. */
  readonly onBroken: (error: unknown) => void;
  readonly clock: Clock;
};

type Operation = readonly [number: number, what: string, ...arguments: readonly unknown[]];

type Entry = {
  readonly events: ProgramEvents;
  readonly control: boolean;
  /** It has said something on its control descriptor: it is ready, and needs no watching between runs. */
  heard: boolean;
  killed: boolean;
  /** Its end has been told; its processes may still write. */
  ended: boolean;
  readonly flood: Flood;
  /** Who waits for text to be taken, in the order of the texts. */
  readonly writers: (() => void)[];
};

/** How long the relay may hold a request back: the portal's limit and our deadline are both beyond it. */
const longWaitMs = 5_000;
/** Bounds one write operation, in characters: with its encodings it stays far below the server's 2 MB limit of a request. */
const writeLimit = 128 * 1024;
/** Bounds the operations of one request, in bytes of JSON, but for a single one. */
const requestLimit = 256 * 1024;
/** How long after a run, or after the last output that nobody's run has made, the relay is asked for more of that; and how soon after, so that a
 * run that comes right behind finds the way free. */
const attentionMs = 10_000;
const attentionDelayMs = 250;
/** A code run, where a program's id is asked for. */
const codeRun = 0;
/** What is worth deflating. */
const deflateBytes = 4 * 1024;
/** Bounds what goes through a command's argument, in characters: Linux takes 128 KiB. */
const besideLimit = 96 * 1024;

export class RelayLink implements Link {
  readonly #options: RelayLinkOptions;
  readonly #programs = new Map<number, Entry>();
  /** Bounded by what runs write: their sources, a text of each, and a few signals. */
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
  #attentiveUntilMs = 0;
  #endPause: (() => void) | null = null;
  #waiting: (() => void)[] = [];
  #ended = false;

  constructor(options: RelayLinkOptions) {
    this.#options = options;
  }

  start(argv: readonly string[], options: ProgramOptions, events: ProgramEvents): Program {
    this.#lastProgram += 1;
    const id = this.#lastProgram;
    const rest = { heard: false, killed: false, ended: false, flood: new Flood(this.#options.clock), writers: [] };
    const entry: Entry = { events, control: options.control, ...rest };
    if (this.#ended) queueMicrotask(() => events.onEnd(gone));
    else this.#programs.set(id, entry);
    const isOn = () => this.#programs.get(id)?.ended === false;
    const input = options.input ?? null;
    const isOpen = options.stdin === "open";
    if (isOn()) this.#operate("spawn", id, argv, options.env, options.control, input !== null || isOpen);
    const write = (text: string): Promise<void> => {
      if (!isOn() || text === "") return Promise.resolve();
      const pieces = [...piecesOf(text, writeLimit)];
      for (const [index, piece] of pieces.entries()) {
        this.#operate("write", id, piece, isOpen && index === pieces.length - 1);
      }
      if (!isOpen) return Promise.resolve();
      return new Promise((resolve) => entry.writers.push(resolve));
    };
    if (input !== null) void write(input);
    return {
      ...this.#processesOf(options.control ? codeRun : id, isOn),
      write,
      closeInput: () => {
        if (isOn()) this.#operate("close", id);
      },
      kill: () => {
        if (!isOn()) return;
        entry.killed = true;
        this.#operate("kill", id);
      },
    };
  }

  /** Goes along with the run's first operation. */
  mark(): RunProcesses {
    this.#enqueue("mark");
    return this.#processesOf(codeRun, () => !this.#ended);
  }

  async endAll(): Promise<void> {
    await this.#done(this.#operate("end"));
  }

  listen(): Disposable {
    this.#listeners += 1;
    return {
      [Symbol.dispose]: () => {
        this.#listeners -= 1;
        this.#attend();
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
    for (const entry of programs) {
      if (!entry.ended) end(entry, gone);
    }
    this.#wake();
    this.#endPause?.();
  }

  #processesOf(run: number, isOn: () => boolean): RunProcesses {
    return {
      signal: (number, withStrays) => {
        if (isOn()) this.#operate("signal", run, number, withStrays);
      },
      sweep: (withStrays) => this.#done(this.#operate("sweep", run, withStrays)),
    };
  }

  /** Something may be printed that no run waits for. */
  #attend(): void {
    this.#attentiveUntilMs = this.#options.clock.monotonicMs() + attentionMs;
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
      } else {
        this.#endPause?.();
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
      if (this.#hasNothingToDo()) {
        if (!this.#isAttentive()) {
          this.#pumping = false;
          return;
        }
        await this.#pause();
      }
    }
  }

  #hasNothingToDo(): boolean {
    return this.#unconfirmed.length === 0 && this.#waiting.length === 0 && !this.#interested();
  }

  #isAttentive(): boolean {
    return this.#options.clock.monotonicMs() < this.#attentiveUntilMs;
  }

  async #pause(): Promise<void> {
    const over = new AbortController();
    this.#endPause = () => over.abort();
    await this.#options.clock.sleep(attentionDelayMs, over.signal).catch(() => {});
    this.#endPause = null;
  }

  #request(): Promise<Page> {
    const nonce = `msb-${crypto.randomUUID()} `;
    const operations = upTo(requestLimit, this.#unconfirmed);
    this.#awaiting = operations.at(-1)?.[0] ?? this.#lastOperation - this.#unconfirmed.length;
    const more = operations.length < this.#unconfirmed.length;
    const isExpectant = this.#interested() || this.#isAttentive();
    const waitMs = isExpectant && !more && this.#waiting.length === 0 ? longWaitMs : 0;
    const request = encode({ n: nonce, k: this.#lastPage, w: waitMs, o: operations });
    return this.#options.exchange(request, nonce, waitMs, () => this.#listeners === 0);
  }

  async #goBeside(underWay: number): Promise<void> {
    const operations = this.#unconfirmed.filter(([number]) => number > underWay && number > this.#sentBeside);
    if (operations.length === 0) return;
    this.#sentBeside = operations.at(-1)?.[0] ?? this.#sentBeside;
    const request = encode({ o: operations });
    // What is too long for this way goes with the next request, and the one that is held back is asked to come soon.
    await this.#options.beside(request.length <= besideLimit ? request : encode({ o: [] }));
  }

  #receive(page: Page): void {
    this.#unconfirmed = this.#unconfirmed.filter(([number]) => number > page.a);
    if (page.p <= this.#lastPage) {
      return;
    }
    this.#lastPage = page.p;
    for (const event of page.e) {
      const entry = this.#programs.get(event[1]);
      if (entry === undefined) continue;
      if (event[0] === "x") {
        const [, id, code, signal, memoryRanOut, unheard, isLingering] = event;
        if (!isLingering) this.#programs.delete(id);
        end(entry, { code, signal: signal === null ? null : signalName(signal), memoryRanOut, unheard });
      } else if (event[0] === "z") {
        this.#programs.delete(event[1]);
      } else if (event[0] === "w") {
        entry.writers.shift()?.();
      } else if (event[0] === "c") {
        entry.heard = true;
        entry.events.onControl(Buffer.from(event[2], "base64"));
      } else {
        this.#output(entry, event[1], event[0], Buffer.from(event[2], "base64"));
      }
    }
  }

  #output(entry: Entry, id: number, kind: "o" | "e" | "O" | "E", bytes: Buffer): void {
    const stream = kind === "o" || kind === "O" ? "stdout" : "stderr";
    if (this.#listeners === 0) this.#attend();
    if (entry.ended && entry.flood.isOver(bytes.length)) this.#operate("cut", id);
    else if (entry.ended || kind === "O" || kind === "E") entry.events.onLate(stream, bytes);
    else entry.events.onOutput(stream, bytes);
  }

  #interested(): boolean {
    if (this.#listeners > 0) {
      return true;
    }
    for (const entry of this.#programs.values()) {
      if (entry.killed || entry.ended || !entry.control || !entry.heard) {
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

function end(entry: Entry, how: ProgramEnd): void {
  entry.ended = true;
  entry.events.onEnd(how);
  for (const resolve of entry.writers.splice(0)) resolve();
}

/** A long one is deflated, and says so: the portal's Python reads it byte by byte. */
function encode(message: object): string {
  const json = Buffer.from(JSON.stringify(message));
  return json.length < deflateBytes ? json.toString("base64") : `~${deflateRawSync(json).toString("base64")}`;
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
