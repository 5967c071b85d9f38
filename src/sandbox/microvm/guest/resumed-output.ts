// What comes first of a command that another process of ours has carried: how much it has written in all, and what is left of that. The difference to
// what that process has kept is missing.

import type { Stream } from "../../port.ts";
import type { CommandMarks, CommandOutput } from "./command-output.ts";

export type ResumedOutputOptions = {
  readonly marks: CommandMarks;
  /** Stands behind what is left, where something may come after that (guest/resume.sh). */
  readonly first: string;
  readonly received: Readonly<Record<Stream, number>>;
  readonly onMissing: (stream: Stream, bytes: number) => void;
  readonly output: CommandOutput;
};

type Header = { readonly written: Readonly<Record<Stream, number>>; readonly ended: Ended | null };
type Ended = { readonly status: number; readonly saidBytes: number };

const empty: Buffer = Buffer.alloc(0);

export class ResumedOutput {
  readonly #options: ResumedOutputOptions;
  #header: Header | null = null;
  /** At most what pipes hold and one that carries does, some 200 KiB; null once that has been delivered. */
  readonly #left: Record<Stream, Buffer | null> = { stdout: empty, stderr: empty };

  constructor(options: ResumedOutputOptions) {
    this.#options = options;
  }

  push(stream: Stream, bytes: Uint8Array): void {
    const before = this.#left[stream];
    if (before === null) {
      this.#options.output.push(stream, bytes);
      return;
    }
    this.#left[stream] = Buffer.concat([before, bytes]);
    this.#look();
  }

  /** No more will come. */
  giveUp(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const left = this.#left[stream];
      this.#left[stream] = null;
      if (left !== null && this.#header !== null) this.#options.output.push(stream, left);
    }
  }

  #look(): void {
    if (this.#header === null) this.#readHeader();
    if (this.#header === null) return;
    for (const stream of ["stdout", "stderr"] as const) this.#deliver(stream, this.#header);
  }

  #readHeader(): void {
    const all = this.#left.stdout ?? empty;
    const end = all.indexOf("\n");
    const [, stdout, stderr, status, saidBytes] =
      /^(\d+) (\d+)(?: (\d+) (\d+))? ?$/.exec(all.subarray(0, Math.max(end, 0)).toString("latin1")) ?? [];
    if (stdout === undefined || stderr === undefined) return;
    const ended = status === undefined ? null : { status: Number(status), saidBytes: Number(saidBytes) };
    this.#header = { written: { stdout: Number(stdout), stderr: Number(stderr) }, ended };
    this.#left.stdout = all.subarray(end + 1);
  }

  #deliver(stream: Stream, { written, ended }: Header): void {
    const left = this.#left[stream];
    if (left === null) return;
    const { marks, first, received, onMissing, output } = this.#options;
    const [mark, isBehind] = left.includes(first) ? [first, true] : [marks.over, false];
    const end = left.indexOf(mark);
    if (end < 0) return;
    this.#left[stream] = null;
    const rest = left.subarray(0, end);
    // What has been said of its end may have gone with the process before, too.
    const lostEnd = ended !== null && !rest.includes(marks.end) ? endOf(stream, marks.end, ended) : empty;
    const missingBytes = written[stream] - received[stream] - rest.length - lostEnd.length;
    if (missingBytes > 0) onMissing(stream, missingBytes);
    output.push(stream, rest);
    output.push(stream, lostEnd);
    output.push(stream, left.subarray(isBehind ? end + first.length : end));
  }
}

/** As long as guest/hold.sh has written it; of its words, only whether there are any matters. */
function endOf(stream: Stream, mark: string, { status, saidBytes }: Ended): Buffer {
  return Buffer.from(stream === "stdout" ? mark : `${mark}${` ${status}`.padStart(saidBytes, "x")}${mark}`);
}
