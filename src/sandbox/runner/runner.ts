// The host's side of the runner: one interpreter that keeps its state, whatever its user's code does to it.
// It replaces an interpreter that died or did not obey. How a program gets into a sandbox is the adapter's business
// (guest.ts), what a process says and prints is conversation.ts's.

import type { Clock } from "../../clock.ts";
import type { Changes } from "../files.ts";
import type { Stream } from "../port.ts";
import { endedBy } from "../signals.ts";
import type { Language } from "../templates.ts";
import type { Beginning } from "./changes.ts";
import { Conversation } from "./conversation.ts";
import type { ShowDisplay } from "./displays.ts";
import type { GuestExit, GuestProcess, SpawnGuest } from "./guest.ts";
import { runnerArgv, runnerEncodings } from "./programs.ts";

export type InterpreterOptions = {
  readonly spawn: SpawnGuest;
  readonly language: Language;
  /** The language's interpreter, as a path or a name the guest can start: "/usr/bin/python3", "node". */
  readonly interpreter: string;
  /** Where in the guest the adapter has put the file of `runnerPrograms[language]`. */
  readonly program: string;
  /** What the program says on its control descriptor is here sooner than what it prints: then it answers there. Otherwise behind its output. */
  readonly isControlSooner?: boolean;
  /** Environment of the interpreter, and so of all that its user's code starts. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Called with what comes of the interpreter's processes between runs. The bytes are the callee's to keep. */
  readonly onBackground?: ((stream: Stream, bytes: Uint8Array) => void) | undefined;
  /** Shared folders that may be written to, as the guest has them: their files may change, too. */
  readonly volumes?: readonly string[] | undefined;
};

/** What can be done to a run that is on. Without effect once it is over. */
export interface InterpreterControl {
  /** For a run with an open stdin. Resolves when the guest has taken it, or never will. Never rejects. */
  write(text: string): Promise<void>;
  closeInput(): void;
  /** As Ctrl-C at the language's prompt: the program may go on. Reaches the interpreter only. */
  interrupt(): void;
}

export type InterpreterRun = {
  readonly source: string;
  /** Aborting interrupts the run; one that does not obey within the grace loses its interpreter. */
  readonly signal: AbortSignal;
  /** Called with output as it comes, in order within a stream; never after `run` has settled. The bytes are the callee's to keep. */
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
  /** As RunRequest.onDisplay; not called after `run` has settled, either. */
  readonly onDisplay?: ShowDisplay | undefined;
  /** How long an interrupted run has to end before its interpreter is killed, in milliseconds. Default 1000. */
  readonly interruptGraceMs?: number;
  /**
   * Called once if an interrupted run goes on for a fifth of the grace: it may be waiting in a child process where no
   * interrupt reaches it (Node's `execSync`), and ends when the adapter ends the processes that this run started. What an
   * interrupted run leaves running after its end is the adapter's to end too, once `run` has resolved.
   */
  readonly afterInterrupt?: () => void;
  readonly stdin?: "empty" | "open" | undefined;
  /** Called if the run has had a new interpreter started, before anything is run on it: the processes that this consists of by now are no run's. */
  readonly onReplaced?: (() => void) | undefined;
  /** Called once, when there is an interpreter that the run is on. */
  readonly onStarted?: ((control: InterpreterControl) => void) | undefined;
};

export type InterpreterRunEnd = {
  readonly ended: "exited" | "interrupted" | "interpreter_exited";
  readonly success: boolean;
  /** What the program asked for (`sys.exit(3)`), or the exit status of an interpreter that went away by itself: 128 and more by a signal. */
  readonly exitCode: number | null;
  /** What ended an interpreter that went away by itself, if that was a signal. */
  readonly signal?: string;
  /** The value of a last expression as the language's prompt prints it, at most 64 KiB of it. */
  readonly result: string | null;
  readonly interpreterRestarted: boolean;
  /** As RunEnd.notices; not there if there are none. */
  readonly notices?: readonly string[];
  /** As `RunEnd.changes`. */
  readonly changes?: Changes | undefined;
  /** How the interpreter's process ended, if it did; tells an adapter a kill by the kernel from an exit. */
  readonly exit: GuestExit | null;
};

