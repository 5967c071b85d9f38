// A microvm host in a process that can be killed, as a SandboxHost of this one.

import { join } from "node:path";
import { Failure } from "../../../src/failure.ts";
import { withoutFiles } from "../../../src/sandbox/files.ts";
import type {
  RunEnd,
  RunRequest,
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
  | ({ readonly what: "run"; readonly name: string } & Pick<RunRequest, "kind" | "source" | "timeoutMs">)
  /** The sandbox, or all. */
  | { readonly what: "dispose"; readonly name: string | null };

export type Answer = { readonly name: string } | Survivor[] | RunEnd | null;

export type Told =
  | { readonly answer: Answer }
  | { readonly error: { readonly kind: Failure["kind"] | null; readonly message: string } }
  | { readonly stream: Stream; readonly bytes: string };

type Waiting = {
  readonly hear: (answer: Answer) => void;
  readonly refuse: (error: Error) => void;
  readonly onOutput: RunRequest["onOutput"];
};

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

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    await this.#ask({ what: "dispose", name: null });
    await this.kill();
  }

  #sandbox(answer: Answer): Sandbox {
    if (answer === null || !("name" in answer)) throw new Error("the answer is no sandbox");
    const { name } = answer;
    return {
      name,
      files: withoutFiles("Its files are beyond this process."),
      lost: new Promise(() => {}),
      run: async ({ kind, source, timeoutMs, onOutput }) => {
        const end = await this.#ask({ what: "run", name, kind, source, timeoutMs }, onOutput);
        if (end === null || !("ended" in end)) throw new Error("the answer is no end of a run");
        return end;
      },
      [Symbol.asyncDispose]: async () => void (await this.#ask({ what: "dispose", name })),
    };
  }

  #ask(ask: Ask, onOutput: RunRequest["onOutput"] = () => {}): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#lastId += 1;
    this.#waiting.set(this.#lastId, { hear: resolve, refuse: reject, onOutput });
    this.#child.send({ id: this.#lastId, ask });
    return promise;
  }

  #hear({ id, ...told }: { readonly id: number } & Told): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    if ("stream" in told) {
      waiting.onOutput(told.stream, Buffer.from(told.bytes, "base64"));
      return;
    }
    this.#waiting.delete(id);
    if ("answer" in told) waiting.hear(told.answer);
    else if (told.error.kind === null) waiting.refuse(new Error(told.error.message));
    else waiting.refuse(new Failure(told.error.kind, told.error.message));
  }
}

function leftWith(signal: AbortSignal): string | null {
  return signal.aborted ? String(signal.reason instanceof Error ? signal.reason.message : signal.reason) : null;
}
