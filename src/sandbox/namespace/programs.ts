// The programs that a sandbox has started: each enters its namespaces and limits, and is ours to end and to close.

import type { Resources } from "../flavors.ts";
import type { GuestSpawnOptions } from "../runner/guest.ts";
import type { LimitGroup } from "./cgroups.ts";
import { enterCommand, type Self } from "./enter.ts";
import { GuestProgram, type GuestProgramOptions } from "./guest-program.ts";
import type { InputPipe } from "./input-pipe.ts";
import type { Libc } from "./libc.ts";
import type { Membership } from "./members.ts";
import type { Namespaces } from "./namespaces.ts";
import { processLimit } from "./sizes.ts";
import type { Tools } from "./tools.ts";

/** Programs of a sandbox that have ended, but whose output a background process still holds: each costs us four descriptors. */
const lingeringLimit = 16;

export type ProgramsOptions = {
  readonly resources: Resources;
  readonly namespaces: Namespaces;
  readonly group: LimitGroup;
  readonly tools: Tools;
  readonly self: Self;
  /** A descriptor of the executable that starts programs inside. */
  readonly launcher: number;
  readonly libc: Libc;
  /** Whether resource limits must count processes, for want of a control group. */
  readonly limitsProcesses: boolean;
};

export type StartOptions = GuestSpawnOptions &
  Partial<Pick<Membership, "joinFiles" | "markUs">> & { readonly pipe?: InputPipe | null };

export class Programs {
  readonly #options: ProgramsOptions;
  readonly #running = new Set<GuestProgram>();
  /** In the order in which they ended; at most `lingeringLimit`. */
  readonly #lingering = new Set<GuestProgram>();

  constructor(options: ProgramsOptions) {
    this.#options = options;
  }

  start(
    program: readonly string[],
    { control, env, input = null, pipe = null, joinFiles, markUs = null }: StartOptions,
    onOutput: GuestProgramOptions["onOutput"],
    onLateOutput: GuestProgramOptions["onOutput"],
  ): GuestProgram {
    const { tools, self, launcher, group, namespaces, libc, limitsProcesses, resources } = this.#options;
    const command = enterCommand({
      tools,
      self,
      launcher,
      markUs,
      joinFiles: joinFiles ?? group.joinFiles,
      processLimit: limitsProcesses ? processLimit(resources) : null,
      namespaces: namespaces.descriptors,
      env,
      program,
    });
    // The end of a run that still goes on must not keep a new interpreter from starting.
    group.forbidForks(false);
    const started = new GuestProgram({ libc, command, control, pipe, input, onOutput, onLateOutput });
    this.#running.add(started);
    void started.exited.then(() => {
      this.#running.delete(started);
      this.#linger(started);
    });
    return started;
  }

  kill(): void {
    for (const program of this.#running) program.kill();
  }

  /** Once they have ended, and what they have written so far is read. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map(({ exited }) => exited));
    await Promise.all([...this.#lingering].map(({ drained }) => drained));
    for (const program of this.#lingering) program.close();
  }

  /** The oldest gives way: what comes of its output from now on is lost. */
  #linger(program: GuestProgram): void {
    this.#lingering.add(program);
    void program.silent.then(() => this.#lingering.delete(program));
    const [oldest] = this.#lingering;
    if (this.#lingering.size <= lingeringLimit || oldest === undefined) return;
    void oldest.drained.then(() => oldest.close());
    this.#lingering.delete(oldest);
  }
}
