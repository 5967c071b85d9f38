// A microvm host in a process that can be killed, as a SandboxHost of this one.

import { join } from "node:path";
import { Failure } from "../../../src/failure.ts";
import type {
  ResumeRequest,
  RunControl,
  RunEnd,
  RunRequest,
  RunSignal,
  Sandbox,
  SandboxHost,
  SandboxSpec,
  Stream,
  Survivor,
} from "../../../src/sandbox/port.ts";

type Spec = Omit<SandboxSpec, "onProgress">;

/** `left`: what the caller's signal was aborted with, before it asked. */
export type Ask =
  | { readonly what: "create"; readonly spec: Spec; readonly left: string | null }
  | { readonly what: "adopt"; readonly name: string; readonly spec: Spec; readonly left: string | null }
  | { readonly what: "list" }
  | { readonly what: "destroy"; readonly name: string }
  | ({ readonly what: "run"; readonly name: string } & Pick<RunRequest, "id" | "kind" | "source" | "timeoutMs">)
  | ({ readonly what: "resume"; readonly name: string } & Pick<ResumeRequest, "id" | "kind" | "received">)
  /** To the run that was asked for by this number. */
  | { readonly what: "send"; readonly run: number; readonly signal: RunSignal | "abort" }
  /** Begins to write a file that never comes to its end. */
  | { readonly what: "write"; readonly name: string; readonly path: string }
  /** The sandbox, or all. */
  | { readonly what: "dispose"; readonly name: string | null };

export type Answer = { readonly name: string; readonly resumable: readonly string[] } | Survivor[] | RunEnd | null;

export type Told =
  | { readonly answer: Answer }
  | { readonly error: { readonly kind: Failure["kind"] | null; readonly message: string } }
  | { readonly stream: Stream; readonly bytes: string }
  | { readonly missing: Stream; readonly bytes: number }
  | { readonly started: true };

type Waiting = {
  readonly hear: (answer: Answer) => void;
  readonly refuse: (error: Error) => void;
  readonly events: RunEvents;
};

type RunEvents = Pick<RunRequest, "onOutput" | "onStarted"> & Partial<Pick<ResumeRequest, "onMissing">>;

export class KilledHost implements SandboxHost {
  readonly backend = "microvm";
  readonly isolation = "a microVM";
  readonly #child: Bun.Subprocess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isOver = false;

  constructor(installationId: string) {
    this.#child = Bun.spawn([process.execPath, join(import.meta.dir, "host-process.ts"), installationId], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message: { readonly id: number } & Told) => this.#hear(message),
      onExit: () => {
        for (const { refuse } of this.#waiting.values()) refuse(new Error("its process has ended"));
      },
    });
  }

  readonly survivors = {
    canAdopt: true,
    list: async (): Promise<readonly Survivor[]> => {
      const answer = await this.#ask({ what: "list" });
      if (!Array.isArray(answer)) throw new Error("the answer is no list");
      return answer;
    },
    adopt: async (name: string, spec: SandboxSpec, signal: AbortSignal) =>
      this.#sandbox(await this.#ask({ what: "adopt", name, spec, left: leftWith(signal) })),
    destroy: async (name: string) => void (await this.#ask({ what: "destroy", name })),
  };

  async health() {
    return { ok: true } as const;
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    return this.#sandbox(await this.#ask({ what: "create", spec, left: leftWith(signal) }));
  }

  /** By SIGKILL. */
  async kill(): Promise<void> {
    this.#isOver = true;
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  /** Resolves when some of a file has come, of which there will be no end. */
  async beginWrite(name: string, path: string): Promise<void> {
    await this.#ask({ what: "write", name, path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    await this.#ask({ what: "dispose", name: null });
    await this.kill();
  }

  #sandbox(answer: Answer): Sandbox {
    if (answer === null || !("name" in answer)) throw new Error("the answer is no sandbox");
    const { name, resumable } = answer;
    return {
      name,
      get files(): never {
        throw new Error("its files are beyond this process");
      },
      resumable,
      lost: new Promise(() => {}),
      run: async ({ id, kind, source, timeoutMs, ...events }) =>
        await this.#run({ what: "run", name, id, kind, source, timeoutMs }, events),
      resume: async ({ id, kind, received, ...events }) =>
        await this.#run({ what: "resume", name, id, kind, received }, events),
      [Symbol.asyncDispose]: async () => void (await this.#ask({ what: "dispose", name })),
    };
  }

  async #run(ask: Ask, { signal, ...events }: RunEvents & Pick<RunRequest, "signal">): Promise<RunEnd> {
    const run = this.#lastId + 1;
    const onAbort = () => void this.#ask({ what: "send", run, signal: "abort" });
    const ending = this.#ask(ask, events);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const end = await ending;
    if (end === null || !("ended" in end)) throw new Error("the answer is no end of a run");
    return end;
  }

  #ask(ask: Ask, events: RunEvents = { onOutput: () => {} }): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#lastId += 1;
    this.#waiting.set(this.#lastId, { hear: resolve, refuse: reject, events });
    this.#child.send({ id: this.#lastId, ask });
    return promise;
  }

  #controlOf(run: number): RunControl {
    const send = (signal: RunSignal) => void this.#ask({ what: "send", run, signal });
    return { send, write: async () => {}, closeInput: () => {} };
  }

  #hear({ id, ...told }: { readonly id: number } & Told): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    const { events } = waiting;
    if ("stream" in told) events.onOutput(told.stream, Buffer.from(told.bytes, "base64"));
    else if ("missing" in told) events.onMissing?.(told.missing, told.bytes);
    else if ("started" in told) events.onStarted?.(this.#controlOf(id));
    else this.#waiting.delete(id);
    if ("answer" in told) waiting.hear(told.answer);
    else if (!("error" in told)) return;
    else if (told.error.kind === null) waiting.refuse(new Error(told.error.message));
    else waiting.refuse(new Failure(told.error.kind, told.error.message));
  }
}

function leftWith(signal: AbortSignal): string | null {
  return signal.aborted ? String(signal.reason instanceof Error ? signal.reason.message : signal.reason) : null;
}
