// The programs that one relay has started: what is asked of each as operations, and what the relay tells of it as its events.

import type { Clock } from "../../clock.ts";
import { Flood } from "../linked/flood.ts";
import { gone, type Program, type ProgramEnd, type ProgramEvents, type ProgramOptions } from "../linked/link.ts";
import { piecesOf } from "../linked/pieces.ts";
import { signalName } from "../signals.ts";
import type { Page } from "./answers.ts";

/** Bounds one write operation, in characters: with its encodings it stays far below the server's 2 MB limit of a request. */
const writeLimit = 128 * 1024;

type Entry = {
  readonly events: ProgramEvents;
  readonly control: boolean;
  /** It has said something on its control descriptor: it is ready, and needs no watching between runs. */
  heard: boolean;
  /** Works for us: it needs watching only where its end is to come. */
  readonly isTool: boolean;
  killed: boolean;
  closing: boolean;
  /** Its end has been told; its processes may still write. */
  ended: boolean;
  /** The number of the last operation that writes to it. */
  lastWrite: number;
  readonly flood: Flood;
  /** Who waits for text to be taken, in the order of the texts. */
  readonly writers: (() => void)[];
};

export type RelayedProgramsOptions = {
  readonly clock: Clock;
  /** Asks the relay for something; returns the operation's number. */
  readonly operate: (what: string, ...operands: readonly unknown[]) => number;
  /** Called with each output, before that is passed on. */
  readonly onOutput: () => void;
};

export class RelayedPrograms {
  readonly #options: RelayedProgramsOptions;
  /** Those that are on, and those of which something may still come. */
  readonly #entries = new Map<number, Entry>();
  #lastId = 0;
  #ended = false;

  constructor(options: RelayedProgramsOptions) {
    this.#options = options;
  }

  /** `id` is what operations call it. */
  start(
    argv: readonly string[],
    options: ProgramOptions & { readonly isTool?: boolean },
    events: ProgramEvents,
  ): Pick<Program, "write" | "closeInput" | "kill"> & { readonly id: number; readonly isOn: () => boolean } {
    this.#lastId += 1;
    const id = this.#lastId;
    const { operate, clock } = this.#options;
    const { isTool = false } = options;
    const rest = {
      isTool,
      heard: false,
      killed: false,
      closing: false,
      ended: false,
      lastWrite: 0,
      flood: new Flood(clock),
      writers: [],
    };
    const entry: Entry = { events, control: options.control, ...rest };
    if (this.#ended) queueMicrotask(() => events.onEnd(gone));
    else this.#entries.set(id, entry);
    const isOn = () => this.#entries.get(id)?.ended === false;
    const input = options.input ?? null;
    const isOpen = options.stdin === "open";
    // What a tool has taken is told by its answers.
    const tells = isOpen && !isTool;
    if (isOn()) operate("spawn", id, argv, options.env, options.control, input !== null || isOpen, isTool);
    const write = (text: string): Promise<void> => {
      if (!isOn() || text === "") return Promise.resolve();
      const pieces = [...piecesOf(text, writeLimit)];
      for (const [index, piece] of pieces.entries()) {
        entry.lastWrite = operate("write", id, piece, tells && index === pieces.length - 1);
      }
      if (!tells) return Promise.resolve();
      return new Promise((resolve) => entry.writers.push(resolve));
    };
    if (input !== null) void write(input);
    const closeInput = () => {
      if (!isOn()) return;
      entry.closing = true;
      operate("close", id);
    };
    const kill = () => {
      if (!isOn()) return;
      entry.killed = true;
      operate("kill", id);
    };
    return { id, isOn, write, closeInput, kill };
  }

  /** One is starting or ending, or may still write. */
  get needWatching(): boolean {
    for (const { killed, ended, closing, isTool, control, heard } of this.#entries.values()) {
      if (killed || ended || (isTool ? closing : !control || !heard)) return true;
    }
    return false;
  }

  /** `applied` is the last operation that had been carried out when the relay told of it. */
  receive(event: Page["e"][number], applied: number): void {
    const entry = this.#entries.get(event[1]);
    if (entry === undefined) return;
    if (event[0] === "x") {
      const [, id, code, signal, memoryRanOut, hasUnread, isLingering] = event;
      if (!isLingering) this.#entries.delete(id);
      // What is written while this is on its way comes to the relay too late to be told with it.
      const unheard = hasUnread || entry.lastWrite > applied;
      end(entry, { code, signal: signal === null ? null : signalName(signal), memoryRanOut, unheard });
    } else if (event[0] === "z") {
      this.#entries.delete(event[1]);
    } else if (event[0] === "w") {
      entry.writers.shift()?.();
    } else if (event[0] === "c") {
      entry.heard = true;
      entry.events.onControl(Buffer.from(event[2], "base64"));
    } else {
      this.#output(entry, event[1], event[0], Buffer.from(event[2], "base64"));
    }
  }

  /** The link has ended, and with it all of them. */
  end(): void {
    this.#ended = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries) {
      if (!entry.ended) end(entry, gone);
    }
  }

  #output(entry: Entry, id: number, kind: "o" | "e" | "O" | "E", bytes: Buffer): void {
    const stream = kind === "o" || kind === "O" ? "stdout" : "stderr";
    if (!entry.isTool) this.#options.onOutput();
    if (entry.ended && entry.flood.isOver(bytes.length)) this.#options.operate("cut", id);
    else if (entry.ended || kind === "O" || kind === "E") entry.events.onLate(stream, bytes);
    else entry.events.onOutput(stream, bytes);
  }
}

function end(entry: Entry, how: ProgramEnd): void {
  entry.ended = true;
  entry.events.onEnd(how);
  for (const resolve of entry.writers.splice(0)) resolve();
}
