// A sandbox that is another machine: code through our own runner, commands through a shell, both at the far end of one link. Notices
// when the sandbox has gone, and says so once. One whose link fails is lost and not replaced: its files would be gone, and
// port.ts promises them to whoever is told `interpreterRestarted`.

import { type Clock, within } from "../../clock.ts";
import { Failure, type FailureKind } from "../../failure.ts";
import { commandLine } from "../command-line.ts";
import { type AgentProgram, notThere } from "../file-agent/agent.ts";
import { AgentFiles } from "../file-agent/agent-files.ts";
import type { Changes } from "../files.ts";
import type { ResumeRequest, RunControl, RunEnd, RunRequest, RunSignal, Sandbox } from "../port.ts";
import type { Beginning } from "../runner/changes.ts";
import type { Interpreter, InterpreterControl } from "../runner/runner.ts";
import { endedBy } from "../signals.ts";
import { Gone } from "./gone.ts";
import { LateOutput } from "./late-output.ts";
import type { Link, Program, ProgramEnd, ProgramEvents, RunProcesses } from "./link.ts";
import { openCommandLine } from "./open-command-line.ts";

export type LinkedSandboxOptions = {
  readonly name: string;
  readonly link: Link;
  readonly interpreter: Interpreter;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string>>;
  /** The command line of the program that works on its files. */
  readonly fileAgent: readonly string[];
  /** An interrupt of the interpreter's reaches what its code waits for, too: nobody else is to send it there. */
  readonly interruptsChildren: boolean;
  /** The interpreter is asked what a command has changed. Not where that would take as long as a command does. */
  readonly looksAfterCommands: boolean;
  /** What is thrown, by runs of `kind`, for a sandbox that has gone. */
  readonly failureOf: (gone: Gone, kind: FailureKind) => Failure;
  /** Stops the remote sandbox until nothing of it is left, and gives up what was held for it. Never rejects. */
  readonly destroy: () => Promise<void>;
};

/** How long an interrupted run has before it is ended by force, in milliseconds. */
const interruptGraceMs = 1_000;
/** How long after an abort a run may go on at most: the sandbox of one that does not end in spite of all is given up. */
const obedienceMs = 15_000;
/** How long disposal waits for the guest's processes to be ended from inside, before the sandbox is stopped around them. */
const insideEndMs = 1_000;
/** How long letting go waits for what an ended command has changed. Milliseconds. */
const lookMs = 1_000;
const signalNumbers: Readonly<Record<RunSignal, number>> = { interrupt: 2, terminate: 15, kill: 9 };
/** What a shell gives as the status of a command that SIGKILL ended. */
const killedStatus = 128 + signalNumbers.kill;

/** A run that is on. */
type Run = {
  /** No other has been on since it began. */
  isAlone: boolean;
  /** Its end has been asked for by a signal. */
  isEnding: boolean;
  isOver: boolean;
  /** Of a command: it has ended, and it is being found out what is told of that. */
  hasEnded: boolean;
  readonly told: PromiseWithResolvers<void>;
  /** Of code: the interpreter that it is on. */
  interpreter: InterpreterControl | null;
  /** Of code: more than its source has been written to the interpreter. */
  isTalkedTo: boolean;
  /** Of code: what it has started since its begin; if its interpreter was replaced first, since the new one was ready. */
  processes: RunProcesses | null;
};

export class LinkedSandbox implements Sandbox {
  readonly name: string;
  readonly files: AgentFiles;
  readonly lost: Promise<string>;
  readonly lasting?: readonly RunRequest["kind"][];
  readonly letGo?: () => Promise<void>;
  readonly #options: LinkedSandboxOptions;
  readonly #lost = Promise.withResolvers<string>();
  /** Resolves when the sandbox has gone, or has been disposed. */
  readonly #over = Promise.withResolvers<Gone>();
  #gone: Gone | null = null;
  #disposal: Promise<void> | null = null;
  #isLetGo = false;
  #interpreterEnd: ProgramEnd | null = null;
  /** Bounded by the sessions layer's limit of runs. */
  readonly #runs = new Set<Run>();

