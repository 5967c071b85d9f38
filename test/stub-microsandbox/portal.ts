// The portal of one sandbox: its interpreter, and commands beside it (reference sections 11 and 12).

import { Engine, type EngineHazards, type OutputLine } from "./engine.ts";
import { internal } from "./errors.ts";
import { lines } from "./lines.ts";
import type { Machine, MachineLanguage } from "./machine.ts";

export type PortalHazards = EngineHazards & {
  /** How many lines at the end of a command's output are lost, as the real portal's race loses them. */
  readonly loseCommandLines: number;
  /** Of how many commands one loses them. */
  readonly loseEvery: number;
};

export type CommandResult = {
  readonly command: string;
  readonly args: readonly string[];
  readonly exit_code: number;
  readonly success: boolean;
  readonly output: readonly OutputLine[];
};

const languages: Readonly<Record<string, MachineLanguage>> = {
  python: "python",
  node: "node",
  nodejs: "node",
  javascript: "node",
};

export class Portal {
  readonly #machine: Machine;
  readonly #engine: Engine;
  readonly #hazards: PortalHazards;
  readonly #death = Promise.withResolvers<void>();
  #commands = 0;
  isDead = false;

  constructor(machine: Machine, hazards: PortalHazards) {
    this.#machine = machine;
    this.#hazards = hazards;
    this.#engine = new Engine(machine, hazards);
  }

  /** Throws ServerError 500/5002 for a language this image's portal was not built with. */
  async evaluate(language: string, code: string, timeoutSeconds: number | null): Promise<readonly OutputLine[]> {
    if (languages[language.toLowerCase()] !== this.#machine.language) {
      throw internal();
    }
    return await this.#whileItLives(this.#engine.evaluate(code, timeoutSeconds));
  }

  /** The program that answers is killed; the machine goes on. */
  die(): void {
    this.isDead = true;
    this.#death.resolve();
  }

  /** A portal that goes away, with its machine or alone, breaks the server's connection to it, which is a 500 as well. */
  async #whileItLives<T>(work: Promise<T>): Promise<T> {
    const ended = Promise.race([this.#machine.ended, this.#death.promise]).then(() => {
      throw internal();
    });
    const result = await Promise.race([work, ended]);
    return this.#engine.isDeadlocked ? await Promise.race([new Promise<never>(() => {}), ended]) : result;
  }

  /** Throws ServerError 500/5002 for an executable that is not there and for one that was timed out. */
  async command(command: string, args: readonly string[], timeoutSeconds: number | null): Promise<CommandResult> {
    return await this.#whileItLives(this.#command(command, args, timeoutSeconds));
  }

  async #command(command: string, args: readonly string[], timeoutSeconds: number | null): Promise<CommandResult> {
    const child = this.#machine.spawn([command, ...args], "ignore");
    const output: OutputLine[] = [];
    let timedOut = false;
    const timer =
      timeoutSeconds === null
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            void this.#machine.killDirectChild(child);
          }, timeoutSeconds * 1000);
    // The pipes stay open as long as anything that the command has started holds them.
    await Promise.all([collect("stdout", child.stdout, output), collect("stderr", child.stderr, output)]);
    const status = await child.exited;
    clearTimeout(timer);
    if (timedOut || (status === 127 && output.some((line) => line.text.startsWith("nsenter: failed to execute")))) {
      throw internal();
    }
    const exitCode = child.signalCode === null ? status : 1;
    this.#commands += 1;
    const { loseCommandLines, loseEvery } = this.#hazards;
    const lost = this.#commands % loseEvery === 0 ? loseCommandLines : 0;
    const kept = output.slice(0, Math.max(0, output.length - lost));
    return { command, args, exit_code: exitCode, success: exitCode === 0, output: kept };
  }
}

async function collect(stream: OutputLine["stream"], from: ReadableStream<Uint8Array>, into: OutputLine[]) {
  for await (const text of lines(from)) {
    into.push({ stream, text });
  }
}
