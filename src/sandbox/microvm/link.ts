// The link to a microVM: every program is an exec stream of the runtime. Interpreters are behind named pipes in the guest, so that they
// outlive the process that has started them and can be found again.

import type { Sandbox as Machine } from "microsandbox";
import { type Clock, within } from "../../clock.ts";
import {
  gone,
  type Link,
  type Program,
  type ProgramEvents,
  type ProgramOptions,
  type Resuming,
  type RunProcesses,
} from "../linked/link.ts";
import type { GuestExit } from "../runner/guest.ts";
import { type Command, resumeCommand, startCommand } from "./guest/command.ts";
import type { CommandOutputEvents } from "./guest/command-output.ts";
import { CommandsAhead } from "./guest/commands-ahead.ts";
import { type Exec, startExec } from "./guest/exec.ts";
import { Ends, type Exit, notFound } from "./guest/exit.ts";
import { carryInterpreter } from "./guest/interpreter.ts";
import { groupsFolder, guestPrograms, halvesOf, pipesFolder } from "./guest/programs.ts";
import { Warden } from "./guest/warden.ts";

export type MicrovmLinkOptions = {
  readonly machine: Machine;
  /** What is written behind all of an interpreter's output; the same for all who attach to it. */
  readonly endMark: string;
  /** The interpreter's name in the image. */
  readonly interpreter: string;
  /** The runner, and where in the guest its file is to be. */
  readonly runner: { readonly path: string; readonly source: string };
  readonly clock: Clock;
  /** Called once when the guest cannot be reached any more, with the reason as a clause. */
  readonly onBroken: (why: string, cause?: unknown) => void;
};

const sigint = 2;
const statusOfSigint = 128 + sigint;
const names: Readonly<Record<number, "INT" | "TERM">> = { [sigint]: "INT", 15: "TERM" };

const nothing = { stdout: 0, stderr: 0 };
const nobody: ProgramEvents = { onOutput: () => {}, onControl: () => {}, onEnd: () => {}, onLate: () => {} };

/** How long letting go waits for commands that are on their way into the guest, and again for the last of the output that is on its way out. Milliseconds. */
const partingMs = 2_000;

/** What a pipe has room for at least. While a program does not read what the guest's agent has for it, that does nothing else. */
const pipeBytes = 48 * 1024;

/** Commands that have ended but whose output something in the background still holds; beyond that, the oldest's is read no more. */
const lingeringLimit = 256;

export class MicrovmLink implements Link {
  readonly #options: MicrovmLinkOptions;
  readonly #warden: Warden;
  readonly #ends: Ends;
  /** Those that have not ended: an interpreter and commands, bounded as runs are, and what is being replaced. */
  readonly #programs = new Set<ProgramEvents>();
  /** Of an earlier process, the commands' ids by their names. */
  readonly #resumable = new Map<string, string>();
  readonly #lingering = new Map<string, Command>();
  /** Those whose output has not come to its end, with what resolves then. */
  readonly #commands = new Map<Command, Promise<void>>();
  readonly #ahead: CommandsAhead;
  /** The pids of what carries the interpreter's streams. */
  #carriers: readonly number[] = [];
  /** The pids of what feeds open stdins, of what carries commands' streams, and of tools. */
  readonly #feeds = new Set<number>();
  /** What is called when a tool has ended, of those that have not. */
  readonly #tools = new Set<(end: GuestExit) => void>();
  #isLettingGo = false;
  #ended = false;

  constructor(options: MicrovmLinkOptions) {
    this.#options = options;
    this.#warden = new Warden(options.machine, options.clock, options.onBroken);
    this.#ends = new Ends(this.#warden);
    this.#ahead = new CommandsAhead(this.#warden);
  }

  start(argv: readonly string[], options: ProgramOptions, events: ProgramEvents): Program {
    if (!options.control) return this.#startCommand(argv.at(-1) ?? "", options, events);
    const { interpreter, runner, endMark } = this.#options;
    const folder = `${pipesFolder}/${crypto.randomUUID().slice(0, 8)}`;
    const start = [
      ...guestPrograms.start,
      folder,
      endMark,
      runner.path,
      ...halvesOf(runner.source),
      groupsFolder,
      interpreter,
      ...argv,
    ];
    return this.#carry(start, folder, options.env, events);
  }

