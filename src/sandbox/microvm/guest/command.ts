// A command line in the guest: its output until the shell that runs it says that it has ended, and what it has left in the background says after
// that.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../../clock.ts";
import { Flood } from "../../linked/flood.ts";
import type { Stream } from "../../port.ts";
import { MarkedStream } from "../../runner/marked-stream.ts";
import { type Exec, startExec } from "./exec.ts";
import { type Exit, fromRuntime, notFound, readVerdict } from "./exit.ts";
import { Feed } from "./feed.ts";
import { groupsFolder, guestPrograms, pipesFolder } from "./programs.ts";

export type CommandOptions = {
  readonly machine: Machine;
  /** A number that no other command of the guest has; its processes are known by it. */
  readonly id: string;
  readonly source: string;
  /** What its stdin has, if anything. */
  readonly input: string | null;
  /** Whether its stdin goes on with what is written. */
  readonly isOpen: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
  /** Called once, after all of its output. `left` is what still carries the output of something in the background. */
  readonly onExit: (exit: Exit, left: Exec | null) => void;
  /** What comes after that. */
  readonly onLate: (stream: Stream, bytes: Uint8Array) => void;
  readonly onFeed: (pid: number) => () => void;
};

export type Command = {
  /** The pid of its first process; rejects if it could not be started. */
  readonly started: Promise<number>;
  write(text: string): Promise<void>;
  closeInput(): void;
  /** Kills its process group. */
  kill(): void;
};

/** Bounds what is kept of a shell's last words, in characters. */
const lastWordsLength = 4096;

export function startCommand(options: CommandOptions): Command {
  const { machine, id, source, input, isOpen, env, clock, onOutput, onExit, onLate } = options;
  const mark = crypto.randomUUID();
  let exec: Exec | null = null;
  let verdict: Exit | null = null;
  let isStdoutOver = false;
  let isOver = false;
  const flood = new Flood(clock);
  const feed = isOpen ? startFeed() : null;

  const finish = (exit: Exit, left: Exec | null) => {
    if (isOver) return;
    isOver = true;
    feed?.kill();
    onExit(exit, left);
  };
  const finishIfTold = () => {
    if (isStdoutOver && verdict !== null) finish(verdict, exec);
  };
  const late = (stream: Stream, bytes: Uint8Array) => {
    if (bytes.length === 0) return;
    if (flood.isOver(bytes.length)) exec?.kill();
    else onLate(stream, bytes);
  };
  const stdout = new MarkedStream();
  stdout.begin(
    mark,
    (bytes) => onOutput("stdout", bytes),
    (rest) => {
      isStdoutOver = true;
      finishIfTold();
      late("stdout", rest);
    },
  );
  const stderr = new MarkedStream();
  let lastWords = "";
  const takeLastWords = (bytes: Uint8Array) => {
    lastWords = (lastWords + Buffer.from(bytes).toString("latin1")).slice(-lastWordsLength);
  };
  stderr.begin(
    mark,
    (bytes) => onOutput("stderr", bytes),
    (words) => {
      stderr.begin(mark, takeLastWords, (rest) => {
        verdict = readVerdict(lastWords);
        finishIfTold();
        late("stderr", rest);
      });
      stderr.push(words);
    },
  );
  const onEnd = (status: number | null) => {
    if (isOver) return;
    if (!isStdoutOver) stdout.giveUp();
    stderr.giveUp();
    finish(verdict ?? fromRuntime(status), null);
  };
  const events = {
    onStdout: (bytes: Uint8Array) => (isStdoutOver ? late("stdout", bytes) : stdout.push(bytes)),
    onStderr: (bytes: Uint8Array) => (verdict === null ? stderr.push(bytes) : late("stderr", bytes)),
    onEnd,
  };
  const closed = input === null ? "empty" : "own";
  const stdin = isOpen ? fifoOf(id) : closed;
  const argv = [...guestPrograms.command, source, mark, stdin, `${pipesFolder}/commands`, id, groupsFolder];
  const started = startExec({ machine, argv, env, stdin: stdin === "own", clock }, events).then((it) => {
    exec = it;
    if (stdin === "own") it.write(input ?? "");
    return it;
  });
  started.catch(() => {
    if (!isOver) onOutput("stderr", Buffer.from("the sandbox could not start a shell for the command\n"));
    finish({ code: notFound }, null);
  });
  if (input !== null) void feed?.write(input);
  return {
    started: started.then(({ pid }) => pid),
    write: async (text) => await feed?.write(text),
    closeInput: () => feed?.close(),
    kill: () => void started.then((it) => it.kill()).catch(() => {}),
  };

  function startFeed(): Feed {
    let forget = () => {};
    return new Feed({
      ...{ machine, clock, fifo: fifoOf(id), env },
      onStarted: (pid) => {
        forget = options.onFeed(pid);
      },
      onEnd: () => forget(),
    });
  }
}

function fifoOf(id: string): string {
  return `${pipesFolder}/${id}.in`;
}
