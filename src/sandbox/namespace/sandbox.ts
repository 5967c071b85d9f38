// A sandbox of the namespace host: one run at a time in namespaces that are there already, told as port.ts wants it.

import type { Clock } from "../../clock.ts";
import { Failure } from "../../failure.ts";
import { commandLine } from "../command-line.ts";
import type { Resources } from "../flavors.ts";
import type { RunEnd, RunRequest, Sandbox } from "../port.ts";
import type { GuestExit, GuestSpawnOptions, SpawnGuest } from "../runner/guest.ts";
import type { Interpreter } from "../runner/runner.ts";
import { endedBy } from "../signals.ts";
import type { LimitGroup } from "./cgroups.ts";
import { enterCommand, type Self } from "./enter.ts";
import { asGuestProcess, GuestProgram, type GuestProgramOptions } from "./guest-program.ts";
import { type Libc, signals } from "./libc.ts";
import type { Watched } from "./limits.ts";
import type { Moments } from "./moments.ts";
import type { Namespaces } from "./namespaces.ts";
import { allPids, type Census, childrenOf, type Process, processesIn, readProcess } from "./processes.ts";
import { RunScope } from "./run-scope.ts";
import { processLimit } from "./sizes.ts";
import type { Tools } from "./tools.ts";

/** How long an interrupted command has before it is ended by force. */
const interruptGraceMs = 1000;

/** Programs of a sandbox that have ended, but whose output a background process still holds: each costs us four descriptors. */
const lingeringLimit = 16;

export type NamespaceSandboxOptions = {
  readonly name: string;
  readonly resources: Resources;
  readonly namespaces: Namespaces;
  readonly group: LimitGroup;
  readonly tools: Tools;
  readonly self: Self;
  /** A descriptor of the executable that starts programs inside. */
  readonly launcher: number;
  readonly libc: Libc;
  readonly moments: Moments;
  readonly clock: Clock;
  /** Environment of commands. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether resource limits must count processes, for want of a control group. */
  readonly limitsProcesses: boolean;
  /** Called once nothing of the sandbox is left, or, with a warning, as little as could be. */
  readonly onGone: (warning: string | null) => void;
};

export class NamespaceSandbox implements Sandbox, Watched {
  readonly name: string;
  readonly resources: Resources;
  readonly lost: Promise<string>;
  readonly #options: NamespaceSandboxOptions;
  readonly #lost = Promise.withResolvers<string>();
  readonly #running = new Set<GuestProgram>();
  /** With the process inside, once it is known: it stays the same. */
  readonly #interpreters = new Map<GuestProgram, Process | null>();
  readonly #lingering = new Set<GuestProgram>();
  #interpreter: Interpreter | null = null;
  /** How many interpreters there have been. */
  #spawned = 0;
  #watchKills = 0;
  #over: string | null = null;
  #disposal: Promise<void> | null = null;

