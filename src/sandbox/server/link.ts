// The link to one sandbox's relay (guest/relay.*): programs started there, their streams here. It goes through the
// portal's interpreter, a request and an answer at a time, and past it through a command while an answer is awaited.
//
// A request is {n nonce, k number of the last answer that came, w how long the relay may wait for something to tell in ms,
// o operations}; an answer {p its number, a number of the last operation carried out, e events}. The relay carries out every
// operation once, in the order of their numbers, and repeats an answer that did not come, so a request that may have been lost
// can be sent again: what it asked for happens once.

import type { Clock } from "../../clock.ts";
import type { Link, Program, ProgramEvents, ProgramOptions, RunProcesses } from "../linked/link.ts";
import type { Stream } from "../port.ts";
import type { Page } from "./answers.ts";
import { encode, Operations } from "./operations.ts";
import { RelayedPrograms } from "./relayed-programs.ts";

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

/** How long the relay may hold a request back: the portal's limit and our deadline are both beyond it. */
const longWaitMs = 5_000;
/** How long after a run, or after the last output that nobody's run has made, the relay is asked for more of that; and how soon after, so that a
 * run that comes right behind finds the way free. */
const attentionMs = 10_000;
const attentionDelayMs = 250;
/** How much of what is written to a tool may be on its way: a run waits behind it, and the portal's Python takes a second for 300 KB. */
const toolBytes = 512 * 1024;
/** A code run, where a program's id is asked for. */
const codeRun = 0;

export class RelayLink implements Link {
  readonly #options: RelayLinkOptions;
  readonly #programs: RelayedPrograms;
  readonly #operations = new Operations();
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
    this.#programs = new RelayedPrograms({
      clock: options.clock,
      operate: (what, ...operands) => this.#operate(what, ...operands),
      onOutput: () => {
        if (this.#listeners === 0) this.#attend();
      },
    });
  }

  start(argv: readonly string[], options: ProgramOptions, events: ProgramEvents): Program {
    const { id, isOn, ...program } = this.#programs.start(argv, options, events);
    return { ...this.#processesOf(options.control ? codeRun : id, isOn), ...program };
  }

  startTool(...[argv, env, { onStdout, onEnd }]: Parameters<Link["startTool"]>): ReturnType<Link["startTool"]> {
    const take = (stream: Stream, bytes: Uint8Array) => {
      if (stream === "stdout") onStdout(bytes);
    };
    const options = { control: false, env, stdin: "open", isTool: true } as const;
    const program = this.#programs.start(argv, options, { onOutput: take, onLate: take, onControl: () => {}, onEnd });
    return { ...program, unansweredBytes: toolBytes };
  }

  /** Goes along with the run's first operation. */
  mark(): RunProcesses {
    this.#operations.add("mark");
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
    this.#programs.end();
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

  #operate(what: string, ...operands: readonly unknown[]): number {
    const number = this.#operations.add(what, ...operands);
    this.#kick();
    return number;
  }

  async #done(operation: number): Promise<void> {
    while (!this.#ended && !this.#operations.isConfirmed(operation)) {
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
    return this.#operations.isEmpty && this.#waiting.length === 0 && !this.#interested();
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
    const { operations, lastNumber, hasMore } = this.#operations.next();
    this.#awaiting = lastNumber;
    const isExpectant = this.#interested() || this.#isAttentive();
    const waitMs = isExpectant && !hasMore && this.#waiting.length === 0 ? longWaitMs : 0;
    const request = encode({ n: nonce, k: this.#lastPage, w: waitMs, o: operations });
    return this.#options.exchange(request, nonce, waitMs, () => this.#listeners === 0);
  }

  async #goBeside(underWay: number): Promise<void> {
    const request = this.#operations.beside(underWay);
    if (request !== undefined) await this.#options.beside(request);
  }

  #receive(page: Page): void {
    this.#operations.confirm(page.a);
    if (page.p <= this.#lastPage) {
      return;
    }
    this.#lastPage = page.p;
    for (const event of page.e) this.#programs.receive(event, page.a);
  }

  #interested(): boolean {
    return this.#listeners > 0 || this.#programs.needWatching;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }
}
