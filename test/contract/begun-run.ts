// A run of a test's that is on: what it has printed so far, what can be done to it, and its end.

import type { RunControl, RunEnd, RunRequest, Sandbox, Stream } from "../../src/sandbox/port.ts";

type Texts = Readonly<Record<Stream, string>>;

export class BegunRun {
  /** Rejects as `run` does. */
  readonly end: Promise<RunEnd>;
  /** Never resolves if the run ends before. */
  readonly control: Promise<RunControl>;
  readonly #printed = new Printed();
  readonly #late = new Printed();
  readonly #caller = new AbortController();

  constructor(
    sandbox: Sandbox,
    kind: RunRequest["kind"],
    source: string,
    { stdin, timeoutMs, id }: { readonly stdin?: "open"; readonly timeoutMs: number; readonly id?: string },
  ) {
    const { promise, resolve } = Promise.withResolvers<RunControl>();
    this.control = promise;
    let isOver = false;
    const onOutput = (stream: Stream, bytes: Uint8Array) => {
      if (isOver) throw new Error("output came as the run's own after its end");
      this.#printed.add(stream, bytes);
    };
    const onLateOutput = (stream: Stream, bytes: Uint8Array) => this.#late.add(stream, bytes);
    const signal = this.#caller.signal;
    const request = { id, kind, source, timeoutMs, signal, stdin, onOutput, onLateOutput, onStarted: resolve };
    this.end = sandbox.run(request).finally(() => {
      isOver = true;
    });
    this.end.catch(() => undefined);
  }

  get printed(): Texts {
    return this.#printed.texts;
  }

  get late(): Texts {
    return this.#late.texts;
  }

  abort(): void {
    this.#caller.abort();
  }

  /** Resolves once it has printed this to standard output. */
  async hasPrinted(text: string): Promise<void> {
    const ended = this.end.then((end) => {
      if (!this.printed.stdout.includes(text)) throw new Error(`it ended without ${text}: ${JSON.stringify(end)}`);
    });
    await Promise.race([this.#printed.until("stdout", text), ended]);
  }

  /** Resolves once what it left behind has printed this. */
  hasPrintedLate(stream: Stream, text: string): Promise<void> {
    return this.#late.until(stream, text);
  }
}

/** What comes of two streams, and who waits for what. */
export class Printed {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  readonly #texts = { stdout: "", stderr: "" };
  readonly #waiting = new Set<() => void>();

  readonly add = (stream: Stream, bytes: Uint8Array): void => {
    this.#texts[stream] += this.#decoders[stream].decode(bytes, { stream: true });
    for (const look of this.#waiting) look();
  };

  get texts(): Texts {
    return { ...this.#texts };
  }

  forget(): void {
    this.#texts.stdout = "";
    this.#texts.stderr = "";
  }

  until(stream: Stream, text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (!this.#texts[stream].includes(text)) return;
      this.#waiting.delete(look);
      resolve();
    };
    this.#waiting.add(look);
    look();
    return promise;
  }
}
