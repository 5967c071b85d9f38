// A sandbox that is another machine: code through our own runner, commands through a shell, both at the far end of one link. Notices
// when the sandbox has gone, and says so once. One whose link fails is lost and not replaced: its files would be gone, and
// port.ts promises them to whoever is told `interpreterRestarted`.

import type { Clock } from "../../clock.ts";
import { Failure, type FailureKind } from "../../failure.ts";
import { commandLine } from "../command-line.ts";
import type { RunEnd, RunRequest, Sandbox } from "../port.ts";
import type { Interpreter } from "../runner/runner.ts";
import { endedBy } from "../signals.ts";
import { Gone } from "./gone.ts";
import type { Link, ProgramEnd } from "./link.ts";

export type LinkedSandboxOptions = {
  readonly name: string;
  readonly link: Link;
  readonly interpreter: Interpreter;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string>>;
  /** How long an interrupted run has before it is ended by force, in milliseconds. Default 1,000. */
  readonly interruptGraceMs?: number | undefined;
  /** What is thrown, by runs of `kind`, for a sandbox that has gone. */
  readonly failureOf: (gone: Gone, kind: FailureKind) => Failure;
  /** Stops the remote sandbox until nothing of it is left, and gives up what was held for it. Never rejects. */
  readonly destroy: () => Promise<void>;
};

const defaultGraceMs = 1_000;
/** How long after an abort a run may go on at most: the sandbox of one that does not end in spite of all is given up. */
const obedienceMs = 15_000;
/** How long disposal waits for the guest's processes to be ended from inside, before the sandbox is stopped around them. */
const insideEndMs = 1_000;
const sigkill = 9;
/** What a shell gives as the status of a command that SIGKILL ended. */
const killedStatus = 128 + sigkill;

export class LinkedSandbox implements Sandbox {
  readonly name: string;
  readonly lost: Promise<string>;
  readonly #options: LinkedSandboxOptions;
  readonly #lost = Promise.withResolvers<string>();
  /** Resolves when the sandbox has gone, or has been disposed. */
  readonly #over = Promise.withResolvers<Gone>();
  #gone: Gone | null = null;
  #disposal: Promise<void> | null = null;
  #interpreterEnd: ProgramEnd | null = null;

  constructor(options: LinkedSandboxOptions) {
    this.#options = options;
    this.name = options.name;
    this.lost = this.#lost.promise;
  }

  /** Whether it has been given up or disposed. */
  get over(): boolean {
    return this.#gone !== null;
  }

  /** The sandbox has gone: runs end, `lost` resolves. */
  lose(gone: Gone): void {
    if (this.#gone === null) {
      this.#end(gone);
      this.#lost.resolve(gone.message);
    }
  }

  /** An interpreter has ended; the run that it belongs to may ask why. */
  interpreterEnded(end: ProgramEnd): void {
    this.#interpreterEnd = end;
  }

  async run(request: RunRequest): Promise<RunEnd> {
    const { link, failureOf } = this.#options;
    const kind = request.kind === "code" ? "code_execution" : "command_execution";
    if (this.#gone !== null) {
      throw failureOf(this.#gone, kind);
    }
    using _listening = link.listen();
    let settled = false;
    const onOutput: RunRequest["onOutput"] = (stream, bytes) => {
      if (!settled) request.onOutput(stream, bytes);
    };
    const finished = new AbortController();
    void this.#insist(request.signal, finished.signal);
    try {
      const over = this.#over.promise.then((gone) => {
        throw failureOf(gone, kind);
      });
      link.mark();
      const run = { ...request, onOutput };
      return await Promise.race([over, request.kind === "code" ? this.#runCode(run) : this.#runCommand(run)]);
    } catch (error) {
      // What ends because the sandbox has gone is told so, whichever of the two was first.
      throw this.#gone === null ? error : failureOf(this.#gone, kind);
    } finally {
      settled = true;
      finished.abort();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  get #graceMs(): number {
    return this.#options.interruptGraceMs ?? defaultGraceMs;
  }

  async #runCode(request: RunRequest): Promise<RunEnd> {
    this.#interpreterEnd = null;
    const end = await this.#interpret(request);
    const { unheard, memoryRanOut, signal } = this.#interpreterEnd ?? nothingEnded;
    if (end.ended === "interpreter_exited" && unheard && !request.signal.aborted) {
      // It had died since the last run: this one has not begun, and may in the interpreter that replaces it.
      return { ...(await this.#interpret(request)), interpreterRestarted: true };
    }
    const killed = end.ended === "interpreter_exited" && signal === "SIGKILL";
    return killed && memoryRanOut ? { ...end, ended: "out_of_memory" } : end;
  }

  async #interpret({ source, signal, onOutput }: RunRequest): Promise<RunEnd> {
    const { interpreter, link } = this.#options;
    try {
      const { exit: _, ...end } = await interpreter.run({
        source,
        signal,
        onOutput,
        interruptGraceMs: this.#graceMs,
        afterInterrupt: () => void link.sweep(),
      });
      if (end.ended === "interrupted") {
        await link.sweep();
      }
      return end;
    } catch (cause) {
      throw notRestarted(cause);
    }
  }

  async #runCommand({ source, signal, onOutput }: RunRequest): Promise<RunEnd> {
    const { link, env, clock } = this.#options;
    const { promise: ended, resolve } = Promise.withResolvers<ProgramEnd>();
    const { argv, input } = commandLine(source);
    link.start(argv, { control: false, env, input }, { onOutput, onControl: () => {}, onEnd: resolve });
    const aborted = Promise.withResolvers<null>();
    const onAbort = () => aborted.resolve(null);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const first = await Promise.race([ended, aborted.promise]);
    signal.removeEventListener("abort", onAbort);
    if (first !== null) {
      return commandEnd(first);
    }
    link.terminate();
    const grace = new AbortController();
    await Promise.race([ended, clock.sleep(this.#graceMs, grace.signal).catch(() => {})]);
    grace.abort();
    await link.sweep();
    const { code } = await ended;
    return { ended: "interrupted", success: false, exitCode: code, result: null, interpreterRestarted: false };
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

  #end(gone: Gone): void {
    this.#gone = gone;
    this.#over.resolve(gone);
    this.#options.link.end();
    void this.#options.interpreter[Symbol.asyncDispose]();
  }

  async #dispose(): Promise<void> {
    const { link, interpreter, clock, destroy } = this.#options;
    if (this.#gone === null) {
      const gone = new Gone("it was stopped");
      this.#gone = gone;
      this.#over.resolve(gone);
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

const nothingEnded = { unheard: false, memoryRanOut: false, signal: null };

function notRestarted(cause: unknown): Failure {
  return new Failure("code_execution", "The interpreter of this session could not be started again.", { cause });
}

function commandEnd({ code, signal, memoryRanOut }: ProgramEnd): RunEnd {
  const rest = { success: code === 0, result: null, interpreterRestarted: false };
  const how = code === null ? endedBy(signal) : { exitCode: code };
  if (memoryRanOut && (code === null || code === killedStatus)) return { ended: "out_of_memory", ...how, ...rest };
  return { ended: code === null ? "signaled" : "exited", ...how, ...rest };
}
