// One started program that works on a guest's files, as requests and answers.

import type { Clock } from "../../clock.ts";
import { type Frame, Frames } from "./frames.ts";
import { Slots } from "./slots.ts";
import { Window } from "./window.ts";

/** What an adapter has started. What is written comes in order, and all of it, unless the program ends. */
export type AgentProgram = {
  /** Never throws or rejects. */
  write(text: string): Promise<void> | void;
  /** Where any bytes can be written; else they come as text. */
  readonly writeBytes?: (bytes: Uint8Array) => void;
  /** How many bytes may be written of what has not been answered, where it matters that the program has read what was written. */
  readonly unansweredBytes?: number;
  closeInput(): void;
  kill(): void;
  /** How it ended, in words: "exit status 1". */
  readonly ended: Promise<string>;
};

/** Instead of how it ended: its image has nothing to start it with. */
export const notThere = "the image has neither Python nor Node.js";

/** Throws if it cannot be started. */
export type StartAgent = (onStdout: (bytes: Uint8Array) => void) => AgentProgram;

/** As base64, 256 KiB. */
const largestPieceBytes = 192 * 1024;
/** How many pieces of at most 256 KiB are on their way at once. */
const piecesAtOnce = 16;
/**
 * One that has said nothing for so long is asked whether it is there, and ended if it does not answer for as long again; a new one has both to start.
 * Together less than the 60 s that MCP clients wait.
 */
const silenceMs = 20_000;

/** The guest's system said no, by the name of an error. */
export class Refused extends Error {
  readonly errorName: string;
  readonly bytesSoFar: number | undefined;
  /** Of a move, what is at fault is where it comes from. */
  readonly isOfSource: boolean;

  constructor({ error, bytesSoFar, at }: Frame["header"]) {
    const errorName = typeof error === "string" && /^E[A-Z0-9]{1,30}$/.test(error) ? error : "EIO";
    super(errorName);
    this.errorName = errorName;
    this.bytesSoFar = typeof bytesSoFar === "number" ? bytesSoFar : undefined;
    this.isOfSource = at === "from";
  }
}

/** The program has gone; what it was asked for may have been done, or not. */
export class AgentLost extends Error {
  /** It has been there at all. */
  readonly hadStarted: boolean;

  constructor(how: string, hadStarted: boolean) {
    super(how);
    this.hadStarted = hadStarted;
  }
}

export class Agent {
  readonly slots = new Slots(piecesAtOnce);
  /** Bounds a piece that is written. */
  readonly pieceBytes: number;
  readonly ended: Promise<void>;
  readonly #program: AgentProgram;
  readonly #clock: Clock;
  readonly #pending = new Map<number, PromiseWithResolvers<Frame>>();
  readonly #window: Window;
  #numbers = 0;
  #frames = 0;
  #lost: AgentLost | null = null;
  #watch: AbortController | null = null;

  constructor(start: StartAgent, clock: Clock) {
    this.#clock = clock;
    const frames = new Frames((frame) => this.#take(frame));
    this.#program = start((bytes) => {
      if (this.#lost !== null) return;
      try {
        frames.push(bytes);
      } catch {
        this.#end("what it said was not to be understood");
        this.kill();
      }
    });
    const { unansweredBytes = Number.POSITIVE_INFINITY } = this.#program;
    this.#window = new Window(unansweredBytes);
    // Two of them fit, as base64.
    this.pieceBytes = Math.min(largestPieceBytes, Math.floor(unansweredBytes / 3));
    this.ended = this.#program.ended.then((how) => this.#end(how));
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** Rejects with `Refused` or `AgentLost`. */
  async request(op: string, options: Readonly<Record<string, unknown>>, data?: Uint8Array): Promise<Frame> {
    if (this.#lost !== null) throw this.#lost;
    this.#numbers++;
    const id = this.#numbers;
    const answer = Promise.withResolvers<Frame>();
    this.#pending.set(id, answer);
    if (this.#watch === null) void this.#watchSilence();
    this.#send({ id, op, ...options }, data);
    return await answer.promise;
  }

  #send(request: Readonly<Record<string, unknown>> & { readonly id: number }, data: Uint8Array | undefined): void {
    const { writeBytes } = this.#program;
    const isRaw = data !== undefined && writeBytes !== undefined;
    const told = isRaw ? { ...request, raw: data.length } : request;
    const line = JSON.stringify(data === undefined || isRaw ? told : { ...told, data: base64Of(data) });
    this.#window.send(request.id, Buffer.byteLength(line) + (isRaw ? data.length : 0), () => {
      void this.#program.write(`${line}\n`);
      if (isRaw) writeBytes(data);
    });
  }

  close(): void {
    this.#program.closeInput();
  }

  kill(): void {
    this.#program.kill();
  }

  #take(frame: Frame): void {
    this.#frames++;
    const { id, error } = frame.header;
    const answer = typeof id === "number" ? this.#pending.get(id) : undefined;
    if (answer === undefined || typeof id !== "number") return;
    this.#pending.delete(id);
    this.#window.answered(id);
    if (this.#pending.size === 0) this.#stopWatching();
    if (error === undefined) answer.resolve(frame);
    else answer.reject(new Refused(frame.header));
  }

  #end(how: string): void {
    this.#lost ??= new AgentLost(how, this.#frames > 0);
    this.#stopWatching();
    for (const { reject } of this.#pending.values()) reject(this.#lost);
    this.#pending.clear();
    this.#window.clear();
  }

  /** While anything is asked: anybody in the guest may have stopped it. */
  async #watchSilence(): Promise<void> {
    const watch = new AbortController();
    this.#watch = watch;
    try {
      for (let seen = this.#frames === 0 ? -1 : this.#frames, isAsked = false; ; ) {
        await this.#clock.sleep(silenceMs, watch.signal);
        if (seen !== this.#frames) isAsked = false;
        else if (isAsked || this.#frames === 0) break;
        else {
          isAsked = true;
          void this.#program.write(`${JSON.stringify({ id: 0, op: "ping" })}\n`);
        }
        seen = this.#frames;
      }
      this.#end("it did not answer");
      this.kill();
    } catch {
      // Everything has been answered.
    }
  }

  #stopWatching(): void {
    this.#watch?.abort();
    this.#watch = null;
  }
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
