// One output stream of an interpreter, cut where runs end: a run's bytes go to its reader, bytes outside any run nowhere.

/** The guest writes a run's mark behind the last byte of the run. It is random, and nobody else's output has it by chance. */
export class MarkedStream {
  #run:
    | {
        readonly mark: Buffer;
        readonly deliver: (bytes: Uint8Array) => void;
        readonly ended: (rest: Uint8Array) => void;
      }
    | undefined;
  /** The beginning of what may be the mark: shorter than one. */
  #held: Buffer = empty;

  /** `ended` is called when the mark has come, with what came right behind it. Bytes are the callee's to keep. */
  begin(mark: string, deliver: (bytes: Uint8Array) => void, ended: (rest: Uint8Array) => void): void {
    this.#run = { mark: Buffer.from(mark), deliver, ended };
    this.#held = empty;
  }

  push(bytes: Uint8Array): void {
    const run = this.#run;
    if (run === undefined) return;
    const all = this.#held.length === 0 ? view(bytes) : Buffer.concat([this.#held, bytes]);
    const end = all.indexOf(run.mark);
    if (end >= 0) {
      this.#run = undefined;
      this.#held = empty;
      if (end > 0) run.deliver(all.subarray(0, end));
      run.ended(all.subarray(end + run.mark.length));
      return;
    }
    const heldBytes = beginningOf(run.mark, all);
    // A copy, because a short view would keep the reader's whole buffer alive.
    this.#held = Buffer.from(all.subarray(all.length - heldBytes));
    if (all.length > heldBytes) run.deliver(all.subarray(0, all.length - heldBytes));
  }

  /** The run is over without a mark: what was held back was none. */
  giveUp(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined && this.#held.length > 0) run.deliver(this.#held);
    this.#held = empty;
  }
}

const empty = Buffer.alloc(0);

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How many bytes at the end are how the mark begins. */
function beginningOf(mark: Buffer, bytes: Buffer): number {
  for (let length = Math.min(mark.length - 1, bytes.length); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(mark.subarray(0, length))) return length;
  }
  return 0;
}
