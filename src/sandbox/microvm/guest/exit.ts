// How a program in the guest has ended, from what the guest's shell says of it.

import { gone, type ProgramEnd } from "../../linked/link.ts";
import { MarkedStream } from "../../runner/marked-stream.ts";
import { signalName } from "../../signals.ts";
import type { Warden } from "./warden.ts";

/** One of the two, as wait(2) has it. `signal` is 9 where a signal ended it and nobody says which. */
export type Exit = { readonly code: number } | { readonly signal: number };

/** What a shell adds to a signal's number to make a status of it. */
const signalStatus = 128;
/** Standard signals; a status beyond them is a program's own. */
const lastSignal = 31;
export const sigkill = 9;
/** What a shell ends with that has not found a program. */
export const notFound = 127;
/** Bounds what is kept behind a mark, in characters. */
const tailLimit = 4096;

/** A stream of the guest's that ends with a mark and a few words behind it. */
export class MarkedTail {
  readonly #stream = new MarkedStream();
  readonly #onTail: (tail: string) => void;
  #tail: string | undefined;

  /** `onTail` gets all that has come behind the mark each time that something does, the first time with the mark. */
  constructor(mark: string, deliver: (bytes: Uint8Array) => void, onTail: (tail: string) => void) {
    this.#onTail = onTail;
    this.#stream.begin(mark, deliver, (rest) => this.#add(rest));
  }

  push(bytes: Uint8Array): void {
    if (this.#tail === undefined) this.#stream.push(bytes);
    else this.#add(bytes);
  }

  /** There will be no mark. */
  giveUp(): void {
    this.#stream.giveUp();
  }

  #add(bytes: Uint8Array): void {
    this.#tail = ((this.#tail ?? "") + Buffer.from(bytes).toString("latin1")).slice(-tailLimit);
    this.#onTail(this.#tail);
  }
}

/** From what guest/command.sh says of a command's end: the status, a signal's where a shell says something before. */
export function readVerdict(text: string): Exit {
  const [, said = "", digits] = /^([\s\S]*) (\d+)$/.exec(text) ?? [];
  if (digits === undefined) return { signal: sigkill };
  return said === "" ? { code: Number(digits) } : fromStatus(Number(digits));
}

/** From the last line of guest/start.sh, of which `{"exit":` has been the mark. */
export function readExitLine(tail: string): Exit | null {
  const [, digits] = /^(\d+)\}\n/.exec(tail) ?? [];
  return digits === undefined ? null : fromStatus(Number(digits));
}

/** From the runtime: -1 for a signal, null if it has lost sight of the program. */
export function fromRuntime(status: number | null): Exit {
  return status === null || status < 0 ? { signal: sigkill } : { code: status };
}

function fromStatus(status: number): Exit {
  const signal = status - signalStatus;
  return signal > 0 && signal <= lastSignal ? { signal } : { code: status };
}

/** Tells ends with whether the guest's kernel had run out of memory. */
export class Ends {
  readonly #warden: Warden;
  #lastOutOfMemory = "";

  constructor(warden: Warden) {
    this.#warden = warden;
  }

  async tell(exit: Exit): Promise<ProgramEnd> {
    const end = "code" in exit ? { ...gone, code: exit.code } : { ...gone, signal: signalName(exit.signal) };
    const wasKilled = "code" in exit ? exit.code === signalStatus + sigkill : exit.signal === sigkill;
    return wasKilled ? { ...end, memoryRanOut: await this.#hasMemoryRunOut() } : end;
  }

  /** Since it was last asked. */
  async #hasMemoryRunOut(): Promise<boolean> {
    const last = await this.#warden.lastOutOfMemory();
    const isNew = last !== "" && last !== "0" && last !== this.#lastOutOfMemory;
    this.#lastOutOfMemory = last;
    return isNew;
  }
}