  constructor(options: LinkedSandboxOptions) {
    this.#options = options;
    this.name = options.name;
    this.lost = this.#lost.promise;
    const { link, clock, failureOf } = options;
    this.files = new AgentFiles({
      start: (onStdout) => this.#startFileAgent(onStdout),
      clock,
      lost: () => (this.#gone === null ? null : failureOf(this.#gone, "code_execution")),
      whileUsed: () => link.listen(),
    });
    const { letGo } = link;
    if (letGo === undefined) return;
    this.lasting = ["command"];
    this.letGo = async () => {
      if (this.#gone !== null || this.#isLetGo) return;
      const ended = [...this.#runs].filter(({ hasEnded }) => hasEnded);
      await within(Promise.all(ended.map(({ told }) => told.promise)), lookMs, clock);
      this.#isLetGo = true;
      this.files.end();
      await letGo.call(link);
    };
  }

  /** Whether it has been given up or disposed. */
  get over(): boolean {
    return this.#gone !== null;
  }

  /** The sandbox has gone: runs end, `lost` resolves. */
  lose(gone: Gone): void {
    if (this.#gone === null && !this.#isLetGo) {
      this.#end(gone);
      this.#lost.resolve(gone.message);
    }
  }

  /** An interpreter has ended; the run that it belongs to may ask why. */
  interpreterEnded(end: ProgramEnd): void {
    this.#interpreterEnd = end;
  }

  get resumable(): readonly string[] {
    return this.#options.link.resumable ?? [];
  }

  async cpuTimeMs(): Promise<number | null> {
    return (await this.#options.link.cpuTimeMs?.()) ?? null;
  }

  async run(request: RunRequest): Promise<RunEnd> {
    await this.files.settled();
    return await this.#attend(request, (own, run, late) => {
      const onDisplay: RunRequest["onDisplay"] = (display, stdoutBytes) => {
        if (!run.isOver) own.onDisplay?.(display, stdoutBytes);
      };
      if (own.kind === "code") return this.#runCode({ ...own, onDisplay }, run);
      const { argv, input } = own.stdin === "open" ? openCommandLine(own.source) : commandLine(own.source);
      const { id: name, stdin } = own;
      const { link, env } = this.#options;
      const start = (events: ProgramEvents) => link.start(argv, { control: false, env, input, stdin, name }, events);
      return this.#runCommand(own, start, stdin === "open", run, late);
    });
  }

  async resume(request: ResumeRequest): Promise<RunEnd> {
    const { link } = this.#options;
    const end = await this.#attend(request, (own, run, late) => {
      const start = (events: ProgramEvents) => {
        if (link.resume === undefined) throw new Error("nothing can be gone on with over this link");
        return link.resume(own, events);
      };
      return this.#runCommand(own, start, false, run, late);
    });
    // Those since its begin are not known here.
    return { ...end, changes: undefined };
  }

