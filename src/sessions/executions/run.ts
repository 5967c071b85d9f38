// One run in a sandbox: its deadline, its output caps, its cancelling, and how it ended. The first cause wins.

import type { Clock } from "../../clock.ts";
import { Failure } from "../../failure.ts";
import type { RunEnd, Sandbox } from "../../sandbox/port.ts";
import type { Execution } from "./execution.ts";
import type { Outcome } from "./outcome.ts";

/** A reason that nobody reads. Without one, each run would make an Error with its stack. */
const isOver = "over";

/** How long a sandbox may take to end a run that it was asked to end, before it counts as lost. Milliseconds. */
const settleGraceMs = 10_000;

/**
 * Runs it and tells how it ended; `signal` cancels it.
 *
 * Throws Failure `code_execution` / `command_execution` / `connection` if the sandbox was lost under a run that nobody had asked to end; a
 * `SandboxStuck` (a Failure too) if it did not end the run when asked to.
 */
export async function run(sandbox: Sandbox, execution: Execution, signal: AbortSignal, clock: Clock): Promise<Outcome> {
  const { output, kind, source, stdin } = execution;
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
  clock.sleep(timeoutMs, done.signal).then(
    () => stopFor("timed_out"),
    () => undefined,
  );

  const startedMs = clock.monotonicMs();
  try {
    const running = sandbox.run({
      ...{ kind, source, timeoutMs, stdin },
      signal: stop.signal,
      onStarted: (control) => execution.reached(control),
      onOutput: (stream, bytes) => {
        execution.write(stream, bytes);
        if (output.totalBytes > maxKeptOutputBytes) stopFor("output_limit");
      },
      onDisplay: (display, stdoutBytes) => execution.show(display, stdoutBytes),
      onLateOutput: (stream, bytes) => execution.writeLate(stream, bytes),
    });
    const end = await settled(running, stop.signal, kind, clock, done.signal).catch((error: unknown) => {
      // A run that was asked to end and whose sandbox went away meanwhile ended for the reason it was asked to.
      if (cause === undefined || error instanceof SandboxStuck) throw error;
      return interrupted;
    });
    const ended = end.ended === "interrupted" ? (cause ?? "canceled") : end.ended;
    const { stdout, stderr, displays } = output.read();
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
      durationMs: clock.monotonicMs() - startedMs,
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
