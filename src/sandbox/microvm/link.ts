// The link to a microVM: every program is an exec stream of the runtime. Interpreters are behind named pipes in the guest, so that they
// outlive the process that has started them and can be found again.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../clock.ts";
import { gone, type Link, type Program, type ProgramEvents } from "../linked/link.ts";
import type { GuestSpawnOptions } from "../runner/guest.ts";
import { startCommand } from "./guest/command.ts";
import type { Exec } from "./guest/exec.ts";
import { Ends, type Exit, sigkill } from "./guest/exit.ts";
import { carryInterpreter } from "./guest/interpreter.ts";
import { guestPrograms, pipesFolder } from "./guest/programs.ts";
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

/** Commands that have ended but whose output something in the background still holds; the oldest is ended beyond that. */
const lingeringLimit = 256;

export class MicrovmLink implements Link {
  readonly #options: MicrovmLinkOptions;
  readonly #warden: Warden;
  readonly #ends: Ends;
  /** Those that have not ended: an interpreter and a command at most, and what is being replaced. */
  readonly #programs = new Set<ProgramEvents>();
  readonly #lingering = new Set<Exec>();
  /** The pids of what carries the interpreter's streams. */
  #carriers: readonly number[] = [];
  #markMs = 0;
  #root: number | null = null;
  #ended = false;

  constructor(options: MicrovmLinkOptions) {
    this.#options = options;
    this.#warden = new Warden(options.machine, options.clock, options.onBroken);
    this.#ends = new Ends(this.#warden);
  }

  start(argv: readonly string[], options: GuestSpawnOptions, events: ProgramEvents): Program {
    if (!options.control) return this.#startCommand(argv.at(-1) ?? "", options, events);
    const { interpreter, runner, endMark } = this.#options;
    const folder = `${pipesFolder}/${crypto.randomUUID().slice(0, 8)}`;
    const start = [...guestPrograms.start, folder, endMark, runner.path, runner.source, interpreter, ...argv];
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

  mark(): void {
    this.#markMs = this.#options.clock.monotonicMs();
    this.#root = null;
  }

  terminate(): void {
    void this.#endRun("terminate");
  }

  sweep(): Promise<void> {
    return this.#endRun("sweep");
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

  async #endRun(how: "terminate" | "sweep"): Promise<void> {
    const agoMs = this.#options.clock.monotonicMs() - this.#markMs;
    await this.#warden.end(how, { agoMs, root: this.#root, carriers: this.#carriers });
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
      write: carried.write,
      signal: (number) => {
        if (number === sigkill) carried.carriers.then(() => this.#warden.killInterpreter()).catch(() => {});
      },
    };
  }

  #startCommand(source: string, { env, input = null }: GuestSpawnOptions, events: ProgramEvents): Program {
    this.#programs.add(events);
    const { machine, clock } = this.#options;
    const kill = startCommand({
      ...{ machine, source, input, env, clock, onOutput: events.onOutput },
      onStarted: (pid) => {
        this.#root = pid;
      },
      onExit: (exit, left) => {
        if (left !== null) this.#linger(left);
        void this.#tell(events, exit);
      },
    });
    return {
      write: () => {},
      signal: (number) => {
        if (number === sigkill) kill();
      },
    };
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
