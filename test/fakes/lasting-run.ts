// A run of the toy language that goes on when the process that began it has gone, until a later one goes on with it.

import type { ResumeRequest, RunControl, RunEnd, RunRequest, Stream } from "../../src/sandbox/port.ts";

/** What it tells, and to whom. */
type Listener = Pick<RunRequest, "onOutput" | "onLateOutput" | "signal">;

export class LastingRun {
  /** What the program sees as its run. */
  readonly request: RunRequest;
  readonly #stop = new AbortController();
  readonly #sent: Record<Stream, number> = { stdout: 0, stderr: 0 };
  /** Came when nobody was there. */
  readonly #kept: [Stream, Uint8Array][] = [];
  #listener: Listener | null = null;
  #control: RunControl | null = null;
  /** Set when it is started. */
  end: Promise<RunEnd> = new Promise(() => undefined);

  constructor(request: RunRequest) {
    this.request = {
      ...request,
      signal: this.#stop.signal,
      onOutput: (stream, bytes) => this.#tell(stream, bytes),
      onStarted: (control) => {
        this.#control = control;
        request.onStarted?.(control);
      },
    };
    this.#listen(request);
  }

  /** Its process is gone. */
  detach(): void {
    this.#listener = null;
  }

  /** Nobody goes on with it. */
  abandon(): void {
    this.#stop.abort();
  }

  resume({ received, onMissing, onStarted, ...listener }: ResumeRequest): Promise<RunEnd> {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#sent[stream] > received[stream]) onMissing(stream, this.#sent[stream] - received[stream]);
    }
    for (const [stream, bytes] of this.#kept.splice(0)) {
      this.#sent[stream] += bytes.length;
      listener.onOutput(stream, bytes);
    }
    this.#control?.closeInput();
    if (this.#control !== null) onStarted?.(this.#control);
    this.#listen(listener);
    return this.end;
  }

  #listen(listener: Listener): void {
    this.#listener = listener;
    const { signal } = listener;
    const onAbort = () => {
      if (this.#listener === listener) this.#stop.abort();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  }

  #tell(stream: Stream, bytes: Uint8Array): void {
    if (this.#listener === null) {
      this.#kept.push([stream, bytes]);
      return;
    }
    this.#sent[stream] += bytes.length;
    this.#listener.onOutput(stream, bytes);
  }
}
