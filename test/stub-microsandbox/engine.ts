// The portal's interpreter: a real one with its program piped in raw and a marker printed behind it, with all that
// follows from that (reference section 11). Evaluations wait for one another; a timeout stops nothing.

import { lines } from "./lines.ts";
import type { Machine, MachineLanguage, MachineProcess } from "./machine.ts";

export type OutputLine = { readonly stream: "stdout" | "stderr"; readonly text: string };

export type EngineHazards = {
  /** How often the engine looks whether an evaluation is over, in milliseconds: 50 in the real one, which looks twice. */
  readonly pollMs: number;
  /** Lose every line of stderr, as the real portal loses those that come after the marker. */
  readonly loseStderr: boolean;
};

const argv: Readonly<Record<MachineLanguage, readonly string[]>> = {
  python: ["python3", "-q", "-u", "-i", "-c", "import sys; sys.ps1=sys.ps2=''"],
  node: ["node", "-e", "require('repl').start({prompt:'',terminal:false,ignoreUndefined:true,useGlobal:true})"],
};

const markerCode: Readonly<Record<MachineLanguage, (marker: string) => string>> = {
  python: (marker) => `\nprint('${marker}')\n`,
  node: (marker) => `console.log('${marker}');\n`,
};

/** With one processor, so many lines of one evaluation lock the portal up for ever. */
const deadlockLines = 20_000;
/** The longest that a timer can wait; beyond it the real engine really waits. Milliseconds. */
const longestTimerMs = 2 ** 31 - 1;

export class Engine {
  readonly #process: MachineProcess;
  readonly #language: MachineLanguage;
  readonly #hazards: EngineHazards;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #isSingle: boolean;
  /** Nothing of this portal answers any more. */
  isDeadlocked = false;
  #closed = false;
  /** Lines for the evaluation that runs, or, after a timeout, for the one that comes next. */
  #collected: OutputLine[] = [];
  #collecting = false;
  #marker: { readonly text: string; readonly seen: () => void } | null = null;

  constructor(machine: Machine, hazards: EngineHazards) {
    this.#language = machine.language;
    this.#isSingle = machine.cpus <= 1;
    this.#hazards = hazards;
    this.#process = machine.spawn(argv[machine.language], "pipe");
    void this.#read("stdout", this.#process.stdout);
    void this.#read("stderr", this.#process.stderr);
    void this.#process.exited.then(() => {
      this.#closed = true;
    });
  }

  /** One evaluation, after those before it. Without a timeout it may never resolve. */
  evaluate(code: string, timeoutSeconds: number | null): Promise<readonly OutputLine[]> {
    const run = () => this.#evaluate(code, timeoutSeconds);
    const turn = this.#turn.then(run, run);
    this.#turn = turn;
    return turn;
  }

  async #evaluate(code: string, timeoutSeconds: number | null): Promise<readonly OutputLine[]> {
    if (this.#closed && timeoutSeconds !== null) {
      return [{ stream: "stderr", text: `Error: Engine unavailable: ${this.#name} process channel closed` }];
    }
    const marker = `eoe_${crypto.randomUUID().replaceAll("-", "")}`;
    const { promise: seen, resolve } = Promise.withResolvers<"seen">();
    this.#marker = { text: marker, seen: () => resolve("seen") };
    this.#collecting = true;
    const startedMs = performance.now();
    this.#write(`${code}${code.endsWith("\n") ? "" : "\n"}${markerCode[this.#language](marker)}`);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timedOut = new Promise<"timed out">((expire) => {
      if (timeoutSeconds !== null && timeoutSeconds * 1000 <= longestTimerMs) {
        timer = setTimeout(() => expire("timed out"), timeoutSeconds * 1000);
      }
    });
    const how = await Promise.race([seen, timedOut]);
    clearTimeout(timer);
    const output = this.#collected;
    this.#collected = [];
    this.#marker = null;
    if (how === "seen") {
      this.#collecting = false;
      // It is noticed at the next look, and told after one more.
      const { pollMs } = this.#hazards;
      const spentMs = performance.now() - startedMs;
      if (pollMs > 0) await Bun.sleep((Math.ceil(spentMs / pollMs) + 1) * pollMs - spentMs);
      return output;
    }
    return [...output, { stream: "stderr", text: `Error: Execution timed out after ${timeoutSeconds} seconds` }];
  }

  get #name(): string {
    return this.#language === "python" ? "Python" : "Node";
  }

  #write(text: string): void {
    const stdin = this.#process.stdin;
    if (stdin !== undefined && !this.#closed) {
      stdin.write(text);
      void stdin.flush();
    }
  }

  async #read(stream: "stdout" | "stderr", from: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of lines(from)) {
      if (stream === "stdout" && this.#marker !== null && text.trim() === this.#marker.text) {
        this.#marker.seen();
        // What comes behind the marker of a finished evaluation is lost.
        this.#marker = null;
        this.#collecting = false;
      } else if (this.#collecting && this.#keeps(stream, text)) {
        this.#collected.push({ stream, text });
        if (this.#isSingle && this.#collected.length >= deadlockLines) {
          this.isDeadlocked = true;
          return;
        }
      }
    }
  }

  #keeps(stream: "stdout" | "stderr", text: string): boolean {
    if (stream === "stderr") {
      return !this.#hazards.loseStderr;
    }
    return this.#language === "python" || !(text.trim() === "" || text.startsWith(">") || text.startsWith(".."));
  }
}
