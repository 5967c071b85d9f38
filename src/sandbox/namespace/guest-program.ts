// A program in a sandbox as the host holds it: its process outside (the launcher, which waits for it), its pipes, its end.

import { closeSync } from "node:fs";
import type { AgentProgram } from "../file-agent/agent.ts";
import type { GuestExit, GuestProcess } from "../runner/guest.ts";
import type { InputPipe } from "./input-pipe.ts";
import type { Libc } from "./libc.ts";
import { OutputPipe } from "./pipe.ts";
import { killEntered } from "./processes.ts";
import { guestPath } from "./tools.ts";

export type OutputName = "stdout" | "stderr" | "control";

export type GuestProgramOptions = {
  readonly libc: Libc;
  /** As enterCommand() makes it. */
  readonly command: readonly string[];
  /** Connect stdin and descriptor 3. */
  readonly control: boolean;
  /** What stdin is, if it is not connected. Null: empty, or `input`. */
  readonly pipe: InputPipe | null;
  /** What stdin has, or descriptor 3 where `pipe` is stdin. Null: nothing. */
  readonly input: string | null;
  readonly onOutput: (name: OutputName, bytes: Uint8Array) => void;
  /** What background processes still write, once `drained` has resolved. */
  readonly onLateOutput: (name: OutputName, bytes: Uint8Array) => void;
};

export class GuestProgram {
  /** Of the process outside; what runs inside is its only child. */
  readonly pid: number;
  readonly exited: Promise<GuestExit>;
  /** Resolves after `exited`, once all that the program wrote has been delivered. */
  readonly drained: Promise<void>;
  /** Resolves once nothing holds the program's output any more: background processes may for long. */
  readonly silent: Promise<void>;
  readonly #process: Bun.Subprocess;
  readonly #libc: Libc;
  readonly #pipes: readonly OutputPipe[];
  #running = true;

  /** Throws what Bun.spawn throws. */
  constructor({ libc, command, control, pipe: inputPipe, input, onOutput, onLateOutput }: GuestProgramOptions) {
    this.#libc = libc;
    const names: readonly OutputName[] = control ? ["stdout", "stderr", "control"] : ["stdout", "stderr"];
    using ends = new DisposableStack();
    this.#pipes = names.map((name) => {
      const pipe = new OutputPipe(libc, (bytes) => onOutput(name, bytes));
      ends.defer(() => pipe.started());
      return pipe;
    });
    const [stdout = -1, stderr = -1, ...more] = this.#pipes.map((pipe) => pipe.writeEnd);
    const file = input === null ? null : libc.memoryFile(new TextEncoder().encode(input));
    if (file !== null) ends.defer(() => closeSync(file));
    if (inputPipe !== null) {
      ends.defer(() => inputPipe.started());
      if (file !== null) more.push(file);
    }
    this.#process = Bun.spawn([...command], {
      stdio: [control ? "pipe" : (inputPipe?.readEnd ?? file ?? "ignore"), stdout, stderr, ...more],
      env: { PATH: guestPath },
      cwd: "/",
      // Out of the reach of what a terminal sends to the server's process group.
      detached: true,
    });
    this.pid = this.#process.pid;
    this.exited = this.#process.exited.then(() => {
      this.#running = false;
      const { exitCode, signalCode } = this.#process;
      return signalCode === null ? { code: exitCode, signal: null } : { code: null, signal: `${signalCode}` };
    });
    const drain = (pipe: OutputPipe, index: number) =>
      pipe.drain((bytes) => onLateOutput(names[index] ?? "stdout", bytes));
    this.drained = this.exited.then(() => Promise.all(this.#pipes.map(drain))).then(() => {});
    this.silent = Promise.all(this.#pipes.map((pipe) => pipe.ended)).then(() => {});
  }

  write(text: string | Uint8Array): void {
    const { stdin } = this.#process;
    if (typeof stdin !== "object" || !this.#running) return;
    try {
      Promise.resolve(stdin.write(text)).catch(() => {});
      Promise.resolve(stdin.flush()).catch(() => {});
    } catch {
      // The program has closed its end; `exited` tells the rest.
    }
  }

  /** Of a connected stdin. */
  closeInput(): void {
    const { stdin } = this.#process;
    if (typeof stdin === "object") Promise.resolve(stdin.end()).catch(() => {});
  }

  kill(): void {
    if (this.#running) killEntered(this.#libc, this.pid);
  }

  /** Hears nothing more of background processes that hold the program's output. */
  close(): void {
    for (const pipe of this.#pipes) pipe.close();
  }
}

/** A program with its output as streams, as the runner wants it; `start` makes it, with descriptor 3 if `control`. */
export function asGuestProcess(
  control: boolean,
  start: (onOutput: GuestProgramOptions["onOutput"]) => GuestProgram,
): GuestProcess {
  const streams = { stdout: openStream(), stderr: openStream(), control: openStream() };
  const program = start((name, bytes) => streams[name].push(bytes));
  void program.drained.then(() => {
    for (const stream of Object.values(streams)) stream.end();
  });
  return {
    stdout: streams.stdout.readable,
    stderr: streams.stderr.readable,
    control: control ? streams.control.readable : null,
    write: (text) => program.write(text),
    exited: program.exited,
    kill: () => program.kill(),
  };
}

/** A program as the file agent wants it, which has stdin and says all on stdout. */
export function asAgentProgram(program: GuestProgram): AgentProgram {
  return {
    write: (text) => program.write(text),
    writeBytes: (bytes) => program.write(bytes),
    closeInput: () => program.closeInput(),
    kill: () => program.kill(),
    ended: program.drained.then(() => program.exited).then(({ code, signal }) => signal ?? `exit status ${code}`),
  };
}

function openStream() {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  let open = true;
  const readable = new ReadableStream<Uint8Array>({
    start: (own) => {
      controller = own;
    },
    cancel: () => {
      open = false;
    },
  });
  return {
    readable,
    push: (bytes: Uint8Array) => {
      if (open) controller?.enqueue(bytes);
    },
    end: () => {
      if (open) controller?.close();
      open = false;
    },
  };
}
