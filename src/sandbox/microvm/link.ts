// The link to a microVM: every program is an exec stream of the runtime. Interpreters are behind named pipes in the guest, so that they
// outlive the process that has started them and can be found again.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../clock.ts";
import {
  gone,
  type Link,
  type Program,
  type ProgramEvents,
  type ProgramOptions,
  type RunProcesses,
} from "../linked/link.ts";
import { startCommand } from "./guest/command.ts";
import type { Exec } from "./guest/exec.ts";
import { Ends, type Exit } from "./guest/exit.ts";
import { carryInterpreter } from "./guest/interpreter.ts";
import { groupsFolder, guestPrograms, pipesFolder } from "./guest/programs.ts";
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

/** Commands that have ended but whose output something in the background still holds; the oldest is ended beyond that. */
const lingeringLimit = 256;

export class MicrovmLink implements Link {
  readonly #options: MicrovmLinkOptions;
  readonly #warden: Warden;
  readonly #ends: Ends;
  /** Those that have not ended: an interpreter and commands, bounded as runs are, and what is being replaced. */
  readonly #programs = new Set<ProgramEvents>();
  /** The first processes of commands that are on, by the commands' ids. */
  readonly #commands = new Map<string, number>();
  readonly #lingering = new Set<Exec>();
  /** The pids of what carries the interpreter's streams. */
  #carriers: readonly number[] = [];
  /** The pids of what feeds open stdins. */
  readonly #feeds = new Set<number>();
  #ended = false;

  constructor(options: MicrovmLinkOptions) {
    this.#options = options;
    this.#warden = new Warden(options.machine, options.clock, options.onBroken);
    this.#ends = new Ends(this.#warden);
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
      runner.source,
      groupsFolder,
      interpreter,
      ...argv,
    ];
    return this.#carry(start, folder, options.env, events);
  }

  /** Instead of `start`, for the interpreter that another process of ours has left in this guest. */
  attach(events: ProgramEvents): Program {
    return this.#carry([...guestPrograms.control, pipesFolder], `${pipesFolder}/current`, {}, events);
  }

  /** To be called once the interpreter is ready: until then, what watches over the guest would only keep it from being so. */
  guard(): void {
    this.#warden.start().catch(() => {});
  }

  /** Ends what is left of commands that were on when another process of ours had this guest, and was killed. */
  endLost(): Promise<void> {
    return this.#warden.endLost();
  }

  mark(): RunProcesses {
    return this.#processesOf("code");
  }

  /** Nothing outlives the machine. */
  async endAll(): Promise<void> {}

  listen(): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#warden.close();
    for (const events of this.#programs) events.onEnd(gone);
    this.#programs.clear();
  }

  /** From now on. `ready` is when it can be told of anything. */
  #processesOf(run: string, ready: Promise<unknown> = Promise.resolve()): RunProcesses {
    const sinceMs = this.#options.clock.monotonicMs();
    const tell = async (what: "INT" | "TERM" | "KILL" | "sweep", withStrays: boolean) => {
      await ready.catch(() => {});
      await this.#warden.tell(what, {
        ...{ run, withStrays, commands: this.#commands },
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
    this.#programs.add(events);
    const { machine, clock } = this.#options;
    // By chance, because there may have been others before us in this guest.
    const id = String(1 + (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0));
    let wasInterrupted = false;
    const command = startCommand({
      ...{ machine, id, source, env: options.env, clock, onOutput: events.onOutput },
      input: options.input ?? null,
      isOpen: options.stdin === "open",
      onLate: (stream, bytes) => {
        if (!this.#ended) events.onLate(stream, bytes);
      },
      onFeed: (pid) => {
        this.#feeds.add(pid);
        return () => void this.#feeds.delete(pid);
      },
      onExit: (exit, left) => {
        this.#commands.delete(id);
        if (left !== null) this.#linger(left);
        // Of an interrupt alone shells say nothing.
        const isSigint = wasInterrupted && "code" in exit && exit.code === statusOfSigint;
        void this.#tell(events, isSigint ? { signal: sigint } : exit);
      },
    });
    command.started.then(
      (pid) => {
        if (this.#programs.has(events)) this.#commands.set(id, pid);
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

  #linger(exec: Exec): void {
    this.#lingering.add(exec);
    const [oldest] = this.#lingering;
    if (this.#lingering.size <= lingeringLimit || oldest === undefined) return;
    oldest.kill();
    this.#lingering.delete(oldest);
  }
}
