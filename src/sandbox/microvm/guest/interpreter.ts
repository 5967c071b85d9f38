// An interpreter in the guest, behind named pipes: two programs carry its streams, one of which starts or finds it.

import type { Sandbox as Machine } from "microsandbox";
import { type Clock, within } from "../../../clock.ts";
import type { Stream } from "../../port.ts";
import { MarkedStream } from "../../runner/marked-stream.ts";
import { type Exec, NotStarted, startExec } from "./exec.ts";
import { type Exit, MarkedTail, notFound, readExitLine, sigkill } from "./exit.ts";
import { guestPrograms } from "./programs.ts";

export type CarryOptions = {
  readonly machine: Machine;
  /** Starts the interpreter, or finds it, and prints what it writes to its control descriptor. */
  readonly control: readonly string[];
  /** Of its pipes. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** What stands behind all of its output on stdout and stderr. */
  readonly endMark: string;
  readonly clock: Clock;
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
  readonly onControl: (bytes: Uint8Array) => void;
  /** Called once, after all of its output. */
  readonly onExit: (exit: Exit) => void;
};

export type Carried = {
  write(text: string): void;
  /** The pids of what carries its streams, once they are there. */
  readonly carriers: Promise<readonly number[]>;
};

/** How long the last of its output may take behind its end: a process of its own may have filled the pipe. Milliseconds. */
const drainMs = 1000;

export function carryInterpreter(options: CarryOptions): Carried {
  const { machine, control, folder, env, endMark, clock, onControl, onExit } = options;
  const streams = { stdout: new MarkedStream(), stderr: new MarkedStream() };
  const drained = Promise.all([drain("stdout"), drain("stderr")]);
  const carriers: Exec[] = [];
  let isOver = false;
  const finish = async (exit: Exit) => {
    if (isOver) return;
    isOver = true;
    if ("code" in exit && exit.code === notFound) streams.stderr.giveUp();
    else await within(drained, drainMs, clock);
    for (const carrier of carriers) carrier.kill();
    onExit(exit);
  };
  const head = new MarkedTail('{"exit":', onControl, (tail) => {
    const exit = readExitLine(tail);
    if (exit !== null) void finish(exit);
  });
  // Its first byte, a line break of the shell's, says that the pipes are there.
  const pipes = Promise.withResolvers<void>();
  const hear = (bytes: Uint8Array) => {
    pipes.resolve();
    head.push(bytes);
  };
  let isFirst = true;
  const startHead = startExec(
    { machine, argv: control, env, stdin: false, clock },
    {
      onStdout: (bytes) => {
        hear(isFirst ? bytes.subarray(1) : bytes);
        isFirst = false;
      },
      onStderr: () => {},
      // Without a last line: it was not found, or whoever was to write that line has been ended too.
      onEnd: (status) => {
        pipes.reject(new Error("there are no pipes"));
        void finish(status === notFound ? { code: notFound } : { signal: sigkill });
      },
    },
  );
  const startBody = pipes.promise.then(() =>
    startExec(
      { machine, argv: [...guestPrograms.attach, folder], env: {}, stdin: true, clock },
      {
        onStdout: (bytes) => streams.stdout.push(bytes),
        onStderr: (bytes) => streams.stderr.push(bytes),
        onEnd: () => {},
      },
    ),
  );
  startHead.catch((error: unknown) => pipes.reject(error));
  for (const starting of [startHead, startBody]) {
    starting.then(
      (exec) => (isOver ? exec.kill() : carriers.push(exec)),
      (error: unknown) => void finish(error instanceof NotStarted ? { code: notFound } : { signal: sigkill }),
    );
  }
  const started = Promise.all([startHead, startBody]);
  started.catch(() => {});
  return {
    write: (text) => void startBody.then((body) => body.write(text)).catch(() => {}),
    carriers: started.then((execs) => execs.map(({ pid }) => pid)),
  };

  function drain(name: Stream): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    streams[name].begin(
      endMark,
      (bytes) => options.onOutput(name, bytes),
      () => resolve(),
    );
    return promise;
  }
}
