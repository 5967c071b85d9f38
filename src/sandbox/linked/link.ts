// What a sandbox at the far end of a link needs of it: programs started there, and the processes of one run ended. How that
// gets there is the adapter's (server/link.ts through a portal, microvm/link.ts through exec streams).

import type { ResumeRequest, Stream } from "../port.ts";
import type { GuestExit, GuestSpawnOptions } from "../runner/guest.ts";

export type ProgramEnd = GuestExit & {
  /** The kernel killed something for want of memory while it ran. */
  readonly memoryRanOut: boolean;
  /** It had ended before something was written to it, which so has had no effect. */
  readonly unheard: boolean;
};

export type ProgramEvents = {
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
  readonly onControl: (bytes: Uint8Array) => void;
  /** After all that it wrote before its end. Called once, also when the link ends (with neither code nor signal). */
  readonly onEnd: (end: ProgramEnd) => void;
  /**
   * Output that belongs to no run: of a command, what its processes write after its end; of an interpreter, what had been printed before the mark
   * and came behind it.
   */
  readonly onLate: (stream: Stream, bytes: Uint8Array) => void;
};

/**
 * The processes of one run, which the guest tells by their ancestors, their session and a mark that they inherit. What has
 * none of these is a stray: counted in if it has come since the run's begin and `withStrays`, which is for a run that was alone all the time.
 */
export interface RunProcesses {
  /** Sends the signal to all of them, to an interpreter only if the number is another than SIGINT's. SIGKILL leaves none. */
  signal(number: number, withStrays: boolean): void;
  /** Ends all of them by force, but for an interpreter. Resolves when that is done. */
  sweep(withStrays: boolean): Promise<void>;
}

export interface Program extends RunProcesses {
  /** Resolves when the guest's end has taken the text, or never will. Never rejects. */
  write(text: string): Promise<void>;
  /** Of an open stdin: its end comes behind what has been written. */
  closeInput(): void;
  /** Ends the program alone by force. */
  kill(): void;
}

export type ProgramOptions = GuestSpawnOptions & {
  /** Stdin is what is written, behind `input` if there is that, until it is closed. Not for programs with `control`. */
  readonly stdin?: "open" | "empty" | undefined;
  /** By which a later process finds it, if it can (`Link.resume`). */
  readonly name?: string | undefined;
};

/** As port.ts has it. */
export type Resuming = Pick<ResumeRequest, "id" | "received" | "onMissing">;

export type Tool = Pick<Program, "write" | "closeInput" | "kill"> & {
  /** How many bytes it may be behind with reading; unlimited by default. */
  readonly unansweredBytes?: number;
};

/** A program of ours that works in the guest: no part of any run, and nothing is its own but its pipes. */
export type ToolEvents = {
  readonly onStdout: (bytes: Uint8Array) => void;
  /** As `ProgramEvents.onEnd`. */
  readonly onEnd: (end: GuestExit) => void;
};

export interface Link {
  /** Starts a program in the guest. One that cannot be started ends with 127, as in a shell. What is asked of it is done in order. */
  start(argv: readonly string[], options: ProgramOptions, events: ProgramEvents): Program;
  /** Starts a tool, with an open stdin. It stays when runs' processes are ended. */
  startTool(argv: readonly string[], env: Readonly<Record<string, string>>, events: ToolEvents): Tool;
  /** From here to the next mark is the time of one run of code. Its processes are those that were started in it, but for commands and theirs. */
  mark(): RunProcesses;
  /** Commands of an earlier process that can be gone on with, by their names. */
  readonly resumable?: readonly string[];
  /** Goes on with one of them, once; its stdin has come to its end. */
  readonly resume?: (resuming: Resuming, events: ProgramEvents) => Program;
  /** As Sandbox's, in port.ts: commands last. Instead of `end`. No program's end is told from the beginning of it on. */
  readonly letGo?: () => Promise<void>;
  /** As Sandbox's, in port.ts. */
  readonly cpuTimeMs?: () => Promise<number | null>;
  /** Ends every process that was started through the link, and theirs, where they would outlive it. Resolves when that is done. */
  endAll(): Promise<void>;
  /** Fetches what happens until disposed, where that takes fetching; programs that are starting or ending are watched anyway. */
  listen(): Disposable;
  /** No more requests; every program's end is told. */
  end(): void;
}

/** The end of a program whose link has ended. */
export const gone: ProgramEnd = { code: null, signal: null, memoryRanOut: false, unheard: false };
