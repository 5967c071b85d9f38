// What one execution writes: all of it into its spool, and of each stream what an answer has.

import type { Stream } from "../../sandbox/port.ts";
import { type Captured, OutputCapture, type TellGap } from "./capture.ts";
import type { Source, Spool } from "./spool.ts";

export type Output = { readonly stdout: Captured; readonly stderr: Captured };

export class ExecutionOutput {
  readonly spool: Spool;
  readonly #executionId: string;
  readonly #capBytes: number;
  /** Undefined once it has ended: an answer that comes later is read from the spool. */
  #captures: Readonly<Record<Stream, OutputCapture>> | undefined;
  #totalBytes = 0;

  constructor(executionId: string, spool: Spool, capBytes: number) {
    this.spool = spool;
    this.#executionId = executionId;
    this.#capBytes = capBytes;
    this.#captures = { stdout: new OutputCapture(capBytes), stderr: new OutputCapture(capBytes) };
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

  /** The output so far. */
  read(): Output {
    const captures = this.#captures;
    if (captures === undefined) throw new Error("the execution has ended: what it wrote is in its spool");
    return { stdout: captures.stdout.read(this.#gapOf("stdout")), stderr: captures.stderr.read(this.#gapOf("stderr")) };
  }

  /** The same of an execution that may have ended. Throws what `Spool.read` does. */
  async reread(): Promise<Output> {
    if (this.#captures !== undefined) return this.read();
    return { stdout: await this.window("stdout"), stderr: await this.window("stderr") };
  }

  /** One of them, or both as they came, cut in the same way. Throws what `Spool.read` does. */
  async window(source: Source, capBytes = this.#capBytes): Promise<Captured> {
    if (this.spool.isDropped) return { text: "", truncatedBytes: this.spool.counts[source] };
    return (await this.#captureAgain(source, capBytes)).read(this.#gapOf(source));
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