  async #attend<T extends RunRequest | ResumeRequest>(
    request: T,
    start: (request: T, run: Run, late: LateOutput) => Promise<RunEnd>,
  ): Promise<RunEnd> {
    const { link, failureOf } = this.#options;
    const kind = request.kind === "code" ? "code_execution" : "command_execution";
    if (this.#gone !== null) {
      throw failureOf(this.#gone, kind);
    }
    using _listening = link.listen();
    const run: Run = {
      isAlone: this.#runs.size === 0,
      isEnding: false,
      isOver: false,
      hasEnded: false,
      told: Promise.withResolvers(),
      interpreter: null,
      isTalkedTo: false,
      processes: null,
    };
    for (const other of this.#runs) other.isAlone = false;
    this.#runs.add(run);
    const onOutput: RunRequest["onOutput"] = (stream, bytes) => {
      if (!run.isOver) request.onOutput(stream, bytes);
    };
    const finished = new AbortController();
    void this.#insist(request.signal, finished.signal);
    const late = new LateOutput((stream, bytes) => {
      if (this.#gone === null) request.onLateOutput?.(stream, bytes);
    });
    try {
      const over = this.#over.promise.then((gone) => {
        throw failureOf(gone, kind);
      });
      return await Promise.race([over, start({ ...request, onOutput }, run, late)]);
    } catch (error) {
      // What ends because the sandbox has gone is told so, whichever of the two was first.
      throw this.#gone === null ? error : failureOf(this.#gone, kind);
    } finally {
      run.isOver = true;
      run.told.resolve();
      this.#runs.delete(run);
      finished.abort();
      late.release();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#isLetGo ? Promise.resolve() : this.#dispose();
    return this.#disposal;
  }

  async #runCode(request: RunRequest, run: Run): Promise<RunEnd> {
    run.processes = this.#options.link.mark();
    this.#interpreterEnd = null;
    const end = await this.#interpret(request, run);
    const { unheard, memoryRanOut, signal } = this.#interpreterEnd ?? nothingEnded;
    if (end.ended === "interpreter_exited" && unheard && !request.signal.aborted && !run.isEnding && !run.isTalkedTo) {
      // It had died since the last run: this one has not begun, and may in the interpreter that replaces it. Where something else was written after the
      // source, that may be what was not heard.
      return { ...(await this.#interpret(request, run)), interpreterRestarted: true };
    }
    const killed = end.ended === "interpreter_exited" && signal === "SIGKILL" && !run.isEnding;
    return killed && memoryRanOut ? { ...end, ended: "out_of_memory" } : end;
  }

  async #interpret(request: RunRequest, run: Run): Promise<RunEnd> {
    const { interpreter, interruptsChildren, link } = this.#options;
    const { source, stdin, signal, onOutput, onDisplay } = request;
    const onStarted = (control: InterpreterControl) => {
      const isFirst = run.interpreter === null;
      run.interpreter = control;
      if (!isFirst) return;
      const input = {
        write: async (text: string) => {
          run.isTalkedTo = true;
          await run.interpreter?.write(text);
        },
        closeInput: () => {
          run.isTalkedTo = true;
          run.interpreter?.closeInput();
        },
      };
      // What an interrupt does to the interpreter is the language's affair.
      const signalAll: RunProcesses["signal"] = (number, withStrays) => {
        const isInterrupt = number === signalNumbers.interrupt;
        if (!isInterrupt || !interruptsChildren) run.processes?.signal(number, withStrays);
        if (!isInterrupt) return;
        run.isTalkedTo = true;
        run.interpreter?.interrupt();
      };
      request.onStarted?.(controlOf(run, input, { signal: signalAll }));
    };
    try {
      const { exit: _, ...end } = await interpreter.run({
        source,
        signal,
        onOutput,
        onDisplay,
        stdin,
        onStarted,
        interruptGraceMs,
        onReplaced: () => {
          run.processes = link.mark();
        },
        afterInterrupt: () => void run.processes?.sweep(true),
      });
      if (end.ended === "interrupted") {
        await run.processes?.sweep(true);
      }
      return end;
    } catch (cause) {
      throw notRestarted(cause);
    }
  }

  async #runCommand(
    { signal, onOutput, onStarted }: Pick<RunRequest, "signal" | "onOutput" | "onStarted">,
    start: (events: ProgramEvents) => Program,
    isOpen: boolean,
    run: Run,
    late: LateOutput,
  ): Promise<RunEnd> {
    const { clock, interpreter, looksAfterCommands } = this.#options;
    const beginning = looksAfterCommands ? interpreter.beginning() : undefined;
    const { promise: ended, resolve } = Promise.withResolvers<ProgramEnd>();
    const program = start({ onOutput, onControl: () => {}, onEnd: resolve, onLate: late.push });
    const write = (text: string) => program.write(text);
    const closeInput = () => program.closeInput();
    if (!signal.aborted) onStarted?.(controlOf(run, isOpen ? { write, closeInput } : null, program));
    const aborted = Promise.withResolvers<null>();
    const onAbort = () => aborted.resolve(null);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const first = await Promise.race([ended, aborted.promise]);
    signal.removeEventListener("abort", onAbort);
    if (first !== null) {
      run.hasEnded = true;
      return { ...commandEnd(first, run), changes: await this.#changesSince(beginning) };
    }
    program.signal(signalNumbers.terminate, run.isAlone);
    const grace = new AbortController();
    await Promise.race([ended, clock.sleep(interruptGraceMs, grace.signal).catch(() => {})]);
    grace.abort();
    await program.sweep(run.isAlone);
    const { code } = await ended;
    const rest = { success: false, exitCode: code, result: null, interpreterRestarted: false };
    return { ended: "interrupted", ...rest, changes: await this.#changesSince(beginning) };
  }

  /** What a command has changed; unknown while the interpreter, which would have to look, runs code. */
  async #changesSince(asked: Promise<Beginning | undefined> | undefined): Promise<Changes | undefined> {
    const beginning = await asked;
    return beginning && (await this.#options.interpreter.look(beginning));
  }

  /** Gives the sandbox up if a run goes on long after it was to end. */
  async #insist(signal: AbortSignal, finished: AbortSignal): Promise<void> {
    const late = () => {
      this.#options.clock.sleep(obedienceMs, finished).then(
        () => this.lose(new Gone(`a run in it did not end within ${obedienceMs / 1000} seconds of being stopped`)),
        () => {},
      );
    };
    if (signal.aborted) {
      late();
      return;
    }
    signal.addEventListener("abort", late, { once: true, signal: finished });
  }

  #startFileAgent(onStdout: (bytes: Uint8Array) => void): AgentProgram {
    const { link, fileAgent } = this.#options;
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    const program = link.startTool(fileAgent, agentEnv, {
      onStdout,
      onEnd: ({ code, signal }) =>
        resolve(
          code === unavailable ? notThere : (signal ?? (code === null ? "its link ended" : `exit status ${code}`)),
        ),
    });
    return { ...program, ended };
  }

  #end(gone: Gone): void {
    this.#gone = gone;
    this.#over.resolve(gone);
    this.files.end();
    this.#options.link.end();
    void this.#options.interpreter[Symbol.asyncDispose]();
  }

  async #dispose(): Promise<void> {
    const { link, interpreter, clock, destroy } = this.#options;
    if (this.#gone === null) {
      const gone = new Gone("it was stopped");
      this.#gone = gone;
      this.#over.resolve(gone);
      this.files.end();
      // The server calls a sandbox stopped before it has ended; what ran in it has ended before.
      const bound = new AbortController();
      const inside = Promise.all([interpreter[Symbol.asyncDispose](), link.endAll()]);
      await Promise.race([inside, clock.sleep(insideEndMs, bound.signal).catch(() => {})]);
      bound.abort();
      link.end();
    }
    await interpreter[Symbol.asyncDispose]();
    await destroy();
  }
}