/**
 * Starts an interpreter and waits until it is ready.
 *
 * Rejects with a plain Error that has the end of the program's stderr in its message if the program ends before, for
 * the adapter to translate; with the signal's reason if that aborts, after killing the program.
 */
export async function startInterpreter(options: InterpreterOptions, signal: AbortSignal): Promise<Interpreter> {
  return new Interpreter(options, await start(options, signal));
}

/**
 * Goes on with an interpreter that another process of ours has started, at whose streams `attach` arrives; where that does not answer within
 * `resumeMs`, a new one takes its place and the next run says so. Rejects as `startInterpreter` does.
 */
export async function resumeInterpreter(
  options: InterpreterOptions,
  attach: () => GuestProcess,
  signal: AbortSignal,
): Promise<Interpreter> {
  const { language, clock, onBackground, volumes } = options;
  const encode = runnerEncodings[language];
  const conversation = new Conversation(attach(), clock, { encode, resumed: true, onBackground, volumes });
  const done = new AbortController();
  options.clock.sleep(resumeMs, done.signal).then(
    () => conversation.kill(),
    () => undefined,
  );
  try {
    return new Interpreter(options, await ready(conversation, signal));
  } catch {
    signal.throwIfAborted();
    return new Interpreter(options, await start(options, signal), { isReplacement: true });
  } finally {
    done.abort();
  }
}

/** How long an interpreter may take to come out of what it runs and answer to its new owner. Milliseconds. */
const resumeMs = 15_000;

type Started = { readonly conversation: Conversation; readonly pid: number };

/** How long a replacement may take to be ready: a machine that has just run out of memory is slow. Milliseconds. */
const replacementMs = 90_000;

/** One interpreter and its replacements. Runs one thing at a time; calling `run` during a run throws. */
export class Interpreter implements AsyncDisposable {
  readonly #options: InterpreterOptions;
  readonly #disposed = new AbortController();
  #present: Started;
  #replacement: Promise<void> = Promise.resolve();
  #isRunning = false;
  /** Of the last interpreter that has gone: whether a run has told its caller so. */
  #loss: "none" | "untold" | "told" = "none";

  constructor(options: InterpreterOptions, started: Started, { isReplacement = false } = {}) {
    this.#options = options;
    this.#present = started;
    if (isReplacement) this.#loss = "untold";
  }

  /** The process id of the present interpreter, as it sees itself (in its own pid namespace); changes with a replacement. */
  get pid(): number {
    return this.#present.pid;
  }

  /**
   * Runs a source. Resolves once all output of the run has been delivered.
   *
   * An interpreter that has gone is replaced by the next run, so that whoever ends what the last one left behind is not in the way. Rejects with
   * a plain Error, nothing having been run, if a replacement could not be started or this interpreter has been disposed; and with
   * a plain Error if it is disposed in mid-run.
   */
  async run(request: InterpreterRun): Promise<InterpreterRunEnd> {
    if (this.#isRunning) throw new Error("the interpreter runs something already");
    this.#isRunning = true;
    try {
      this.#disposed.signal.throwIfAborted();
      if (this.#present.conversation.isOver) {
        this.#replacement = this.#replace(request);
        await this.#replacement;
      }
      return request.signal.aborted ? notBegun : this.#tell(await this.#runOn(this.#present.conversation, request));
    } finally {
      this.#isRunning = false;
    }
  }

  /**
   * What has changed since a command began that ran beside the interpreter. Undefined where nobody can say: the interpreter is busy with code, or
   * there is none.
   */
  async look(beginning: Beginning): Promise<Changes | undefined> {
    return this.#isRunning ? undefined : await this.#present.conversation.look(beginning);
  }

  /** What begins now, for a look later on, where the guest has a clock of its own. Undefined where it does not say. Never rejects. */
  async beginning(): Promise<Beginning | undefined> {
    return await this.#present.conversation.beginning();
  }

  /** Kills the interpreter; resolves when its process has ended. Twice is the same as once; never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new Error("the interpreter has been disposed"));
    this.#present.conversation.kill();
    await this.#replacement.catch(() => undefined);
    await this.#present.conversation.ended;
  }

  /** A loss that no run has told, because it came between two, is told by the next one. */
  #tell(end: InterpreterRunEnd): InterpreterRunEnd {
    const interpreterRestarted = end.interpreterRestarted || this.#loss === "untold";
    this.#loss = end.interpreterRestarted ? "told" : "none";
    return { ...end, interpreterRestarted };
  }

