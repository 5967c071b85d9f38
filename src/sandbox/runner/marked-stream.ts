// One output stream of an interpreter, cut where runs end: a run's bytes go to its reader, bytes outside any run to the background's. What
// the interpreter itself has to say may stand behind a run's mark, as a line.

/** Room for what a pipe takes in one piece. Bytes. */
const lineBytes = 4096;

type Line = { readonly bytes: Buffer; readonly run: Run };

type Run = {
  readonly mark: Buffer;
  readonly deliver: (bytes: Uint8Array) => void;
  readonly behind: Behind;
};

/** What stands behind a mark: anything, or a line. */
type Behind =
  | { readonly kind: "rest"; readonly ended: (rest: Uint8Array) => void }
  | { readonly kind: "line"; readonly isPlace: (line: string) => boolean; readonly ended: (line: string) => void };

/** The guest writes a run's mark behind the last byte of the run. It is random, and nobody else's output has it by chance. */
export class MarkedStream {
  readonly #deliverOther: (bytes: Uint8Array) => void;
  #run: Run | undefined;
  #line: Line | undefined;
  /** The beginning of what may be the mark: shorter than one. */
  #held: Buffer = empty;

  /** `deliverOther` gets what comes outside any run. */
  constructor(deliverOther: (bytes: Uint8Array) => void = () => {}) {
    this.#deliverOther = deliverOther;
  }

  /** `ended` is called when the mark has come, with what came right behind it. Bytes are the callee's to keep. */
  begin(mark: string, deliver: (bytes: Uint8Array) => void, ended: (rest: Uint8Array) => void): void {
    this.#begin({ mark: Buffer.from(mark), deliver, behind: { kind: "rest", ended } });
  }

  /**
   * As `begin`, but `ended` is called when the line behind the mark has come: with it, or what `lineBytes` hold of one that is longer. Where
   * `isPlace` says so of a line, the run goes on behind it, to the next mark.
   */
  beginWithLine(
    mark: string,
    deliver: (bytes: Uint8Array) => void,
    ended: (line: string) => void,
    isPlace: (line: string) => boolean = () => false,
  ): void {
    this.#begin({ mark: Buffer.from(mark), deliver, behind: { kind: "line", isPlace, ended } });
  }

  #begin(run: Run): void {
    this.#run = run;
    this.#line = undefined;
    this.#held = empty;
  }

  push(bytes: Uint8Array): void {
    // Not by calling itself: there may be many marks in one piece.
    for (let rest = view(bytes); rest.length > 0; ) rest = this.#take(rest);
  }

  /** Returns what is to be taken next. */
  #take(bytes: Buffer): Buffer {
    if (this.#line !== undefined) return this.#addToLine(this.#line, bytes);
    const run = this.#run;
    if (run === undefined) {
      this.#deliverOther(bytes);
      return empty;
    }
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const end = all.indexOf(run.mark);
    if (end < 0) {
      const heldBytes = beginningOf(run.mark, all);
      // A copy, because a short view would keep the reader's whole buffer alive.
      this.#held = Buffer.from(all.subarray(all.length - heldBytes));
      if (all.length > heldBytes) run.deliver(all.subarray(0, all.length - heldBytes));
      return empty;
    }
    this.#run = undefined;
    this.#held = empty;
    if (end > 0) run.deliver(all.subarray(0, end));
    const rest = all.subarray(end + run.mark.length);
    if (run.behind.kind === "line") {
      this.#line = { bytes: empty, run };
      return rest;
    }
    run.behind.ended(rest);
    return empty;
  }

  /** The run is over without a mark: what was held back was none. */
  giveUp(): void {
    const run = this.#run;
    this.#run = undefined;
    this.#line = undefined;
    if (run !== undefined && this.#held.length > 0) run.deliver(this.#held);
    this.#held = empty;
  }

  #addToLine({ bytes, run }: Line, more: Buffer): Buffer {
    const all = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
    const end = all.indexOf("\n");
    if (end < 0 && all.length < lineBytes) {
      this.#line = { bytes: Buffer.from(all), run };
      return empty;
    }
    this.#line = undefined;
    const line = all.subarray(0, end < 0 ? lineBytes : end).toString();
    if (run.behind.kind === "line") {
      if (run.behind.isPlace(line)) this.#run = run;
      else run.behind.ended(line);
    }
    return end < 0 ? empty : all.subarray(end + 1);
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
