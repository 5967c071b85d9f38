// What is said with one process of an interpreter, from its start to its end. It is never replaced here: that is runner.ts's.

import { type Clock, within } from "../../clock.ts";
import type { Changes } from "../files.ts";
import type { Stream } from "../port.ts";
import { type Beginning, beginningBetween, readChanges } from "./changes.ts";
import { RunDisplays, type ShowDisplay } from "./displays.ts";
import { eraserPieces } from "./eraser.ts";
import type { GuestExit, GuestProcess } from "./guest.ts";
import { RunInput } from "./input.ts";
import { MarkedStream } from "./marked-stream.ts";
import type { Encode, Message } from "./messages.ts";

/** What the guest program answers for a run. The guest is not trusted: it can fool its own session, and nobody else. */
export type Answer = {
  readonly id: string;
  readonly ended: "exited" | "interrupted";
  readonly success: boolean;
  readonly exitCode: number | null;
  readonly result: string | null;
  readonly changes: Changes | undefined;
};

/** What a run is given, and where it goes. */
export type ConversationRun = {
  readonly source: string;
  /** Where the answer is to come, if it is short. */
  readonly where: "stdout" | "control";
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
  readonly onDisplay?: ShowDisplay | undefined;
  /** What is to be told of it beside its output, a sentence each. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** `open`: `write` and `closeInput` reach it from now on. Default `empty`. */
  readonly stdin?: "empty" | "open" | undefined;
};

/** Of which python/main.py speaks. An interpreter that an older program of ours has started may speak another. */
const protocol = 4;
/** Characters of one line of the guest's: room for a result and a traceback of 64 Ki characters each, escaped. */
const maxLineLength = 2 * 1024 * 1024;
/** Characters of a result that are passed on. */
const maxResultLength = 64 * 1024;
/** What is kept of stderr to tell why an interpreter did not start. Bytes. */
const stderrTailBytes = 2048;
/** Characters of what a program has to say of itself. */
const maxNoticeLength = 1000;
/** How long streams may stay open behind a process that has ended: a child of its may hold them. Milliseconds. */
const drainMs = 500;
/** How long the answer to a command waits for what it has changed. What is busy in the guest is not late, only what is given no time. Milliseconds. */
const questionMs = 3000;
/** A reason that nobody reads. */
const isTold = "told";

export type ConversationOptions = {
  readonly encode: Encode;
  readonly resumed?: boolean;
  readonly onBackground?: ((stream: Stream, bytes: Uint8Array) => void) | undefined;
  /** Shared folders that may be written to, as the guest has them: their files may change, too. */
  readonly volumes?: readonly string[] | undefined;
};

type Heard = Readonly<Record<string, unknown>>;

export class Conversation {
  /** How the process ended, once its output has been read. */
  readonly ended: Promise<GuestExit>;
  #isOver = false;
  readonly #process: GuestProcess;
  readonly #clock: Clock;
  readonly #encode: Encode;
  /** As members of a message. */
  readonly #volumes: { readonly volumes?: readonly string[] };
  readonly #stdout: MarkedStream;
  readonly #stderr: MarkedStream;
  readonly #ready = Promise.withResolvers<number>();
  /** The run that is on: its answer, and how many of the answer and the two marks are yet to come. */
  #run:
    | {
        readonly id: string;
        answer: Answer | undefined;
        missing: number;
        readonly input: RunInput;
        readonly displays: RunDisplays;
        readonly over: (end: Answer | GuestExit) => void;
      }
    | undefined;
  /** Who waits for an answer, by the ids of their questions. Each for `questionMs` at most. */
  readonly #questions = new Map<string, (answer: Heard | undefined) => void>();
  #isReady = false;
  #hasEraser = false;
  /** What the program has to say of itself, until a run has told it. */
  #notice: string | undefined;
  #startErrors = "";
  #isAttaching = false;
  /** Resolves when nothing of what was said to somebody before is on its way any more. */
  #isSettled: Promise<void> = Promise.resolve();

