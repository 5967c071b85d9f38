// A sandbox of the namespace host: runs in namespaces that are there already, told as port.ts wants it.

import type { Clock } from "../../clock.ts";
import { Failure, type FailureKind } from "../../failure.ts";
import type { AgentProgram } from "../file-agent/agent.ts";
import { AgentFiles } from "../file-agent/agent-files.ts";
import type { Changes } from "../files.ts";
import type { Resources } from "../flavors.ts";
import type { HoardLimits, RunEnd, RunRequest, RunSignal, Sandbox, SandboxSpec } from "../port.ts";
import { beginningBetween } from "../runner/changes.ts";
import type { SpawnGuest } from "../runner/guest.ts";
import type { Interpreter, InterpreterControl } from "../runner/runner.ts";
import { runCode } from "./code-run.ts";
import { runCommand } from "./command-run.ts";
import { asAgentProgram, asGuestProcess, type GuestProgramOptions } from "./guest-program.ts";
import { Interpreters } from "./interpreters.ts";
import { signals } from "./libc.ts";
import type { Watched } from "./limits.ts";
import { Members, type Membership } from "./members.ts";
import { isOlder, type Moments } from "./moments.ts";
import { type OngoingRun, OngoingRuns, type WatchReason } from "./ongoing-runs.ts";
import { type Census, cpuTimeOf, isSame, type Process, startedBy, takeCensus } from "./processes.ts";
import { Programs, type ProgramsOptions } from "./programs.ts";
import { RemovedFiles } from "./removed-files.ts";
import { RunScope } from "./run-scope.ts";
import { processesPerCpu, processLimit } from "./sizes.ts";
import type { WayOut } from "./way-out.ts";

export type NamespaceSandboxOptions = ProgramsOptions & {
  readonly name: string;
  readonly moments: Moments;
  readonly clock: Clock;
  /** Null for one that reaches nothing. */
  readonly wayOut: WayOut | null;
  /** Environment of commands. */
  readonly env: Readonly<Record<string, string>>;
  /** The command line of the program that works on its files. */
  readonly fileAgent: readonly string[];
  /** As SandboxSpec.onBackground. */
  readonly onBackground: NonNullable<SandboxSpec["onBackground"]>;
  /** Called once nothing of the sandbox is left, or, with a warning, as little as could be. */
  readonly onGone: (warning: string | null) => void;
};

export class NamespaceSandbox implements Sandbox, Watched {
  readonly name: string;
  readonly files: AgentFiles;
  readonly resources: Resources;
  readonly lost: Promise<string>;
  readonly #options: NamespaceSandboxOptions;
  readonly #lost = Promise.withResolvers<string>();
  readonly #members: Members;
  readonly #runs: OngoingRuns;
  readonly #programs: Programs;
  readonly #interpreters = new Interpreters();
  readonly #fileAgents = new Interpreters();
  readonly #removedFiles = new RemovedFiles();
  #interpreter: Interpreter | null = null;
  #over: string | null = null;
  #disposal: Promise<void> | null = null;

