// The runner's programs as this machine's interpreters start them soonest: compiled by themselves. The server compiles, outside of any sandbox,
// and keeps the result in memory: what a guest could write, other guests would run.

import { closeSync, statSync } from "node:fs";
import { runnerPrograms } from "../runner/programs.ts";
import type { CommonLanguage } from "../templates.ts";
import { guestPrograms } from "./layout.ts";
import type { Libc } from "./libc.ts";
import { guestPath } from "./tools.ts";

/** Compiling takes a fraction of a second, on a busy machine a few. */
const limitMs = 30_000;
/** What is taken for a compiled program, at most. Bytes. */
const limitBytes = 4 * 1024 * 1024;

/** A file for a guest: its path there, and a descriptor of its content that stays this part's. */
export type CompiledProgram = { readonly path: string; readonly descriptor: number };

/** An interpreter, by its path on this machine. */
type Compiling = { readonly language: CommonLanguage; readonly path: string };

/** Interpreters that there are compiled programs for, at most: as many as there may be templates. */
const maxMade = 32;

export class CompiledPrograms implements AsyncDisposable {
  readonly #libc: Libc;
  readonly #end = new AbortController();
  /** By the interpreter's path, with which file that was. */
  readonly #made = new Map<string, CompiledProgram & { readonly compiledBy: string }>();
  #making: Promise<void> | null = null;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Null where there is none that this interpreter has compiled. */
  find(interpreter: string): CompiledProgram | null {
    const program = this.#made.get(interpreter);
    return program === undefined || program.compiledBy !== identity(interpreter) ? null : program;
  }

  /** Compiles what is still to be compiled for these. Never rejects: without it, an interpreter compiles at each start. */
  make(interpreters: readonly Compiling[]): Promise<void> {
    this.#making ??= this.#makeAll(interpreters).finally(() => {
      this.#making = null;
    });
    return this.#making;
  }

  /** It did not start. */
  forget(interpreter: string): void {
    const program = this.#made.get(interpreter);
    this.#made.delete(interpreter);
    if (program !== undefined) closeSync(program.descriptor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#making;
    for (const interpreter of this.#made.keys()) this.forget(interpreter);
  }

  async #makeAll(interpreters: readonly Compiling[]): Promise<void> {
    for (const { language, path } of interpreters) {
      const { compiler, source } = runnerPrograms[language];
      if (compiler === null || this.#end.signal.aborted) continue;
      try {
        if (this.find(path) !== null) continue;
        const compiledBy = identity(path);
        const content = await compile(compiler.argv(path), source, this.#end.signal);
        if (compiledBy === null || content === null || this.#end.signal.aborted) continue;
        this.forget(path);
        if (this.#made.size >= maxMade) continue;
        const descriptor = this.#libc.memoryFile(content);
        this.#made.set(path, { path: `${guestPrograms}/${compiler.fileName}`, descriptor, compiledBy });
      } catch {
        // No process or no descriptor to be had just now: the next time it is tried again.
      }
    }
  }
}

async function compile(argv: readonly string[], source: string, signal: AbortSignal): Promise<Uint8Array | null> {
  const compiler = Bun.spawn([...argv], {
    stdin: new Blob([source]),
    stdout: "pipe",
    stderr: "ignore",
    env: { PATH: guestPath },
    cwd: "/",
    timeout: limitMs,
    maxBuffer: limitBytes,
    signal,
    detached: true,
  });
  const content = await compiler.stdout.bytes();
  return (await compiler.exited) === 0 && content.length > 0 ? content : null;
}

/** Which file an interpreter is: another one after an upgrade, whose compiled programs are of another kind. Null where there is none. */
export function identity(interpreter: string): string | null {
  const file = statSync(interpreter, { throwIfNoEntry: false });
  return file === undefined ? null : [file.dev, file.ino, file.size, file.mtimeMs].join(":");
}
