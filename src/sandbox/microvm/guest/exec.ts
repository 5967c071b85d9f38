// One program that the runtime has started in a guest: its events to callbacks, its stdin in order, an end in every case.

import type { ExecEvent, ExecHandle, ExecSink, Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../../clock.ts";

export type ExecEvents = {
  readonly onStdout: (bytes: Uint8Array) => void;
  readonly onStderr: (bytes: Uint8Array) => void;
  /** Called once, after all output: with the exit status, -1 where a signal ended it, null where the runtime did not tell. */
  readonly onEnd: (status: number | null) => void;
};

export type ExecOptions = {
  readonly machine: Machine;
  /** The program and its arguments. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether there will be something to write to its stdin, which is empty otherwise. */
  readonly stdin: boolean;
  readonly clock: Clock;
};

export type Exec = {
  /** As the guest sees it. */
  readonly pid: number;
  /** In the order of the calls. Never throws: a program that is gone is told by `onEnd`. */
  write(text: string): void;
  /** Ends its stdin behind what has been written. */
  close(): void;
  /** Kills the program and its process group. */
  kill(): void;
};

/** How long the runtime may take to say that a program has started. Milliseconds. */
const startMs = 30_000;
/** Bounds one message to the guest, in bytes. */
const writeBytes = 64 * 1024;

/** Throws what the runtime throws, or an Error where it says nothing in time; `onEnd` is not called then. */
export async function startExec(options: ExecOptions, events: ExecEvents): Promise<Exec> {
  const { machine, argv, env, stdin, clock } = options;
  const [program = "", ...args] = argv;
  const opening = machine.execStreamWith(program, (builder) => {
    const with_ = builder.args([...args]).envs({ ...env });
    return stdin ? with_.stdinPipe() : with_.stdinNull();
  });
  const handle = await inTime(opening, clock);
  const first = await inTime(next(handle), clock);
  // An image without the program: an event that the package's types do not know.
  if (first?.kind !== "started") throw new NotStarted(program);
  // Before the next event is waited for: the handle does one thing at a time, and would hand stdin out with that event.
  const sink = stdin ? await inTime(handle.takeStdin(), clock) : null;
  void pump(handle, events);
  return {
    pid: first.pid,
    ...writer(sink),
    kill: () => void handle.kill().catch(() => {}),
  };
}

/** The guest could not start it: there is no such program, or no room for one. */
export class NotStarted extends Error {
  override readonly name = "NotStarted";
  readonly program: string;

  constructor(program: string) {
    super(`the guest did not start ${program}`);
    this.program = program;
  }
}

async function pump(handle: ExecHandle, { onStdout, onStderr, onEnd }: ExecEvents): Promise<void> {
  let status: number | null = null;
  try {
    // What its types do not know, such as a program that could not be started, the package hands out as undefined.
    for (let event = await next(handle); event !== undefined; event = await next(handle)) {
      if (event.kind === "stdout") onStdout(event.data);
      else if (event.kind === "stderr") onStderr(event.data);
      else if (event.kind === "exited") {
        status = event.code;
        break;
      }
    }
  } catch {
    // The connection to the guest has ended, and with it the program or our sight of it.
  }
  onEnd(status);
}

async function next(handle: ExecHandle): Promise<ExecEvent | undefined> {
  return (await handle.recv()) ?? undefined;
}

function writer(sink: ExecSink | null): Pick<Exec, "write" | "close"> {
  let last: Promise<unknown> = Promise.resolve();
  const then = (work: () => unknown) => {
    last = last.then(work).catch(() => {});
  };
  return {
    write: (text) => {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += writeBytes) {
        const part = bytes.subarray(at, at + writeBytes);
        then(() => sink?.write(part));
      }
    },
    close: () => then(() => sink?.close()),
  };
}

async function inTime<T>(promise: Promise<T>, clock: Clock): Promise<T> {
  const done = new AbortController();
  const late = clock.sleep(startMs, done.signal).then(() => {
    throw new Error(`the guest did not answer within ${startMs / 1000} s`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    done.abort();
  }
}