  constructor(options: NamespaceSandboxOptions) {
    this.#options = options;
    this.#programs = new Programs(options);
    this.#runs = new OngoingRuns(options.group);
    this.#members = new Members(options.group, options.namespaces.pidLink);
    this.name = options.name;
    this.resources = options.resources;
    this.lost = this.#lost.promise;
    this.files = new AgentFiles({
      start: (onStdout) => this.#startFileAgent(onStdout),
      clock: options.clock,
      lost: () => (this.#over === null ? null : lostFailure("code_execution", this.#over)),
    });
    void options.namespaces.ended.then(() => {
      if (this.#over !== null) return;
      this.#over = "its processes were killed";
      this.#lost.resolve(this.#over);
    });
  }

  /** For the runner. The programs are the sandbox's interpreters: no run's end touches them. */
  readonly spawn: SpawnGuest = (argv, options) =>
    asGuestProcess(options.control, (onOutput) => {
      const program = this.#programs.start(argv, options, onOutput, this.#onBackground);
      this.#interpreters.add(program);
      return program;
    });

  /** The sandbox is complete with it, and owns it from now on. */
  adopt(interpreter: Interpreter): void {
    this.#interpreter = interpreter;
  }

  async run(request: RunRequest): Promise<RunEnd> {
    await this.files.settled();
    this.#throwIfOver(request);
    const membership = request.kind === "command" ? this.#enter() : null;
    const run = this.#runs.begin();
    let settled = false;
    const onOutput: RunRequest["onOutput"] = (stream, bytes) => {
      if (!settled) request.onOutput(stream, bytes);
      else if (request.kind === "command") request.onLateOutput?.(stream, bytes);
    };
    const onDisplay: RunRequest["onDisplay"] = (display, stdoutBytes) => {
      if (!settled) request.onDisplay?.(display, stdoutBytes);
    };
    const guarded = { ...request, onOutput, onDisplay };
    const look = this.#lookFromNow();
    const refusals = this.#options.wayOut?.refusals;
    const refusalMark = refusals?.mark ?? 0;
    try {
      let scope = membership === null ? this.#codeScope() : this.#scope(membership.processes);
      const onReplaced = () => {
        scope = this.#codeScope();
      };
      const end = await (membership === null
        ? this.#runCode(guarded, () => scope, onReplaced, run)
        : this.#runCommand(guarded, scope, membership, run, look));
      // The program that killed everything may have been told of its own end before the sandbox's end was.
      if (!this.#options.namespaces.alive) await this.#options.namespaces.ended;
      this.#throwIfOver(request);
      if (!end.success) this.#runs.noteCrowd(run, membership);
      const wasKilled = this.#runs.tellKilled(end, run);
      // Nobody is left who knows what it has started, or it was too much: a bomb's fragments would fill the sandbox.
      if (wasKilled || run.wasSentKill || end.ended === "interpreter_exited") {
        await this.#end(scope);
        look.forget();
      }
      const notices = [
        ...(end.notices ?? []),
        ...(run.isCrowded ? [crowded(this.resources)] : []),
        ...(this.#runs.hasLostHoarders(run) ? [hoarded] : []),
        ...(refusals?.since(refusalMark) ?? []),
      ].slice(0, maxNotices);
      const told: RunEnd = {
        ...{ ...end, ...(wasKilled && { ended: "out_of_memory" }) },
        ...(notices.length > 0 && { notices }),
      };
      return membership === null ? told : { ...told, changes: await look.changes() };
    } finally {
      settled = true;
      this.#runs.leave(run);
      membership?.leave();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async cpuTimeMs(): Promise<number | null> {
    if (this.#over !== null) return null;
    const ours = new Set(this.#fileAgents.pids());
    const processes = this.watchedProcesses(takeCensus).filter(({ pid }) => !ours.has(pid));
    const times = await Promise.all(processes.map(({ pid }) => cpuTimeOf(pid)));
    return times.reduce((sum, time) => sum + time, 0);
  }

  async endHoarders(folder: string, { maxBytes, endsUnknown }: HoardLimits): Promise<number> {
    if (this.#over !== null) return 0;
    const { bytes, holders, unknown } = await this.#removedFiles.look(this.watchedProcesses(takeCensus), folder);
    const isTooMuch = bytes > maxBytes;
    const ending = [...(isTooMuch ? holders : []), ...(endsUnknown ? unknown : [])];
    if (this.#over !== null || ending.length === 0) return 0;
    // Numbers may be others' by now.
    const here = this.watchedProcesses(takeCensus).filter((process) => ending.some((one) => isSame(one, process)));
    for (const { pid } of here) this.endProcess(pid, "hoard");
    return isTooMuch ? bytes : 0;
  }

  watchedProcesses(census: () => Census): readonly Process[] {
    const { pidLink, keepers } = this.#options.namespaces;
    return this.#members.all(() => census().get(pidLink) ?? []).filter(({ pid }) => !keepers.has(pid));
  }

  endProcess(pid: number, reason: WatchReason): void {
    if (this.#options.libc.kill(pid, signals.kill)) this.#runs.endedByWatch(reason);
  }

  async #runCode(request: RunRequest, scope: () => RunScope, onReplaced: () => void, run: OngoingRun): Promise<RunEnd> {
    const interpreter = this.#interpreter;
    if (interpreter === null) throw new Error("the sandbox has not been given its interpreter");
    try {
      return await runCode({
        ...{ interpreter, request, onReplaced },
        end: () => {
          this.#runs.noteCrowd(run, null);
          return this.#end(scope());
        },
        onSend: (signal, control) => this.#sendToCode(signal, control, scope(), run),
      });
    } catch (cause) {
      if (!this.#options.namespaces.alive) await this.#options.namespaces.ended;
      this.#throwIfOver(request, cause);
      throw interpreterFailure(cause);
    }
  }

  /** An interrupt is the interpreter's own affair, which its program may catch; everything else ends it too. */
  #sendToCode(signal: RunSignal, control: InterpreterControl, scope: RunScope, run: OngoingRun): void {
    if (signal === "kill") run.wasSentKill = true;
    scope.send(signal);
    if (signal === "interrupt") control.interrupt();
    else for (const { pid } of this.#interpreters.insides()) this.#options.libc.kill(pid, signals[signal]);
  }

  /** Beside the interpreter, as no run's end touches it. */
  #startFileAgent(onStdout: (bytes: Uint8Array) => void): AgentProgram {
    const { fileAgent, env } = this.#options;
    const onOutput: GuestProgramOptions["onOutput"] = (name, bytes) => {
      if (name === "stdout") onStdout(bytes);
    };
    const program = this.#programs.start(fileAgent, { control: true, env }, onOutput, onOutput);
    this.#fileAgents.add(program);
    return asAgentProgram(program);
  }

  /** For what a command changes that begins now; unknown while the interpreter, which would have to look, runs code. */
  #lookFromNow() {
    // The guest has the same clock.
    const nowMs = this.#options.clock.now();
    const beginning = beginningBetween(nowMs, nowMs);
    let looked: Promise<Changes | undefined> | undefined;
    const changes = async () => {
      looked ??= this.#interpreter?.look(beginning);
      return await looked;
    };
    return {
      changes,
      /** Its processes were not all at their end. */
      forget: () => {
        looked = undefined;
      },
    };
  }

  #enter(): Membership {
    try {
      return this.#members.enter();
    } catch (cause) {
      throw commandFailure(cause);
    }
  }

  #runCommand(
    request: RunRequest,
    scope: RunScope,
    membership: Membership,
    run: OngoingRun,
    look: { readonly changes: () => Promise<unknown> },
  ): Promise<RunEnd> {
    const { libc, clock, env } = this.#options;
    const take: GuestProgramOptions["onOutput"] = (name, bytes) => {
      if (name !== "control") request.onOutput(name, bytes);
    };
    return runCommand({
      ...{ request, libc, clock, scope },
      start: (argv, input, pipe) => {
        try {
          return this.#programs.start(argv, { control: false, env, input, pipe, ...membership }, take, take);
        } catch (cause) {
          throw commandFailure(cause);
        }
      },
      end: () => {
        this.#runs.noteCrowd(run, membership);
        return this.#end(scope);
      },
      // While its last output is read.
      onExited: () => void look.changes(),
      onSend: (signal) => {
        if (signal === "kill") run.wasSentKill = true;
      },
    });
  }

  /** What code starts from now on: of an interpreter that is ready, none of its own processes. */
  #codeScope(): RunScope {
    const begin = this.#options.moments.now();
    const interpreters = this.#interpreters.insides();
    // Without the interpreter: when it has died in the run, what it started is still the run's.
    const wasThere = (process: Process) =>
      isOlder(process, begin) && !interpreters.some((interpreter) => isSame(process, interpreter));
    return this.#scope(() => startedBy(wasThere, this.#members.ofInterpreter(), this.#kept()));
  }

  #scope(started: () => readonly Process[]): RunScope {
    const { libc, group, clock } = this.#options;
    const { spawned } = this.#interpreters;
    // A new interpreter that starts meanwhile must be able to, and a run beside this one as long as that can be.
    const mayForbidForks = () => {
      if (spawned !== this.#interpreters.spawned) return "no";
      return this.#runs.size > 1 ? "late" : "yes";
    };
    return new RunScope({ libc, group, clock, started, mayForbidForks });
  }

  /** What cannot be ended alone ends with the sandbox. */
  async #end(scope: RunScope): Promise<void> {
    if (await scope.end()) return;
    this.#options.namespaces.kill();
    await this.#options.namespaces.ended;
  }

  #kept(): ReadonlySet<number> {
    return new Set([...this.#options.namespaces.keepers, ...this.#interpreters.pids(), ...this.#fileAgents.pids()]);
  }

  readonly #onBackground: GuestProgramOptions["onOutput"] = (name, bytes) => {
    if (name !== "control") this.#options.onBackground(name, bytes);
  };

  #throwIfOver({ kind }: Pick<RunRequest, "kind">, cause?: unknown): void {
    if (this.#over === null) return;
    throw lostFailure(kind === "code" ? "code_execution" : "command_execution", this.#over, cause);
  }

  async #dispose(): Promise<void> {
    const { namespaces, group, wayOut, onGone } = this.#options;
    this.#over ??= "it was stopped";
    namespaces.kill();
    this.files.end();
    await namespaces.ended;
    this.#programs.kill();
    await this.#interpreter?.[Symbol.asyncDispose]();
    await this.#programs.close();
    await wayOut?.[Symbol.asyncDispose]();
    namespaces[Symbol.dispose]();
    const removed = await group.remove();
    onGone(removed ? null : `the control group of ${this.name} could not be removed`);
  }
}

/** As RunEnd.notices says. */
const maxNotices = 10;

const hoarded =
  "[a process was ended: the disk of the server is nearly full, and the process kept files of the cache of downloads that had been removed, " +
  "or did not let the server see which files it keeps. Close downloads that are not needed]";

function lostFailure(kind: FailureKind, why: string, cause?: unknown): Failure {
  return new Failure(kind, `The sandbox of this session was lost: ${why}.`, { cause });
}

function crowded(resources: Resources): string {
  const limit = processLimit(resources);
  return (
    `[this sandbox was at its limit of ${limit} processes and threads, ${processesPerCpu} for each CPU of its flavor: ` +
    "no more could be started. End some, start fewer at once, or use a larger flavor]"
  );
}

function interpreterFailure(cause: unknown): Failure {
  return new Failure("code_execution", "The interpreter of this session could not be started again.", { cause });
}

function commandFailure(cause: unknown): Failure {
  return new Failure("command_execution", "The command could not be started.", { cause });
}
