// One output stream of an interpreter, cut where runs end: a run's bytes go to its reader, bytes outside any run to the background's. What
// the interpreter itself has to say may stand behind a run's mark, as a line.

/** Room for what a pipe takes in one piece. Bytes. */
const lineBytes = 4096;

type Line = { readonly bytes: Buffer; readonly ended: (line: string) => void };

/** The guest writes a run's mark behind the last byte of the run. It is random, and nobody else's output has it by chance. */
export class MarkedStream {
  readonly #deliverOther: (bytes: Uint8Array) => void;
  #run:
    | {
        readonly mark: Buffer;
        readonly deliver: (bytes: Uint8Array) => void;
        readonly ended: (rest: Uint8Array) => void;
      }
    | undefined;
  #line: Line | undefined;
  /** The beginning of what may be the mark: shorter than one. */
  #held: Buffer = empty;

  /** `deliverOther` gets what comes outside any run. */
  constructor(deliverOther: (bytes: Uint8Array) => void = () => {}) {
    this.#deliverOther = deliverOther;
  }

  /** `ended` is called when the mark has come, with what came right behind it. Bytes are the callee's to keep. */
  begin(mark: string, deliver: (bytes: Uint8Array) => void, ended: (rest: Uint8Array) => void): void {
    this.#run = { mark: Buffer.from(mark), deliver, ended };
    this.#line = undefined;
    this.#held = empty;
  }

  /** As `begin`, but `ended` is called when the line behind the mark has come: with it, or what `lineBytes` hold of one that is longer. */
  beginWithLine(mark: string, deliver: (bytes: Uint8Array) => void, ended: (line: string) => void): void {
    this.begin(mark, deliver, (rest) => {
      this.#line = { bytes: empty, ended };
      this.push(rest);
    });
  }

  push(bytes: Uint8Array): void {
    const run = this.#run;
    if (bytes.length === 0) return;
    if (run === undefined) {
      if (this.#line === undefined) this.#deliverOther(bytes);
      else this.#addToLine(this.#line, bytes);
      return;
    }
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
    this.#line = undefined;
    if (run !== undefined && this.#held.length > 0) run.deliver(this.#held);
    this.#held = empty;
  }

  #addToLine({ bytes, ended }: Line, more: Uint8Array): void {
    const all = Buffer.concat([bytes, more]);
    const end = all.indexOf("\n");
    if (end < 0 && all.length < lineBytes) {
      this.#line = { bytes: all, ended };
      return;
    }
    this.#line = undefined;
    ended(all.subarray(0, end < 0 ? lineBytes : end).toString());
    if (end >= 0) this.push(all.subarray(end + 1));
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