  startTool(...[argv, env, { onStdout, onEnd }]: Parameters<Link["startTool"]>): ReturnType<Link["startTool"]> {
    const { machine, clock } = this.#options;
    let pid: number | null = null;
    const end = (how: GuestExit) => {
      if (pid !== null) this.#feeds.delete(pid);
      if (this.#tools.delete(onEnd)) onEnd(how);
    };
    if (this.#ended) queueMicrotask(() => onEnd(gone));
    else this.#tools.add(onEnd);
    const started = startExec(
      { machine, argv, env, stdin: true, clock },
      {
        onStdout,
        onStderr: () => {},
        onEnd: (status) => end(toolEnd(status)),
      },
    );
    started.then(
      (exec) => {
        pid = exec.pid;
        if (this.#tools.has(onEnd)) this.#feeds.add(pid);
        else exec.kill();
      },
      () => end({ code: notFound, signal: null }),
    );
    const then = (work: (exec: Exec) => void) => void started.then(work).catch(() => {});
    return {
      write: async (text) => then((exec) => exec.write(text)),
      closeInput: () => then((exec) => exec.close()),
      kill: () => then((exec) => exec.kill()),
      unansweredBytes: pipeBytes,
    };
  }

  /** Instead of `start`, for the interpreter that another process of ours has left in this guest. */
  attach(events: ProgramEvents): Program {
    return this.#carry([...guestPrograms.control, pipesFolder], `${pipesFolder}/current`, {}, events);
  }

  /** To be called once the interpreter is ready: until then, what watches over the guest would only keep it from being so. */
  guard(): void {
    this.#warden.start().catch(() => {});
  }

  /**
   * Looks for commands that another process of ours has left in this guest: those of `names` can be resumed, by these; others that are on are ended.
   */
  async findCommands(names: readonly string[]): Promise<void> {
    const found = await this.#warden.commands();
    await Promise.all(
      found.map(async ({ id, name, hasEnded }) => {
        if (names.includes(name)) {
          this.#resumable.set(name, id);
          return;
        }
        const program = this.#attend(id, nobody, (events) =>
          resumeCommand({ ...this.#options, id, received: nothing, onMissing: () => {}, ...events }),
        );
        if (!hasEnded) await program.sweep(false);
      }),
    );
  }

  get resumable(): readonly string[] {
    return [...this.#resumable.keys()];
  }

  resume({ id: name, received, onMissing }: Resuming, events: ProgramEvents): Program {
    const id = this.#resumable.get(name);
    if (id === undefined) throw new Error(`there is no command ${name} to go on with`);
    this.#resumable.delete(name);
    return this.#attend(id, events, (own) => resumeCommand({ ...this.#options, id, received, onMissing, ...own }));
  }

  mark(): RunProcesses {
    return this.#processesOf("code");
  }

  cpuTimeMs(): Promise<number | null> {
    return this.#warden.cpuTimeMs();
  }

  /** Nothing outlives the machine. */
  async endAll(): Promise<void> {}

  listen(): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  async letGo(): Promise<void> {
    const { clock } = this.#options;
    this.#isLettingGo = true;
    this.#programs.clear();
    const commands = [...this.#commands.keys()];
    // One that is not there yet would not be found by the next process.
    await within(Promise.allSettled(commands.map(({ started }) => started)), partingMs, clock);
    this.end();
    // What carries their output takes no more of it with it than a kill would.
    for (const { kill } of commands) kill();
    await within(Promise.all(this.#commands.values()), partingMs, clock);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#warden.close();
    for (const events of this.#programs) events.onEnd(gone);
    this.#programs.clear();
    for (const onEnd of this.#tools) onEnd(gone);
    this.#tools.clear();
  }

  /** From now on. `ready` is when it can be told of anything. */
  #processesOf(run: string, ready: Promise<unknown> = Promise.resolve()): RunProcesses {
    const sinceMs = this.#options.clock.monotonicMs();
    const tell = async (what: "INT" | "TERM" | "KILL" | "sweep", withStrays: boolean) => {
      await ready.catch(() => {});
      await this.#warden.tell(what, {
        ...{ run, withStrays },
        agoMs: this.#options.clock.monotonicMs() - sinceMs,
        carriers: [...this.#carriers, ...this.#feeds],
      });
    };
    return {
      signal: (number, withStrays) => void tell(names[number] ?? "KILL", withStrays),
      sweep: (withStrays) => tell("sweep", withStrays),
    };
  }

  #carry(
    control: readonly string[],
    folder: string,
    env: Readonly<Record<string, string>>,
    events: ProgramEvents,
  ): Program {
    this.#programs.add(events);
    const { machine, clock, endMark } = this.#options;
    const { onOutput, onControl } = events;
    const onExit = (exit: Exit) => void this.#tell(events, exit);
    const carried = carryInterpreter({
      ...{ machine, control, folder, env, endMark, clock, onOutput, onControl, onExit },
    });
    carried.carriers.then(
      (pids) => {
        this.#carriers = pids;
      },
      () => {},
    );
    return {
      ...this.#processesOf("code"),
      write: async (text) => carried.write(text),
      closeInput: () => {},
      kill: () => void carried.carriers.then(() => this.#warden.killInterpreter()).catch(() => {}),
    };
  }

  #startCommand(source: string, options: ProgramOptions, events: ProgramEvents): Program {
    const { machine, clock } = this.#options;
    const id = this.#ahead.take();
    return this.#attend(id, events, (own) =>
      startCommand({
        ...{ machine, id, name: options.name ?? "", source, env: options.env, clock, ...own },
        input: options.input ?? null,
        isOpen: options.stdin === "open",
        onFeed: (pid) => {
          this.#feeds.add(pid);
          return () => void this.#feeds.delete(pid);
        },
      }),
    );
  }

  #attend(id: string, events: ProgramEvents, start: (events: CommandOutputEvents) => Command): Program {
    this.#programs.add(events);
    let wasInterrupted = false;
    let isOver = false;
    let pid = 0;
    const over = Promise.withResolvers<void>();
    const command = start({
      onOutput: events.onOutput,
      onLate: (stream, bytes) => {
        if (!this.#ended) events.onLate(stream, bytes);
      },
      onExit: (exit) => {
        this.#linger(id, command);
        // Of an interrupt alone shells say nothing.
        const isSigint = wasInterrupted && "code" in exit && exit.code === statusOfSigint;
        void this.#tell(events, isSigint ? { signal: sigint } : exit);
      },
      onOver: () => {
        isOver = true;
        over.resolve();
        this.#commands.delete(command);
        this.#feeds.delete(pid);
        this.#release(id, command);
      },
    });
    if (!isOver) this.#commands.set(command, over.promise);
    command.started.then(
      (its) => {
        pid = its;
        if (!isOver) this.#feeds.add(pid);
      },
      () => {},
    );
    const { write, closeInput, kill } = command;
    const processes = this.#processesOf(id, command.started);
    const signal: Program["signal"] = (number, withStrays) => {
      wasInterrupted ||= number === sigint;
      processes.signal(number, withStrays);
    };
    return { ...processes, signal, write, closeInput, kill };
  }

  async #tell(events: ProgramEvents, exit: Exit): Promise<void> {
    const end = await this.#ends.tell(exit);
    if (this.#programs.delete(events)) events.onEnd(end);
  }

  #linger(id: string, command: Command): void {
    this.#lingering.set(id, command);
    const [oldest] = this.#lingering;
    if (this.#lingering.size > lingeringLimit && oldest !== undefined) this.#release(...oldest);
  }

  /** What it has left in the background finds nobody who reads its output. */
  #release(id: string, command: Command): void {
    if (!this.#lingering.delete(id)) return;
    // Behind its answer, which it would be in the way of.
    setImmediate(() => {
      command.kill();
      if (this.#ended || this.#isLettingGo) return;
      void this.#warden.release(id);
      this.#ahead.refill();
    });
  }
}

function toolEnd(status: number | null): GuestExit {
  if (status === null) return gone;
  return status < 0 ? { code: null, signal: "SIGKILL" } : { code: status, signal: null };
}
