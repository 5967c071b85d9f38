// A program at the far end of a link as the runner wants to see it: with its output as streams.

import type { GuestExit, GuestProcess, SpawnGuest } from "../runner/guest.ts";
import type { Link, Program, ProgramEnd, ProgramEvents } from "./link.ts";

/**
 * `onEnd` hears of each program's end before the runner does; and again, as `unheard`, if the runner still writes to it,
 * not having heard of it yet. `onLate` gets output that belongs to no run.
 */
export function createSpawn(link: Link, onEnd: (end: ProgramEnd) => void, onLate: ProgramEvents["onLate"]): SpawnGuest {
  return (argv, options) =>
    asGuestProcess(options.control, (events) => link.start(argv, options, events), onEnd, onLate);
}

/** The same for a program that `start` starts, or finds. */
export function asGuestProcess(
  control: boolean,
  start: (events: ProgramEvents) => Program,
  onEnd: (end: ProgramEnd) => void,
  onLate: ProgramEvents["onLate"],
): GuestProcess {
  const streams = { stdout: openStream(), stderr: openStream(), control: openStream() };
  const { promise: exited, resolve } = Promise.withResolvers<GuestExit>();
  let ended: ProgramEnd | null = null;
  const program = start({
    onOutput: (stream, bytes) => streams[stream].push(bytes),
    onControl: (bytes) => streams.control.push(bytes),
    onLate,
    onEnd: (end) => {
      ended = end;
      onEnd(end);
      for (const stream of Object.values(streams)) {
        stream.end();
      }
      resolve({ code: end.code, signal: end.signal });
    },
  });
  return {
    stdout: streams.stdout.readable,
    stderr: streams.stderr.readable,
    control: control ? streams.control.readable : null,
    write: (text) => {
      void program.write(text);
      if (ended !== null) {
        onEnd({ ...ended, unheard: true });
      }
    },
    exited,
    kill: () => program.kill(),
  };
}

/** Unbounded, because its reader reads all the time, and its writer gets at most one page of the relay ahead. */
function openStream() {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  const readable = new ReadableStream<Uint8Array>({
    start: (own) => {
      controller = own;
    },
    cancel: () => {
      controller = null;
    },
  });
  return {
    readable,
    push: (bytes: Uint8Array) => controller?.enqueue(bytes),
    end: () => {
      controller?.close();
      controller = null;
    },
  };
}