  /**
   * `resumed`: the process is up already and has talked with somebody else before. `onBackground` gets what comes between runs; the bytes are the
   * callee's to keep.
   */
  constructor(
    process: GuestProcess,
    clock: Clock,
    { encode, resumed = false, onBackground, volumes = [] }: ConversationOptions,
  ) {
    this.#process = process;
    this.#clock = clock;
    this.#encode = encode;
    this.#volumes = volumes.length > 0 ? { volumes } : {};
    const streamOf = (name: Stream) =>
      new MarkedStream((bytes) => {
        if (this.#isReady) onBackground?.(name, bytes);
      });
    this.#stdout = streamOf("stdout");
    this.#stderr = streamOf("stderr");
    this.#ready.promise.catch(() => undefined);
    const startErrors = (bytes: Uint8Array) => {
      this.#startErrors = (this.#startErrors + Buffer.from(bytes).toString()).slice(-stderrTailBytes);
    };
    if (resumed) this.#attach();
    else this.#stderr.begin(crypto.randomUUID(), startErrors, () => undefined);
    const reading = Promise.all([
      read(process.stdout, (bytes) => this.#stdout.push(bytes)),
      read(process.stderr, (bytes) => this.#stderr.push(bytes)),
      process.control === null ? undefined : this.#readControl(process.control),
    ]);
    this.ended = process.exited.then(async (exit) => {
      this.#isOver = true;
      await within(reading, drainMs, clock);
      this.#stdout.giveUp();
      this.#stderr.giveUp();
      const how = exit.signal === null ? `exit status ${exit.code}` : `signal ${exit.signal}`;
      this.#ready.reject(new Error(`the interpreter ended before it was ready (${how}): ${this.#startErrors.trim()}`));
      const run = this.#run;
      run?.input.end();
      run?.displays.end();
      run?.over(exit);
      for (const give of this.#questions.values()) give(undefined);
      return exit;
    });
  }

  /** The process has ended, or is about to: nothing more can be run on it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The process id, as the guest sees it. Rejects if the process ends before it is ready. */
  async ready(): Promise<number> {
    const pid = await this.#ready.promise;
    await Promise.race([this.#isSettled, this.ended]);
    this.#stderr.giveUp();
    this.#isReady = true;
    return pid;
  }

  /** What is on its way still belongs to a run of before, and its answer to nobody: `ready` comes behind all of it. */
  #attach(): void {
    this.#isAttaching = true;
    const mark = crypto.randomUUID();
    const marks = Promise.withResolvers<void>();
    let missing = 2;
    const came = () => {
      missing--;
      if (missing === 0) marks.resolve();
    };
    for (const stream of [this.#stdout, this.#stderr]) stream.begin(mark, () => undefined, came);
    this.#isSettled = marks.promise;
    // The line break ends what somebody before may have left unfinished.
    this.#process.write(`\n${this.#encode({ attach: mark })}`);
  }

  /** Resolves when the run has been answered and all its output delivered; with how the process ended, if that is first. */
  run(id: string, request: ConversationRun): Promise<Answer | GuestExit> {
    if (this.#isOver) return this.ended;
    const { source, where, onOutput, onDisplay, onNotice, stdin = "empty" } = request;
    // Not a race with `ended`: each would leave a reaction there for as long as the interpreter lives.
    const { promise, resolve } = Promise.withResolvers<Answer | GuestExit>();
    const input = new RunInput(id, (message) => this.#say(message));
    if (stdin === "empty") input.end();
    const displays = new RunDisplays(onDisplay, onNotice);
    if (this.#notice !== undefined) onNotice?.(this.#notice);
    this.#notice = undefined;
    this.#run = { id, answer: undefined, missing: 3, input, displays, over: resolve };
    const mark = crypto.randomUUID();
    this.#stdout.beginWithLine(
      mark,
      (bytes) => {
        displays.printed(bytes.length);
        onOutput("stdout", bytes);
      },
      (line) => {
        if (line !== "") this.#hear(line);
        this.#came();
      },
      (line) => displays.isPlace(line),
    );
    this.#stderr.begin(
      mark,
      (bytes) => onOutput("stderr", bytes),
      (rest) => {
        this.#stderr.push(rest);
        this.#came();
      },
    );
    this.#say({ id, source, mark, where, ...(stdin === "open" && { stdin: true }), ...this.#volumes });
    return promise;
  }

  /**
   * What has changed since something began beside the interpreter; undefined if the interpreter does not say so soon enough, as one that is over or
   * that something of its user's keeps busy. Never rejects.
   */
  async look({ sinceMs, begunMs }: Beginning): Promise<Changes | undefined> {
    const answer = await this.#ask((look) => ({ look, since_ms: sinceMs, begun_ms: begunMs, ...this.#volumes }));
    return answer && readChanges(answer.changes);
  }

  /**
   * What begins now, by the guest's clock: it tells a moment between now and the coming of its answer, however long either was on its way. Undefined
   * as for `look`. Never rejects.
   */
  async beginning(): Promise<Beginning | undefined> {
    const askedMs = this.#clock.monotonicMs();
    const answer = await this.#ask((moment) => ({ moment }));
    const onTheWayMs = this.#clock.monotonicMs() - askedMs;
    if (typeof answer?.ms !== "number" || !Number.isFinite(answer.ms)) return undefined;
    return beginningBetween(answer.ms - onTheWayMs, answer.ms);
  }

  async #ask(question: (id: string) => Message): Promise<Heard | undefined> {
    if (this.#isOver) return undefined;
    const id = crypto.randomUUID();
    const { promise, resolve } = Promise.withResolvers<Heard | undefined>();
    this.#questions.set(id, resolve);
    this.#say(question(id));
    const told = new AbortController();
    this.#clock.sleep(questionMs, told.signal).then(
      () => resolve(undefined),
      () => undefined,
    );
    try {
      return await promise;
    } finally {
      told.abort(isTold);
      this.#questions.delete(id);
    }
  }

  /** Interrupts the run of this id; without effect on any other. Unless `once`, again until it ends. */
  interrupt(id: string, { once = false } = {}): void {
    this.#say({ interrupt: id, ...(once && { once }) });
  }

  /** Text for the input of the run of this id. Resolves when the guest has taken it, or never will. Never rejects. */
  async write(id: string, text: string): Promise<void> {
    if (this.#run?.id === id) await this.#run.input.write(text);
  }

  closeInput(id: string): void {
    if (this.#run?.id === id) this.#run.input.close();
  }

  kill(): void {
    this.#isOver = true;
    this.#process.kill();
  }

  #say(message: Message): void {
    if (!this.#isOver) this.#process.write(this.#encode(message));
  }

  /** Once: it is large, and the guest may ask for ever. */
  async #bringEraser(): Promise<void> {
    if (this.#hasEraser) return;
    this.#hasEraser = true;
    for (const piece of await eraserPieces()) this.#say(piece);
  }

  #came(): void {
    const run = this.#run;
    if (run === undefined) return;
    run.missing--;
    if (run.missing > 0 || run.answer === undefined) return;
    this.#run = undefined;
    run.input.end();
    run.displays.end();
    run.over(run.answer);
  }

  async #readControl(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    /** At most `maxLineLength` characters and a chunk. */
    let pending = "";
    await read(stream, (bytes) => {
      const lines = (pending + decoder.decode(bytes, { stream: true })).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) this.#hear(line);
      if (pending.length > maxLineLength) this.kill();
    });
  }

  /** What is not as agreed comes from an interpreter that its user's code has broken: it is of no more use. */
  #hear(line: string): void {
    const message = parse(line);
    if (message?.ready === true) {
      this.#isAttaching = false;
      if (typeof message.notice === "string") this.#notice = message.notice.slice(0, maxNoticeLength);
      if (typeof message.pid === "number" && message.protocol === protocol) this.#ready.resolve(message.pid);
      else this.kill();
      return;
    }
    if (this.#isAttaching) return;
    if (typeof message?.id === "string" && typeof message.taken === "number") {
      if (message.id === this.#run?.id) this.#run.input.took(message.taken);
      return;
    }
    if (typeof message?.id === "string" && message.display !== undefined) {
      // What a thread shows after its run's end goes nowhere.
      if (message.id === this.#run?.id) this.#run.displays.heard(message.display, line.length);
      return;
    }
    if (typeof message?.id === "string" && message.needs === "typescript") {
      if (message.id === this.#run?.id) void this.#bringEraser();
      return;
    }
    const question = message?.look ?? message?.moment;
    if (typeof question === "string") {
      this.#questions.get(question)?.(message);
      return;
    }
    const answer = message && readAnswer(message);
    if (this.#run === undefined || this.#run.answer !== undefined || answer?.id !== this.#run.id) {
      this.kill();
      return;
    }
    this.#run.answer = answer;
    this.#came();
  }
}

async function read(stream: ReadableStream<Uint8Array>, take: (bytes: Uint8Array) => void): Promise<void> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      take(value);
    }
  } catch {
    // The adapter gave the stream up: there is no more to read.
  }
}

function parse(line: string): Heard | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function readAnswer(message: Heard): Answer | undefined {
  const { id, ended, success, exitCode, result } = message;
  if (typeof id !== "string" || typeof success !== "boolean") return undefined;
  if (ended !== "exited" && ended !== "interrupted") return undefined;
  if (exitCode !== null && (typeof exitCode !== "number" || !Number.isSafeInteger(exitCode))) return undefined;
  if (result !== null && typeof result !== "string") return undefined;
  const changes = readChanges(message.changes);
  return { id, ended, success, exitCode, result: result?.slice(0, maxResultLength) ?? null, changes };
}
