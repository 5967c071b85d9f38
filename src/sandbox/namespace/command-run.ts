// One command from its start to its end: its input, its signals, and what is left to do when it is to end before.

import type { Clock } from "../../clock.ts";
import { commandLine } from "../command-line.ts";
import type { RunEnd, RunRequest, RunSignal } from "../port.ts";
import type { GuestExit } from "../runner/guest.ts";
import { endedBy } from "../signals.ts";
import type { GuestProgram } from "./guest-program.ts";
import { InputPipe } from "./input-pipe.ts";
import type { Libc } from "./libc.ts";
import type { RunScope } from "./run-scope.ts";

/** How long an interrupted command has before it is ended by force. */
const interruptGraceMs = 1000;
/** How soon a program is looked for again that has not come to be inside yet, for a signal that was sent to it. */
const startMs = 5;

export type CommandRunOptions = {
  readonly request: Pick<RunRequest, "source" | "signal" | "stdin" | "onStarted">;
  readonly libc: Libc;
  readonly clock: Clock;
  readonly start: (argv: readonly string[], input: string | null, pipe: InputPipe | null) => GuestProgram;
  readonly scope: RunScope;
  /** Ends what is left of the run by force, whatever it takes. */
  readonly end: () => Promise<void>;
  /** Called when it has come to its end by itself; its last output may still be on its way. */
  readonly onExited: () => void;
  /** Called for each signal that the caller sends. */
  readonly onSend: (signal: RunSignal) => void;
};

export async function runCommand(options: CommandRunOptions): Promise<RunEnd> {
  const { request, libc, clock, start } = options;
  const pipe = request.stdin === "open" ? new InputPipe(libc, clock) : null;
  try {
    const { argv, input } = commandLine(request.source, pipe === null ? 0 : 3);
    const program = start(argv, input, pipe);
    const over = new AbortController();
    void program.exited.then(() => over.abort());
    request.onStarted?.({
      write: (text) => pipe?.write(text) ?? Promise.resolve(),
      closeInput: () => pipe?.end(),
      send: (signal) => void send(signal, over.signal, options),
    });
    const interrupted = await exitOrAbort(program, request.signal);
    if (interrupted) await interrupt(program, options);
    else options.onExited();
    await program.drained;
    return commandEnd(await program.exited, interrupted);
  } finally {
    pipe?.close();
  }
}

/** To the program as soon as it is there. */
async function send(signal: RunSignal, over: AbortSignal, { scope, clock, onSend }: CommandRunOptions): Promise<void> {
  if (!over.aborted) onSend(signal);
  while (!over.aborted && !scope.send(signal)) await clock.sleep(startMs, over).catch(() => undefined);
}

/** True if the signal has aborted before the program's end. */
async function exitOrAbort(program: GuestProgram, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return true;
  const aborted = Promise.withResolvers<boolean>();
  const onAbort = () => aborted.resolve(true);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([program.exited.then(() => false), aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function interrupt(program: GuestProgram, { scope, clock, end }: CommandRunOptions): Promise<void> {
  scope.send("terminate");
  const grace = new AbortController();
  const waited = clock.sleep(interruptGraceMs, grace.signal).catch(() => {});
  await Promise.race([program.exited, waited]);
  grace.abort();
  program.kill();
  await end();
  await program.exited;
}

function commandEnd({ code, signal }: GuestExit, interrupted: boolean): RunEnd {
  const rest = { success: !interrupted && code === 0, result: null, interpreterRestarted: false };
  if (interrupted) return { ended: "interrupted", exitCode: code, ...rest };
  if (code === null) return { ended: "signaled", ...endedBy(signal), ...rest };
  return { ended: "exited", exitCode: code, ...rest };
}