  async #runOn(conversation: Conversation, request: InterpreterRun): Promise<InterpreterRunEnd> {
    const { signal, interruptGraceMs = defaultGraceMs, afterInterrupt } = request;
    const notices: string[] = [];
    const id = crypto.randomUUID();
    /** Ends the grace of a run that is interrupted. */
    let over: AbortController | undefined;
    let isOver = false;
    const interrupt = async () => {
      over = new AbortController();
      conversation.interrupt(id);
      await this.#options.clock.sleep(interruptGraceMs / 5, over.signal);
      afterInterrupt?.();
      await this.#options.clock.sleep((interruptGraceMs * 4) / 5, over.signal);
      conversation.kill();
    };
    // Rejects when the run is over before the grace is.
    const onAbort = () => void interrupt().catch(() => undefined);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const where = this.#options.isControlSooner === true ? "control" : "stdout";
      const { source, onOutput, onDisplay, stdin } = request;
      const onNotice = (notice: string) => notices.push(notice);
      const running = conversation.run(id, { source, where, onOutput, onDisplay, onNotice, stdin });
      request.onStarted?.({
        write: (text) => conversation.write(id, text),
        closeInput: () => conversation.closeInput(id),
        interrupt: () => {
          if (!isOver) conversation.interrupt(id, { once: true });
        },
      });
      const first = await running;
      // An answer that comes as the interpreter is being killed is no longer one of an interpreter that goes on.
      const answer = conversation.isOver ? await conversation.ended : first;
      const told = notices.length > 0 && { notices };
      if ("id" in answer) {
        const { success, exitCode, result, changes } = answer;
        // Whatever it says: what nobody here has asked for was the program's own.
        const ended = signal.aborted ? answer.ended : "exited";
        return { ended, success, exitCode, result, interpreterRestarted: false, changes, exit: null, ...told };
      }
      this.#disposed.signal.throwIfAborted();
      const rest = { success: false, result: null, interpreterRestarted: true, exit: answer, ...told };
      if (signal.aborted) return { ended: "interrupted", exitCode: null, ...rest };
      const own = answer.code === null ? endedBy(answer.signal) : { exitCode: answer.code };
      return { ended: "interpreter_exited", ...own, ...rest };
    } finally {
      isOver = true;
      over?.abort();
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Leaves the interpreter that is over in its place if `signal` aborts before there is a new one. */
  async #replace({ signal, onReplaced }: InterpreterRun): Promise<void> {
    await this.#present.conversation.ended;
    const late = new AbortController();
    const done = new AbortController();
    const reason = new Error(`a new interpreter was not ready within ${replacementMs / 1000} s`);
    this.#options.clock.sleep(replacementMs, done.signal).then(
      () => late.abort(reason),
      () => undefined,
    );
    try {
      this.#present = await start(this.#options, AbortSignal.any([this.#disposed.signal, signal, late.signal]));
      this.#loss = this.#loss === "told" ? "none" : "untold";
      onReplaced?.();
    } catch (error) {
      if (this.#disposed.signal.aborted || !signal.aborted) throw error;
    } finally {
      done.abort();
    }
  }
}

/** The default of `interruptGraceMs`. */
const defaultGraceMs = 1000;

const notBegun: InterpreterRunEnd = {
  ended: "interrupted",
  success: false,
  exitCode: null,
  result: null,
  interpreterRestarted: false,
  exit: null,
};

async function start(options: InterpreterOptions, signal: AbortSignal): Promise<Started> {
  signal.throwIfAborted();
  const { spawn, language, interpreter, program, env, clock, onBackground, volumes } = options;
  const process = spawn(runnerArgv(language, interpreter, program), { control: true, env });
  const encode = runnerEncodings[language];
  return await ready(new Conversation(process, clock, { encode, onBackground, volumes }), signal);
}

async function ready(conversation: Conversation, signal: AbortSignal): Promise<Started> {
  const onAbort = () => conversation.kill();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return { conversation, pid: await conversation.ready() };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
