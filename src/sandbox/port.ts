// The contract between sessions and the machines underneath. Adapters (namespace/, server/, …) keep it,
// test/contract/ checks it over each of them and over the fake. Nothing above this file knows which backend runs.

import type { Changes, Display, Files } from "./files.ts";
import type { Resources } from "./flavors.ts";
import type { NetworkPolicy } from "./network.ts";
import type { Template } from "./templates.ts";
import type { Volume } from "./volumes.ts";

export type Stream = "stdout" | "stderr";

export type HostHealth =
  | { readonly ok: true }
  /** `reason` is safe to show to anybody: no credentials, no host paths. */
  | { readonly ok: false; readonly reason: string };

export type SandboxSpec = {
  /** The full session id; the host derives the sandbox's name from it. Unique for all time. */
  readonly sessionId: string;
  readonly template: Template;
  readonly resources: Resources;
  /** Whose session it is; undefined while it is nobody's, and for one that only builds. */
  readonly principal?: string | undefined;
  /** Folders of the host for this sandbox alone, beside the volumes that all share. */
  readonly mounts?: readonly Volume[] | undefined;
  /**
   * A folder of programs for the PATH of code and commands: before the system's, behind what the session installs itself. `path` is the PATH that
   * a sandbox of the template has without it.
   */
  readonly programs?: { readonly folder: string; readonly path: string } | undefined;
  /**
   * Whom this one may reach, instead of whom the host's sandboxes may; then it has no secrets. `create` throws Failure `configuration` where the
   * backend cannot enforce it.
   */
  readonly network?: NetworkPolicy | undefined;
  /** Called with what a long boot is doing, one short line each: an image being pulled, so much of it here. Safe to show to the caller. */
  readonly onProgress?: ((message: string) => void) | undefined;
  /**
   * Called if the boot waits for what others wait for as well, such as packages that are built once for all sandboxes of the template: with what
   * resolves when that is over, well or badly: it is bounded by itself, and no time of this sandbox's start. Never rejects.
   */
  readonly onPreparing?: ((over: Promise<void>) => void) | undefined;
  /**
   * Called with what the interpreter's processes print while no code runs: threads, timers, servers and child processes that a run has left
   * behind. Until the sandbox has been disposed.
   */
  readonly onBackground?: ((stream: Stream, bytes: Uint8Array) => void) | undefined;
  /**
   * Called if `create` rejects while something of the sandbox may still be there or come: with what resolves when nothing is. Its room is
   * taken until then. Never rejects.
   */
  readonly onRemains?: ((gone: Promise<void>) => void) | undefined;
  /** Of one that is taken over: the runs, by their ids, that the caller goes on with. Others that are on are ended. */
  readonly resumes?: readonly string[] | undefined;
};

/** Makes sandboxes. Disposing it disposes every sandbox that it still has. */
export interface SandboxHost extends AsyncDisposable {
  /** As in `--backend`: "namespace", "server", … */
  readonly backend: string;
  /** One short phrase on what separates the guest from this machine, for people. */
  readonly isolation: string;
  /** Can a sandbox be had now? Never rejects but for the signal; answers within 5 s. */
  health(signal: AbortSignal): Promise<HostHealth>;
  /**
   * Boots a sandbox whose interpreter is ready to run.
   *
   * Throws Failure `sandbox_creation`, `connection` or `configuration`. When the signal aborts it rejects with the
   * signal's reason, at once or later, and whatever had been started by then is destroyed: nothing is left either way, at once or when
   * what `onRemains` is given has resolved.
   */
  create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>;
  /**
   * The process is about to end: disposals that wait for a backend that does not answer are given up in bounded time from now on, and what may
   * be left is for the next process to find. Undefined where disposals always end soon.
   */
  readonly windDown?: () => void;
  /** What became of sandboxes whose process has gone; undefined where sandboxes end with the process that made them. */
  readonly survivors?: Survivors;
}