  constructor(options: NamespaceSandboxOptions) {
    this.#options = options;
    this.name = options.name;
    this.resources = options.resources;
    this.lost = this.#lost.promise;
    void options.namespaces.ended.then(() => {
      if (this.#over !== null) return;
      this.#over = "its processes were killed";
      this.#lost.resolve(this.#over);
    });
  }

  /** For the runner. The programs are the sandbox's interpreters: no run's end touches them. */
  readonly spawn: SpawnGuest = (argv, options) =>
    asGuestProcess(options.control, (onOutput) => {
      const program = this.#start(argv, options, onOutput);
      this.#interpreters.set(program, null);
      this.#spawned += 1;
      void program.exited.then(() => this.#interpreters.delete(program));
      return program;
    });

  /** The sandbox is complete with it, and owns it from now on. */
  adopt(interpreter: Interpreter): void {
    this.#interpreter = interpreter;
  }

  async run(request: RunRequest): Promise<RunEnd> {
    this.#throwIfOver(request);
    const kills = this.#outOfMemoryKills();
    const { libc, group, clock, moments } = this.#options;
    const spawned = this.#spawned;
    const scope = new RunScope({
      ...{ libc, group, clock, begin: moments.now(), interpreters: this.#insides() },
      ...{ processes: () => this.#processes(), kept: () => this.#kept() },
      // A new interpreter that starts meanwhile must be able to.
      mayForbidForks: () => spawned === this.#spawned,
    });
    let settled = false;
    const guarded: RunRequest = {
      ...request,
      onOutput: (stream, bytes) => {
        if (!settled) request.onOutput(stream, bytes);
      },
    };
    try {
      const end = await (request.kind === "code" ? this.#runCode(guarded, scope) : this.#runCommand(guarded, scope));
      // The program that killed everything may have been told of its own end before the sandbox's end was.
      if (!this.#options.namespaces.alive) await this.#options.namespaces.ended;
      this.#throwIfOver(request);
      const wasKilled = !end.success && end.ended !== "interrupted" && this.#outOfMemoryKills() > kills;
      // Nobody is left who knows what it has started, or it was too much: a bomb's fragments would fill the sandbox.
      if (wasKilled || end.ended === "interpreter_exited") await this.#end(scope);
      return wasKilled ? { ...end, ended: "out_of_memory" } : end;
    } finally {
      settled = true;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  watchedProcesses(census: () => Census): readonly Process[] {
    const { pidLink, keepers } = this.#options.namespaces;
    return this.#processes(() => census().get(pidLink) ?? []).filter(({ pid }) => !keepers.has(pid));
  }

  endProcess(pid: number, reason: "memory" | "processes"): void {
    if (this.#options.libc.kill(pid, signals.kill) && reason === "memory") this.#watchKills += 1;
  }

  async #runCode(request: RunRequest, scope: RunScope): Promise<RunEnd> {
    if (this.#interpreter === null) throw new Error("the sandbox has not been given its interpreter");
    const { source, signal, onOutput } = request;
    let ending: Promise<void> | undefined;
    try {
      const { exit: _, ...end } = await this.#interpreter.run({
        source,
        signal,
        onOutput,
        interruptGraceMs,
        afterInterrupt: () => {
          ending = this.#end(scope);
        },
      });
      // It must have stopped killing before the next run starts anything.
      await ending;
      if (end.ended === "interrupted") await this.#end(scope);
      return end;
    } catch (cause) {
      if (!this.#options.namespaces.alive) await this.#options.namespaces.ended;
      this.#throwIfOver(request, cause);
      throw interpreterFailure(cause);
    }
  }

  async #runCommand({ source, signal, onOutput }: RunRequest, scope: RunScope): Promise<RunEnd> {
    const { argv, input } = commandLine(source);
    const program = this.#start(argv, { control: false, env: this.#options.env, input }, (name, bytes) => {
      if (name !== "control") onOutput(name, bytes);
    });
    const interrupted = await this.#exitOrAbort(program, signal);
    if (interrupted) await this.#interrupt(program, scope);
    await program.drained;
    return commandEnd(await program.exited, interrupted);
  }

  /** True if the signal has aborted before the program's end. */
  async #exitOrAbort(program: GuestProgram, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return true;
    const aborted = Promise.withResolvers<boolean>();
    const onAbort = () => aborted.resolve(true);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([program.exited.then(() => false), aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #interrupt(program: GuestProgram, scope: RunScope): Promise<void> {
    scope.terminate();
    const grace = new AbortController();
    const waited = this.#options.clock.sleep(interruptGraceMs, grace.signal).catch(() => {});
    await Promise.race([program.exited, waited]);
    grace.abort();
    program.kill();
    await this.#end(scope);
    await program.exited;
  }

  /** What cannot be ended alone ends with the sandbox. */
  async #end(scope: RunScope): Promise<void> {
    if (await scope.end()) return;
    this.#options.namespaces.kill();
    await this.#options.namespaces.ended;
  }

  #start(
    program: readonly string[],
    { control, env, input = null }: GuestSpawnOptions,
    onOutput: GuestProgramOptions["onOutput"],
  ): GuestProgram {
    const { tools, self, launcher, group, namespaces, libc, limitsProcesses } = this.#options;
    const command = enterCommand({
      tools,
      self,
      launcher,
      joinFiles: group.joinFiles,
      processLimit: limitsProcesses ? processLimit(this.resources) : null,
      namespaces: namespaces.descriptors,
      env,
      program,
    });
    // The end of a run that still goes on must not keep a new interpreter from starting.
    group.forbidForks(false);
    const started = new GuestProgram({ libc, command, control, input, onOutput });
    this.#running.add(started);
    void started.exited.then(() => {
      this.#running.delete(started);
      this.#linger(started);
    });
    return started;
  }

  #linger(program: GuestProgram): void {
    this.#lingering.add(program);
    void program.silent.then(() => this.#lingering.delete(program));
    const [oldest] = this.#lingering;
    if (this.#lingering.size <= lingeringLimit || oldest === undefined) return;
    void oldest.drained.then(() => oldest.close());
    this.#lingering.delete(oldest);
  }

  /** Without a control group that lists its own, they are among the candidates. */
  #processes(candidates: () => readonly number[] = allPids): readonly Process[] {
    return processesIn(this.#options.namespaces.pidLink, this.#options.group.pids() ?? candidates());
  }

  #kept(): ReadonlySet<number> {
    const interpreters = [...this.#interpreters.keys()].flatMap(({ pid }) => childrenOf(pid));
    return new Set([...this.#options.namespaces.keepers, ...interpreters]);
  }

  #insides(): readonly Process[] {
    return [...this.#interpreters].flatMap(([program, known]) => {
      const inside =
        known ??
        childrenOf(program.pid)
          .map(readProcess)
          .find((child) => child !== null) ??
        null;
      if (known === null) this.#interpreters.set(program, inside);
      return inside ?? [];
    });
  }

  #outOfMemoryKills(): number {
    return this.#options.group.outOfMemoryKills() + this.#watchKills;
  }

  #throwIfOver({ kind }: Pick<RunRequest, "kind">, cause?: unknown): void {
    if (this.#over === null) return;
    const failure = kind === "code" ? "code_execution" : "command_execution";
    throw new Failure(failure, `The sandbox of this session was lost: ${this.#over}.`, { cause });
  }

  async #dispose(): Promise<void> {
    const { namespaces, group, onGone } = this.#options;
    this.#over ??= "it was stopped";
    namespaces.kill();
    await namespaces.ended;
    for (const program of this.#running) program.kill();
    await this.#interpreter?.[Symbol.asyncDispose]();
    await Promise.all([...this.#running].map(({ exited }) => exited));
    await Promise.all([...this.#lingering].map(({ drained }) => drained));
    for (const program of this.#lingering) program.close();
    namespaces[Symbol.dispose]();
    const removed = await group.remove();
    onGone(removed ? null : `the control group of ${this.name} could not be removed`);
  }
}

function interpreterFailure(cause: unknown): Failure {
  return new Failure("code_execution", "The interpreter of this session could not be started again.", { cause });
}

function commandEnd({ code, signal }: GuestExit, interrupted: boolean): RunEnd {
  const rest = { success: !interrupted && code === 0, result: null, interpreterRestarted: false };
  if (interrupted) return { ended: "interrupted", exitCode: code, ...rest };
  if (code === null) return { ended: "signaled", ...endedBy(signal), ...rest };
  return { ended: "exited", exitCode: code, ...rest };
}
