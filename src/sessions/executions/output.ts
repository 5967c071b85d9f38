// What one execution writes: all of it into its spool, and of each stream what an answer has.

import type { Display } from "../../sandbox/files.ts";
import type { Stream } from "../../sandbox/port.ts";
import { type Captured, OutputCapture, type TellGap } from "./capture.ts";
import { type DisplayRoom, ExecutionDisplays, type PlacedDisplay, type Shown } from "./displays.ts";
import type { Source, Spool } from "./spool.ts";

export type Output = {
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly displays: readonly PlacedDisplay[];
};

export type Window = Captured & Pick<Output, "displays">;

export class ExecutionOutput {
  readonly spool: Spool;
  readonly displays: ExecutionDisplays;
  readonly #executionId: string;
  readonly #capBytes: number;
  /** Undefined once it has ended, or if it is of an earlier process: an answer is read from the spool then. */
  #captures: Readonly<Record<Stream, OutputCapture>> | undefined;
  #totalBytes = 0;

  /** `isPast`: an earlier process has written what is in the spool. */
  constructor(executionId: string, spool: Spool, room: DisplayRoom, capBytes: number, isPast: boolean) {
    this.spool = spool;
    this.displays = new ExecutionDisplays(room);
    this.#executionId = executionId;
    this.#capBytes = capBytes;
    this.#totalBytes = spool.counts.all;
    if (!isPast) this.#captures = { stdout: new OutputCapture(capBytes), stderr: new OutputCapture(capBytes) };
  }

  /** Of both streams together. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  bytesOf(stream: Stream): number {
    return this.#captures?.[stream].totalBytes ?? this.spool.counts[stream];
  }

  push(stream: Stream, bytes: Uint8Array): void {
    this.#totalBytes += bytes.length;
    this.#captures?.[stream].push(bytes);
    this.spool.append(stream, bytes);
  }

  /** `stdoutBytes` of its stdout come before it. */
  show(display: Display, stdoutBytes: number): void {
    const { stdout, all } = this.spool.counts;
    // Of both streams nobody knows exactly: what has come since is taken for stdout's.
    this.displays.add(display, { stdout: stdoutBytes, all: Math.max(0, all - Math.max(0, stdout - stdoutBytes)) });
  }

  /** The output so far. */
  read(): Output {
    const captures = this.#captures;
    if (captures === undefined) throw new Error("what the execution wrote is in its spool only");
    const { all } = this.displays;
    const offsets = all.map((display) => display.offsets.stdout);
    const stdout = captures.stdout.read(this.#gapOf("stdout"), offsets);
    return { stdout, stderr: captures.stderr.read(this.#gapOf("stderr")), displays: placed(all, stdout) };
  }

  /** The same of an execution that may have ended. Throws what `Spool.read` does. */
  async reread(): Promise<Output> {
    if (this.#captures !== undefined) return this.read();
    const stdout = await this.window("stdout");
    return { stdout, stderr: await this.window("stderr"), displays: stdout.displays };
  }

  /** One of them, or both as they came, cut in the same way; with the places of displays, but for stderr. Throws what `Spool.read` does. */
  async window(source: Source, capBytes = this.#capBytes): Promise<Window> {
    const shown = source === "stderr" ? [] : this.displays.all;
    if (this.spool.isDropped) {
      const captured = { text: "", truncatedBytes: this.spool.counts[source], places: [] };
      return { ...captured, displays: placed(shown, captured) };
    }
    const offsets = shown.map((display) => display.offsets[source === "stderr" ? "all" : source]);
    const captured = (await this.#captureAgain(source, capBytes)).read(this.#gapOf(source), offsets);
    return { ...captured, displays: placed(shown, captured) };
  }

  /** No more is expected. What an answer has can be read again from the spool, and takes no memory any more. */
  rest(isToSurvive: boolean): void {
    this.#captures = undefined;
    this.spool.rest(isToSurvive);
  }

  async #captureAgain(source: Source, capBytes: number): Promise<OutputCapture> {
    const capture = new OutputCapture(capBytes);
    const total = this.spool.counts[source];
    let next = 0;
    for await (const { bytes, offset } of this.spool.read(source, 0)) {
      capture.push(bytes);
      next = offset + bytes.length;
      if (next >= capBytes) break;
    }
    const tailFrom = total - capBytes;
    capture.skip(Math.max(0, tailFrom - next));
    for await (const { bytes } of this.spool.read(source, Math.max(next, tailFrom))) capture.push(bytes);
    return capture;
  }

  #gapOf(source: Source): TellGap {
    return (leftOutBytes, offset) => {
      const call = JSON.stringify({ execution_id: this.#executionId, stream: source, offset });
      return `[… ${leftOutBytes} bytes left out; get_execution ${call} reads them …]`;
    };
  }
}

function placed(displays: readonly Shown[], { places }: Captured): readonly PlacedDisplay[] {
  return displays.map((display, index) => ({ ...display, at: places[index] ?? 0 }));
}
