// One run in a sandbox: its deadline, its output caps, its cancelling, and how it ended. The first cause wins.

import type { Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import type { RunEnd, Sandbox, Stream } from "../sandbox/port.ts";
import { OutputCapture } from "./output.ts";

/** CONTRACT.md section 5. */
export type Ended =
  | "exited"
  | "timed_out"
  | "canceled"
  | "signaled"
  | "out_of_memory"
  | "output_limit"
  | "interpreter_exited";

export type Outcome = {
  readonly ended: Ended;
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** What the program wrote, what was left out included. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly stdoutTruncatedBytes: number;
  readonly stderrTruncatedBytes: number;
  readonly result: string | null;
  readonly exitCode: number | null;
  /** As `RunEnd.signal`; null where there is none. */
  readonly signal: string | null;
  readonly durationMs: number;
  readonly interpreterRestarted: boolean;
  /** As `RunEnd.notices`; empty where there are none. */
  readonly notices: readonly string[];
};

/** Where the time of a call went, in milliseconds. */
export type Phases = {
  /** Waited for a place and for a turn. */
  readonly queueMs: number;
  /** Waited for the sandbox to boot; null if it was there. */
  readonly bootMs: number | null;
  readonly runMs: number;
};

export type ExecutionRequest = {
  readonly kind: "code" | "command";
  readonly source: string;
  readonly timeoutMs: number;
  /** Aborting cancels the run. */
  readonly signal: AbortSignal;
  readonly onOutput?: ((stream: Stream, bytes: Uint8Array) => void) | undefined;
};

export type ExecutionLimits = {
  /** Bytes kept of each stream. */
  readonly maxOutputBytes: number;
  /** A run that writes more than this, on both streams, is stopped: nobody will read it, and reading it costs the server. */
  readonly stopOutputBytes: number;
};

/** A reason that nobody reads. Without one, each run would make an Error with its stack. */
const isOver = "over";

/** How long a sandbox may take to end a run that it was asked to end, before it counts as lost. Milliseconds. */
const settleGraceMs = 10_000;

/**
 * Runs once and tells how it ended.
 *
 * Throws Failure `code_execution` / `command_execution` / `connection` if the sandbox was lost under a run that nobody had asked to end; a
 * `SandboxStuck` (a Failure too) if it did not end the run when asked to.
 */
export async function execute(
  sandbox: Sandbox,
  request: ExecutionRequest,
  limits: ExecutionLimits,
  clock: Clock,
): Promise<Outcome> {
  const stdout = new OutputCapture(limits.maxOutputBytes);
  const stderr = new OutputCapture(limits.maxOutputBytes);
  const stop = new AbortController();
  let cause: "timed_out" | "canceled" | "output_limit" | undefined;
  const stopFor = (because: NonNullable<typeof cause>) => {
    if (cause !== undefined) return;
    cause = because;
    stop.abort(because);
  };

  const done = new AbortController();
  const onCancel = () => stopFor("canceled");
  request.signal.addEventListener("abort", onCancel, { once: true });
  if (request.signal.aborted) onCancel();
  clock.sleep(request.timeoutMs, done.signal).then(
    () => stopFor("timed_out"),
    () => undefined,
  );

  const startedMs = clock.monotonicMs();
  try {
    const running = sandbox.run({
      kind: request.kind,
      source: request.source,
      timeoutMs: request.timeoutMs,
      signal: stop.signal,
      onOutput: (stream, bytes) => {
        const capture = stream === "stdout" ? stdout : stderr;
        capture.push(bytes);
        request.onOutput?.(stream, bytes);
        if (stdout.totalBytes + stderr.totalBytes > limits.stopOutputBytes) stopFor("output_limit");
      },
    });
    const end = await settled(running, stop.signal, request.kind, clock, done.signal).catch((error: unknown) => {
      // A run that was asked to end and whose sandbox went away meanwhile ended for the reason it was asked to.
      if (cause === undefined || error instanceof SandboxStuck) throw error;
      return interrupted;
    });
    const ended = end.ended === "interrupted" ? (cause ?? "canceled") : end.ended;
    const out = stdout.read();
    const err = stderr.read();
    return {
      ended,
      success: ended === "exited" && end.success,
      stdout: out.text,
      stderr: err.text,
      stdoutBytes: stdout.totalBytes,
      stderrBytes: stderr.totalBytes,
      stdoutTruncatedBytes: out.truncatedBytes,
      stderrTruncatedBytes: err.truncatedBytes,
      result: end.result,
      exitCode: end.exitCode,
      signal: end.signal ?? null,
      durationMs: clock.monotonicMs() - startedMs,
      interpreterRestarted: end.interpreterRestarted,
      notices: end.notices ?? [],
    };
  } finally {
    done.abort(isOver);
    request.signal.removeEventListener("abort", onCancel);
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