/** The sandboxes of this installation that outlived the process that made them. Never anybody else's. */
export interface Survivors {
  /** Whether `adopt` takes any over; false where they can only be found and ended. */
  readonly canAdopt: boolean;
  /**
   * Every sandbox of this installation that the backend has now, this process's own included. `known` are names that sessions of an earlier process
   * had: a backend that does not tell whose a sandbox is goes by them. Throws Failure `connection`.
   */
  list(signal: AbortSignal, known?: readonly string[]): Promise<readonly Survivor[]>;
  /**
   * Takes over a sandbox that another process made, with its files and, where that can be, its interpreter's state; the next
   * run tells if it could not (`interpreterRestarted`). From here on it is a sandbox like those of `create`.
   *
   * Throws Failure `sandbox_creation` or `connection` if it cannot be taken over: it is then still there, for `destroy`. When the signal aborts it
   * rejects with the signal's reason.
   */
  adopt(name: string, spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>;
  /** Ends it; resolves once nothing of it is left, and at once for one that is not there. Throws Failure `connection` if it may still be there. */
  destroy(name: string, signal: AbortSignal): Promise<void>;
}

export type Survivor = {
  /** As `Sandbox.name`. */
  readonly name: string;
  /** Null where the backend does not tell. */
  readonly sessionId: string | null;
  /** Milliseconds since the epoch; null where the backend does not tell. */
  readonly createdAtMs: number | null;
  /** Nobody in this process has it, and nobody will, but by taking it over. */
  readonly isStray?: boolean;
};

/**
 * An isolated machine with one interpreter that keeps its state.
 *
 * Its caller runs one piece of code at a time, and beside that any number of commands at once. Disposing it ends whatever runs and resolves
 * once nothing of it is left (process, mount, cgroup, folder, remote machine); disposing twice is the same as once; it never rejects.
 */
export interface Sandbox extends AsyncDisposable {
  readonly name: string;
  /** What its guest's user may reach. Not to be used after the sandbox has been disposed. */
  readonly files: Files;
  /** Resolves, with what is known of the cause, if the sandbox ends without having been disposed. Never rejects. */
  readonly lost: Promise<string>;
  /**
   * CPU time that the processes that are there now have used, in milliseconds: to tell one that works from one that waits. Never rejects; null, or
   * not there, where the backend does not tell.
   */
  readonly cpuTimeMs?: () => Promise<number | null>;
  /**
   * Ends by force the processes that keep files below `folder`, a path in the sandbox, after these were removed, if those take more than
   * `maxBytes`: nobody else can free that room. Resolves with how much it was, or 0. Never rejects. Not there where the backend does not see what
   * is open.
   */
  readonly endHoarders?: (folder: string, limits: HoardLimits) => Promise<number>;
  /**
   * Runs code in the interpreter, or a command line through `/bin/sh -c`, with an empty stdin unless `stdin` says otherwise.
   *
   * Throws Failure `code_execution` / `command_execution` if the sandbox is lost or the run could not be started, `connection`
   * if the backend cannot be reached. Nothing that may have run is ever repeated.
   */
  run(request: RunRequest): Promise<RunEnd>;
  /** Of one that was taken over: those of `SandboxSpec.resumes` that go on, or have ended meanwhile. Not there where runs end with their process. */
  readonly resumable?: readonly string[];
  /**
   * Goes on with one of `resumable`, once. From here on it is a run like those of `run`, and throws what they do; an open stdin has come to its
   * end.
   */
  readonly resume?: (request: ResumeRequest) => Promise<RunEnd>;
  /** The kinds of runs that a later process can go on with. Not there where runs end with their process. */
  readonly lasting?: readonly RunRequest["kind"][];
  /**
   * The process is about to end, and the sandbox goes on for the next one (`Survivors.adopt`), with its runs of `lasting` kinds: the others are to have
   * ended before. From here on it is not to be used, no run in it settles, and disposing it ends nothing. Resolves, in bounded time, when all output
   * that could be got has been told. Never rejects. Not there where no other process could take it over.
   */
  readonly letGo?: () => Promise<void>;
}

export type HoardLimits = {
  readonly maxBytes: number;
  /** Whether those that do not let anybody see what they keep are ended, too. */
  readonly endsUnknown: boolean;
};

export type RunRequest = {
  /** Letters, digits and `-`; unique for all time. A later process may find the run by it (`Sandbox.resume`). */
  readonly id?: string | undefined;
  readonly kind: "code" | "command";
  readonly source: string;
  /** The caller's deadline, for backends that must know it beforehand. The caller keeps it itself, by `signal`. */
  readonly timeoutMs: number;
  /**
   * Aborting asks for the run's end: an interrupt first, and after a grace of the adapter's (≤ 1.5 s) by force. The processes
   * that this run started are gone when `run` resolves; those of other runs stay, be they from before it or beside it. `run` then resolves as
   * usual, with `interrupted`.
   */
  readonly signal: AbortSignal;
  /** Called with output as it comes, in order within a stream. After `run` has settled it is called no more. */
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
  /** What a command's background processes still write to its stdout and stderr after `run` has settled, until they end or the sandbox does. */
  readonly onLateOutput?: ((stream: Stream, bytes: Uint8Array) => void) | undefined;
  /**
   * Called with what code shows beside its output, and how many bytes of its stdout come before that: they may be fewer than have come already.
   * At most 100 times a run.
   */
  readonly onDisplay?: ((display: Display, stdoutBytes: number) => void) | undefined;
  /** `open`: stdin is what `RunControl.write` is given, until `closeInput`. Code reads it as `sys.stdin`, `input()`, `process.stdin`. */
  readonly stdin?: "empty" | "open" | undefined;
  /** Called once, when the program is there to be spoken to. Not called for a run that ends before. */
  readonly onStarted?: ((run: RunControl) => void) | undefined;
};

export type ResumeRequest = Pick<RunRequest, "kind" | "signal" | "onOutput" | "onLateOutput" | "onStarted"> & {
  readonly id: string;
  /** How many bytes of each stream an earlier process has got and kept, or knows to be missing. */
  readonly received: Readonly<Record<Stream, number>>;
  /** Called before more of the stream comes, if so many bytes behind those are gone with the earlier process. */
  readonly onMissing: (stream: Stream, bytes: number) => void;
};

/** What can be done to a run that is on. Once it is over, nothing here has an effect. */
export interface RunControl {
  /** Text for an open stdin. Resolves when the guest's end has taken it, or never will: the program may not have read it yet. Never rejects. */
  write(text: string): Promise<void>;
  closeInput(): void;
  /**
   * Sends the signal to all processes of the run: SIGINT, SIGTERM, SIGKILL. To code, `interrupt` is what Ctrl-C is at the language's prompt, and
   * the other two end its interpreter too, which the next run replaces. How the run ends then is its program's affair.
   */
  send(signal: RunSignal): void;
}

export type RunSignal = "interrupt" | "terminate" | "kill";

export type RunEnd = {
  /**
   * - `exited`: the program ran to its end, well or badly (an exception, a syntax error, `sys.exit`, an exit status).
   * - `interrupted`: it was stopped because `signal` aborted.
   * - `signaled`: a command was killed by a signal, its own or one that `RunControl.send` sent, and `signal` had not aborted.
   * - `out_of_memory`: the kernel ended it for exceeding the sandbox's memory.
   * - `interpreter_exited`: the interpreter went away under the code (`os._exit`, a crash).
   */
  readonly ended: "exited" | "interrupted" | "signaled" | "out_of_memory" | "interpreter_exited";
  /** Ran to its end without an error: exit status 0, no exception. */
  readonly success: boolean;
  /**
   * A command's exit status; for code only where the program asked for one (`sys.exit(3)`, `process.exit(3)`, `os._exit(3)`). 128 and its
   * number where a signal ended it.
   */
  readonly exitCode: number | null;
  /** The signal that ended the command or the interpreter, as "SIGSEGV", unless it was sent because `RunRequest.signal` aborted. */
  readonly signal?: string | undefined;
  /** The value of a last expression as the interpreter prints it; it has been printed to stdout too. Code only. */
  readonly result: string | null;
  /** The interpreter had to be replaced: variables are gone, files are not. */
  readonly interpreterRestarted: boolean;
  /** What the backend has to say of the run beside its output, a sentence each: a connection that the network policy refused, a limit that was reached. At most 10. */
  readonly notices?: readonly string[];
  /** The files that it has made or changed; undefined where nobody has looked. */
  readonly changes?: Changes | undefined;
};
