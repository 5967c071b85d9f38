// A command line in the guest, behind pipes that outlive whoever carries its streams: started, or found again. Its output until its end, and what it
// has left in the background says after that.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../../clock.ts";
import { Flood } from "../../linked/flood.ts";
import type { Stream } from "../../port.ts";
import { CommandOutput, type CommandOutputEvents, commandMarks } from "./command-output.ts";
import { type Exec, startExec } from "./exec.ts";
import { fromRuntime, notFound } from "./exit.ts";
import { Feed } from "./feed.ts";
import { commandsFolder, groupsFolder, guestPrograms } from "./programs.ts";
import { ResumedOutput } from "./resumed-output.ts";

type Carrying = CommandOutputEvents & {
  readonly machine: Machine;
  /** A number that no other command of the guest has; its processes are known by it. */
  readonly id: string;
  readonly clock: Clock;
};

export type CommandOptions = Carrying & {
  /** By which a later process finds it; empty if none is to. */
  readonly name: string;
  readonly source: string;
  /** What its stdin has, if anything. */
  readonly input: string | null;
  /** Whether its stdin goes on with what is written. */
  readonly isOpen: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly onFeed: (pid: number) => () => void;
};

export type ResumeOptions = Carrying & {
  readonly received: Readonly<Record<Stream, number>>;
  readonly onMissing: (stream: Stream, bytes: number) => void;
};

export type Command = {
  /** The pid of what carries its streams; rejects if that could not be started. */
  readonly started: Promise<number>;
  write(text: string): Promise<void>;
  closeInput(): void;
  /** Ends what carries its streams. */
  kill(): void;
};

export function startCommand(options: CommandOptions): Command {
  const { machine, id, name, source, input, isOpen, env, clock, onOutput, onExit } = options;
  const marks = commandMarks(machine.name, id);
  let flooded = () => {};
  const output = new CommandOutput(marks, {
    ...bounded(options, () => flooded()),
    onExit: (exit) => {
      feed?.kill();
      onExit(exit);
    },
  });
  const closed = input === null ? "empty" : "own";
  const stdin = isOpen ? "open" : closed;
  const folder = `${commandsFolder}/${id}`;
  const argv = [
    ...[...guestPrograms.command, folder, `${groupsFolder}/${id}`, marks.end, stdin, id, source],
    ...[marks.over, guestPrograms.hold.at(2) ?? "", name === "" ? "-" : name],
  ];
  const feed = isOpen ? startFeed() : null;
  const started = startExec(
    { machine, argv, env, stdin: stdin === "own", clock },
    {
      onStdout: (bytes) => output.push("stdout", bytes),
      onStderr: (bytes) => output.push("stderr", bytes),
      onEnd: (status) => output.giveUp(fromRuntime(status)),
    },
  );
  started.then(
    (exec) => {
      flooded = () => exec.kill();
      if (stdin === "own") exec.write(input ?? "");
    },
    () => {
      onOutput("stderr", Buffer.from("the sandbox could not start a shell for the command\n"));
      output.giveUp({ code: notFound });
    },
  );
  if (input !== null) void feed?.write(input);
  return {
    started: started.then(({ pid }) => pid),
    write: async (text) => await feed?.write(text),
    closeInput: () => feed?.close(),
    kill: () => kill(started),
  };

  function startFeed(): Feed {
    let forget = () => {};
    return new Feed({
      ...{ machine, clock, fifo: `${folder}/in`, env },
      onStarted: (pid) => {
        forget = options.onFeed(pid);
      },
      onEnd: () => forget(),
    });
  }
}

/** Goes on with one that another process of ours has started, and that is still known there. */
export function resumeCommand(options: ResumeOptions): Command {
  const { machine, id, clock, received, onMissing } = options;
  const marks = commandMarks(machine.name, id);
  let flooded = () => {};
  const output = new CommandOutput(
    marks,
    bounded(options, () => flooded()),
  );
  const first = `\x1e${crypto.randomUUID()}\x1e`;
  const resumed = new ResumedOutput({ marks, first, received, onMissing, output });
  const argv = [...guestPrograms.resume, `${commandsFolder}/${id}`, marks.over, first];
  const started = startExec(
    { machine, argv, env: {}, stdin: false, clock },
    {
      onStdout: (bytes) => resumed.push("stdout", bytes),
      onStderr: (bytes) => resumed.push("stderr", bytes),
      onEnd: (status) => {
        resumed.giveUp();
        output.giveUp(fromRuntime(status));
      },
    },
  );
  started.then(
    (exec) => {
      flooded = () => exec.kill();
    },
    () => output.giveUp(fromRuntime(null)),
  );
  return {
    started: started.then(({ pid }) => pid),
    write: async () => {},
    closeInput: () => {},
    kill: () => kill(started),
  };
}

/** Who writes after its end more than anybody reads finds nobody there. */
function bounded(events: Carrying, onFlood: () => void): CommandOutputEvents {
  const flood = new Flood(events.clock);
  return {
    ...events,
    onLate: (stream, bytes) => {
      if (flood.isOver(bytes.length)) onFlood();
      else events.onLate(stream, bytes);
    },
  };
}

function kill(started: Promise<Exec>): void {
  void started.then((exec) => exec.kill()).catch(() => {});
}
