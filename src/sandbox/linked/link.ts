// What a sandbox at the far end of a link needs of it: programs started there, and the processes of one run ended. How that
// gets there is the adapter's (server/link.ts through a portal, microvm/link.ts through exec streams).

import type { GuestExit, GuestSpawnOptions } from "../runner/guest.ts";

export type ProgramEnd = GuestExit & {
  /** The kernel killed something for want of memory while it ran. */
  readonly memoryRanOut: boolean;
  /** It had ended before something was written to it, which so has had no effect. */
  readonly unheard: boolean;
};

export type ProgramEvents = {
  readonly onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
  readonly onControl: (bytes: Uint8Array) => void;
  /** After all that it wrote before its end. Called once, also when the link ends (with neither code nor signal). */
  readonly onEnd: (end: ProgramEnd) => void;
};

export type Program = {
  write(text: string): void;
  /** To the program alone or to its process group. */
  signal(number: number, group: boolean): void;
};

export interface Link {
  /** Starts a program in the guest. One that cannot be started ends with 127, as in a shell. */
  start(argv: readonly string[], options: GuestSpawnOptions, events: ProgramEvents): Program;
  /** From here to the next mark is one run's time; output from before is dropped. */
  mark(): void;
  /** Asks every process that was started since the mark to end (SIGTERM), but for the interpreter. */
  terminate(): void;
  /** Ends every process that was started since the mark, but for the interpreter. Resolves when that is done. */
  sweep(): Promise<void>;
  /** Ends every process that was started through the link, and theirs, where they would outlive it. Resolves when that is done. */
  endAll(): Promise<void>;
  /** Fetches what happens until disposed, where that takes fetching; programs that are starting or ending are watched anyway. */
  listen(): Disposable;
  /** No more requests; every program's end is told. */
  end(): void;
}

/** The end of a program whose link has ended. */
export const gone: ProgramEnd = { code: null, signal: null, memoryRanOut: false, unheard: false };
