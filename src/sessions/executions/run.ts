// One run in a sandbox: its deadline, its output caps, its cancelling, and how it ended. The first cause wins.

import type { Clock } from "../../clock.ts";
import { Failure } from "../../failure.ts";
import type { ResumeRequest, RunControl, RunEnd, RunRequest, Sandbox, Stream } from "../../sandbox/port.ts";
import type { Execution } from "./execution.ts";
import type { Outcome } from "./outcome.ts";

/** A reason that nobody reads. Without one, each run would make an Error with its stack. */
const isOver = "over";

/** How long a sandbox may take to end a run that it was asked to end, before it counts as lost. Milliseconds. */
const settleGraceMs = 10_000;

/**
 * Runs it, or goes on with one that an earlier process began, and tells how it ended; `signal` cancels it.
 *
 * Throws Failure `code_execution` / `command_execution` / `connection` if the sandbox was lost under a run that nobody had asked to end; a
 * `SandboxStuck` (a Failure too) if it did not end the run when asked to.
 */
export async function run(sandbox: Sandbox, execution: Execution, signal: AbortSignal, clock: Clock): Promise<Outcome> {
  const { id, output, kind, source, stdin } = execution;
  const { timeoutMs, maxKeptOutputBytes } = execution.limits;
  const stop = new AbortController();
  let cause: "timed_out" | "canceled" | "output_limit" | undefined;
  const stopFor = (because: NonNullable<typeof cause>) => {
    if (cause !== undefined) return;
    cause = because;
    stop.abort(because);
  };

  const done = new AbortController();
  const onCancel = () => stopFor("canceled");
  signal.addEventListener("abort", onCancel, { once: true });
  if (signal.aborted) onCancel();
  // Of one that was begun before, its time goes on.
  const ranMs = execution.runningMs ?? 0;
  clock.sleep(Math.max(0, timeoutMs - ranMs), done.signal).then(
    () => stopFor("timed_out"),
    () => undefined,
  );

  const startedMs = clock.monotonicMs();
  try {
    const events = {
      signal: stop.signal,
      onStarted: (control: RunControl) => execution.reached(control),
      onOutput: (stream: Stream, bytes: Uint8Array) => {
        execution.write(stream, bytes);
        if (output.totalBytes > maxKeptOutputBytes) stopFor("output_limit");
      },
      onLateOutput: (stream: Stream, bytes: Uint8Array) => execution.writeLate(stream, bytes),
    };
    const onDisplay: RunRequest["onDisplay"] = (display, stdoutBytes) => execution.show(display, stdoutBytes);
    const running = execution.isResumed
      ? resume(sandbox, { id, kind, ...events, received: execution.received, onMissing: execution.misses })
      : sandbox.run({ ...{ id, kind, source, timeoutMs, stdin, onDisplay }, ...events });
    const end = await settled(running, stop.signal, kind, clock, done.signal).catch((error: unknown) => {
      // A run that was asked to end and whose sandbox went away meanwhile ended for the reason it was asked to.
      if (cause === undefined || error instanceof SandboxStuck) throw error;
      return interrupted;
    });
    const ended = end.ended === "interrupted" ? (cause ?? "canceled") : end.ended;
    const { stdout, stderr, displays } = await output.reread();
    return {
      ended,
      success: ended === "exited" && end.success,
      stdout: stdout.text,
      stderr: stderr.text,
      stdoutBytes: output.bytesOf("stdout"),
      stderrBytes: output.bytesOf("stderr"),
      stdoutTruncatedBytes: stdout.truncatedBytes,
      stderrTruncatedBytes: stderr.truncatedBytes,
      result: end.result,
      exitCode: end.exitCode,
      signal: end.signal ?? null,
      durationMs: ranMs + clock.monotonicMs() - startedMs,
      interpreterRestarted: end.interpreterRestarted,
      notices: [...(end.notices ?? []), ...output.displays.notices],
      changes: end.changes,
      displays,
    };
  } finally {
    done.abort(isOver);
    signal.removeEventListener("abort", onCancel);
  }
}

async function resume(sandbox: Sandbox, request: ResumeRequest): Promise<RunEnd> {
  if (sandbox.resume !== undefined && sandbox.resumable?.includes(request.id)) return await sandbox.resume(request);
  const what =
    "the server was stopped while it ran. What it had written until a second before is here, and what it wrote after that is not.";
  const advice = ["Look for what it has left in the sandbox, and run it again if need be."];
  throw new Failure(request.kind === "code" ? "code_execution" : "command_execution", what, { advice });
}

/** The sandbox did not end a run that it was asked to end. Whoever owns it must give it up. */
export class SandboxStuck extends Failure {}

const interrupted: RunEnd = {
  ended: "interrupted",
  success: false,
  exitCode: null,
  result: null,
  interpreterRestarted: false,
};

/** The run's end; after the stop signal, only as long as `settleGraceMs`. */
async function settled(
  running: Promise<RunEnd>,
  stop: AbortSignal,
  kind: "code" | "command",
  clock: Clock,
  done: AbortSignal,
): Promise<RunEnd> {
  const { promise: stuck, reject } = Promise.withResolvers<never>();
  const onStop = () => {
    const kindOfFailure = kind === "code" ? "code_execution" : "command_execution";
    const what = `the sandbox did not end the run within ${settleGraceMs / 1000} s of being asked to, so it was given up.`;
    clock.sleep(settleGraceMs, done).then(
      () => reject(new SandboxStuck(kindOfFailure, what)),
      () => undefined,
    );
  };
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  return await Promise.race([running, stuck]);
}