/** Without a home, paths are from the folder on in which runs start: what an image calls a home, they do not know. */
const agentEnv = { HOME: "" };
/** The status of microvm/guest/tool.sh where the image has nothing to start the program with (EX_UNAVAILABLE). */
const unavailable = 69;
const nothingEnded = { unheard: false, memoryRanOut: false, signal: null };

function notRestarted(cause: unknown): Failure {
  return new Failure("code_execution", "The interpreter of this session could not be started again.", { cause });
}

type Input = Pick<RunControl, "write" | "closeInput">;

/** `input` is null where stdin is not open. */
function controlOf(run: Run, input: Input | null, processes: Pick<RunProcesses, "signal">): RunControl {
  return {
    write: async (text) => {
      if (!run.isOver) await input?.write(text);
    },
    closeInput: () => {
      if (!run.isOver) input?.closeInput();
    },
    send: (signal) => {
      if (run.isOver) return;
      run.isEnding ||= signal !== "interrupt";
      processes.signal(signalNumbers[signal], run.isAlone);
    },
  };
}

function commandEnd({ code, signal, memoryRanOut }: ProgramEnd, run: Run): RunEnd {
  const rest = { success: code === 0, result: null, interpreterRestarted: false };
  const how = code === null ? endedBy(signal) : { exitCode: code };
  const wasKilled = (signal === "SIGKILL" || code === killedStatus) && !run.isEnding;
  if (memoryRanOut && wasKilled) return { ended: "out_of_memory", ...how, ...rest };
  return { ended: code === null ? "signaled" : "exited", ...how, ...rest };
}
