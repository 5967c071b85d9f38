// A command line in the guest: its output until the shell that runs it says that it has ended, whatever it has left in the background.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../../clock.ts";
import type { Stream } from "../../port.ts";
import { MarkedStream } from "../../runner/marked-stream.ts";
import { type Exec, startExec } from "./exec.ts";
import { type Exit, fromRuntime, MarkedTail, notFound, readVerdict } from "./exit.ts";
import { guestPrograms } from "./programs.ts";

export type CommandOptions = {
  readonly machine: Machine;
  readonly source: string;
  /** What its stdin has, if anything. */
  readonly input: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly onStarted: (pid: number) => void;
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
  /** Called once, after all of its output. `left` is what still carries the output of something in the background. */
  readonly onExit: (exit: Exit, left: Exec | null) => void;
};

/** What may be written behind a command's end: more is a flood that nobody reads, and ends who writes it. Bytes. */
const afterwardsBytes = 1024 * 1024;

/** Kills the command's process group. */
export type Kill = () => void;

export function startCommand(options: CommandOptions): Kill {
  const { machine, source, input, env, clock, onStarted, onOutput, onExit } = options;
  const mark = crypto.randomUUID();
  let exec: Exec | null = null;
  let verdict: Exit | null = null;
  let isStdoutOver = false;
  let isOver = false;
  let afterBytes = 0;
  const finish = (exit: Exit, left: Exec | null) => {
    if (isOver) return;
    isOver = true;
    onExit(exit, left);
  };
  const finishIfTold = () => {
    if (isStdoutOver && verdict !== null) finish(verdict, exec);
  };
  const stdout = new MarkedStream();
  stdout.begin(
    mark,
    (bytes) => onOutput("stdout", bytes),
    () => {
      isStdoutOver = true;
      finishIfTold();
    },
  );
  const stderr = new MarkedTail(
    mark,
    (bytes) => onOutput("stderr", bytes),
    (tail) => {
      verdict ??= readVerdict(tail);
      finishIfTold();
    },
  );
  const take = (stream: MarkedStream | MarkedTail) => (bytes: Uint8Array) => {
    if (!isOver) {
      stream.push(bytes);
      return;
    }
    afterBytes += bytes.length;
    if (afterBytes > afterwardsBytes) exec?.kill();
  };
  const argv = [...guestPrograms.command, source, mark, ...(input === null ? [] : ["input"])];
  const onEnd = (status: number | null) => {
    if (isOver) return;
    stdout.giveUp();
    stderr.giveUp();
    finish(verdict ?? fromRuntime(status), null);
  };
  const events = { onStdout: take(stdout), onStderr: take(stderr), onEnd };
  const started = startExec({ machine, argv, env, stdin: input !== null, clock }, events).then((it) => {
    exec = it;
    if (input !== null) it.write(input);
    onStarted(it.pid);
    return it;
  });
  started.catch(() => {
    if (!isOver) onOutput("stderr", Buffer.from("the sandbox could not start a shell for the command\n"));
    finish({ code: notFound }, null);
  });
  return () => void started.then((it) => it.kill()).catch(() => {});
}
