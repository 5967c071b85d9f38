// Interpreters on this very machine, without a sandbox: what a SpawnGuest needs, and a way to collect what a run prints.

import { expect } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { Display } from "../../../src/sandbox/files.ts";
import type { SpawnGuest } from "../../../src/sandbox/runner/guest.ts";
import { runnerPrograms } from "../../../src/sandbox/runner/programs.ts";
import {
  type Interpreter,
  type InterpreterRun,
  type InterpreterRunEnd,
  startInterpreter,
} from "../../../src/sandbox/runner/runner.ts";
import type { Language } from "../../../src/sandbox/templates.ts";

const interpreters: Readonly<Record<Language, string>> = {
  python: process.env.RUNNER_PYTHON ?? "python3",
  node: process.env.RUNNER_NODE ?? "node",
  bash: process.env.RUNNER_BASH ?? "bash",
};

/** Starts programs in `directory`. */
export function spawnIn(directory: string): SpawnGuest {
  return (argv, { control, env }) => {
    const child = Bun.spawn([...argv], {
      cwd: directory,
      env: { PATH: process.env.PATH ?? "", HOME: directory, ...env },
      stdio: control ? ["pipe", "pipe", "pipe", "pipe"] : ["ignore", "pipe", "pipe"],
    });
    const fd = child.stdio[3];
    return {
      stdout: child.stdout,
      stderr: child.stderr,
      control: typeof fd === "number" ? Bun.file(fd).stream() : null,
      write: (text) => {
        child.stdin?.write(text);
        child.stdin?.flush();
      },
      exited: child.exited.then(() => ({ code: child.exitCode, signal: child.signalCode?.toString() ?? null })),
      kill: () => child.kill("SIGKILL"),
    };
  };
}

/** `at`: how much of stdout comes before it, in bytes. */
export type PlacedDisplay = Display & { readonly at: number };

export type Ran = InterpreterRunEnd & {
  readonly stdout: string;
  readonly stderr: string;
  readonly displays: readonly PlacedDisplay[];
};

export class Prompt implements AsyncDisposable {
  readonly directory: string;
  readonly interpreter: Interpreter;

  private constructor(directory: string, interpreter: Interpreter) {
    this.directory = directory;
    this.interpreter = interpreter;
  }

  static async start(
    language: Language,
    spawn: (directory: string) => SpawnGuest = spawnIn,
    interpreter = interpreters[language],
  ): Promise<Prompt> {
    const directory = mkdtempSync(join(tmpdir(), "runner-test-"));
    const { fileName, source } = runnerPrograms[language];
    const home = mkdtempSync(join(directory, "program-"));
    const program = join(home, fileName);
    writeFileSync(program, source);
    const started = await startInterpreter(
      {
        spawn: spawn(directory),
        language,
        interpreter,
        program,
        env: {},
        clock: systemClock,
      },
      new AbortController().signal,
    );
    return new Prompt(directory, started);
  }

  /** `interruptGraceMs` as of InterpreterRun. */
  async run(source: string, signal: AbortSignal = never, more: { interruptGraceMs?: number } = {}): Promise<Ran> {
    return this.#run(source, signal, () => undefined, more);
  }

  /** Interrupts the run as soon as it has printed something. */
  async interruptAfterOutput(
    source: string,
    afterInterrupt?: () => void,
    more: { interruptGraceMs?: number } = {},
  ): Promise<Ran> {
    const abort = new AbortController();
    return this.#run(source, abort.signal, () => abort.abort(), { ...more, ...(afterInterrupt && { afterInterrupt }) });
  }

  async #run(
    source: string,
    signal: AbortSignal,
    onFirst: () => void,
    more: Pick<InterpreterRun, "afterInterrupt" | "interruptGraceMs"> = {},
  ): Promise<Ran> {
    const chunks: Record<"stdout" | "stderr", Uint8Array[]> = { stdout: [], stderr: [] };
    const displays: PlacedDisplay[] = [];
    const end = await this.interpreter.run({
      source,
      signal,
      onDisplay: (display, at) => displays.push({ ...display, at }),
      onOutput: (stream, bytes) => {
        chunks[stream].push(bytes);
        onFirst();
      },
      ...more,
    });
    const stdout = Buffer.concat(chunks.stdout).toString();
    const stderr = Buffer.concat(chunks.stderr).toString();
    // Whatever a program does, no frame of the runner's is to be seen.
    expect(stdout + stderr).not.toMatch(/python\.py|node\.cjs|__receive|bash\.sh|__msb_/);
    return { ...end, stdout, stderr, displays };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.interpreter[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const never = new AbortController().signal;
