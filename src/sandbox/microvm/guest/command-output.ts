// The two streams of a command, cut at its end and where nobody holds them open any more.

import type { Stream } from "../../port.ts";
import { MarkedStream } from "../../runner/marked-stream.ts";
import { type Exit, readVerdict, sigkill } from "./exit.ts";

export type CommandOutputEvents = {
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
  /** Called once, after all of its output. */
  readonly onExit: (exit: Exit) => void;
  /** What comes after that. */
  readonly onLate: (stream: Stream, bytes: Uint8Array) => void;
  /** Nothing more will come; called once, after `onExit`. */
  readonly onOver: () => void;
};

/** As guest/hold.sh and guest/command.sh write them; the same for every process of ours. Neither ends as the other begins: it would be held back. */
export type CommandMarks = { readonly end: string; readonly over: string };

export function commandMarks(machine: string, id: string): CommandMarks {
  return { end: `\x1e${machine}.${id}\x1f`, over: `\x1e${machine}.${id}.over\x1f` };
}

/** Bounds what is kept of a shell's last words, in characters. */
const lastWordsLength = 4096;

export class CommandOutput {
  readonly #events: CommandOutputEvents;
  readonly #whole: Readonly<Record<Stream, MarkedStream>>;
  /** What comes before its end. */
  readonly #own = { stdout: new MarkedStream(), stderr: new MarkedStream() };
  readonly #hasEnded = { stdout: false, stderr: false };
  readonly #isOver = { stdout: false, stderr: false };
  #lastWords = "";
  #exit: Exit | null = null;
  #isTold = false;

  constructor({ end, over }: CommandMarks, events: CommandOutputEvents) {
    this.#events = events;
    const whole = (stream: Stream) => {
      const marked = new MarkedStream();
      marked.begin(
        over,
        (bytes) => this.#push(stream, bytes),
        () => this.#over(stream),
      );
      return marked;
    };
    this.#whole = { stdout: whole("stdout"), stderr: whole("stderr") };
    const { stdout, stderr } = this.#own;
    const onOutput = (stream: Stream) => (bytes: Uint8Array) => events.onOutput(stream, bytes);
    stdout.begin(end, onOutput("stdout"), (rest) => this.#ended("stdout", rest));
    const hear = (bytes: Uint8Array) => {
      this.#lastWords = (this.#lastWords + Buffer.from(bytes).toString("latin1")).slice(-lastWordsLength);
    };
    stderr.begin(end, onOutput("stderr"), (words) => {
      stderr.begin(end, hear, (rest) => {
        this.#exit = readVerdict(this.#lastWords);
        this.#ended("stderr", rest);
      });
      stderr.push(words);
    });
  }

  push(stream: Stream, bytes: Uint8Array): void {
    this.#whole[stream].push(bytes);
  }

  /** Whatever carries it has ended; `exit` is what is known of the command's end, if its shell has not told it. */
  giveUp(exit: Exit): void {
    for (const stream of ["stdout", "stderr"] as const) {
      this.#whole[stream].giveUp();
      if (!this.#isOver[stream]) this.#over(stream, exit);
    }
  }

  #push(stream: Stream, bytes: Uint8Array): void {
    if (this.#hasEnded[stream]) this.#late(stream, bytes);
    else this.#own[stream].push(bytes);
  }

  #ended(stream: Stream, rest: Uint8Array): void {
    this.#hasEnded[stream] = true;
    if (this.#hasEnded.stdout && this.#hasEnded.stderr) this.#tell(sigkilled);
    this.#late(stream, rest);
  }

  #late(stream: Stream, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#events.onLate(stream, bytes);
  }

  /** A stream that is over before it has ended: the shell that was to tell has been ended too. */
  #over(stream: Stream, exit: Exit = sigkilled): void {
    if (this.#isOver[stream]) return;
    this.#isOver[stream] = true;
    if (!this.#hasEnded[stream]) {
      this.#own[stream].giveUp();
      this.#hasEnded[stream] = true;
    }
    if (!(this.#isOver.stdout && this.#isOver.stderr)) return;
    this.#tell(exit);
    this.#events.onOver();
  }

  #tell(exit: Exit): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#events.onExit(this.#exit ?? exit);
  }
}

const sigkilled: Exit = { signal: sigkill };
