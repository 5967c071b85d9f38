// A sandbox of the fake host: lost on demand, with processes and files that are entries of two maps.

import { Failure } from "../../src/failure.ts";
import type { ResumeRequest, RunEnd, RunRequest, Sandbox, SandboxSpec, Stream } from "../../src/sandbox/port.ts";
import { FakeDisk } from "./fake-disk.ts";
import { FakeFiles } from "./fake-files.ts";
import { LastingRun } from "./lasting-run.ts";
import { runToy, type ToyMachine } from "./toy-language.ts";

/** A run by script: gets the request, answers how it ended. Take `toy` to fall back to the toy language. */
export type Script = (request: RunRequest, sandbox: FakeSandbox, toy: () => Promise<RunEnd>) => Promise<RunEnd>;

const never = () => new Promise<never>(() => undefined);

export class FakeSandbox implements Sandbox {
  readonly name: string;
  readonly spec: SandboxSpec;
  readonly files: FakeFiles;
  readonly lost: Promise<string>;
  /** Of one that was taken over. */
  readonly resumable: readonly string[];
  readonly lasting?: readonly RunRequest["kind"][];
  readonly letGo?: () => Promise<void>;
  /** What the toy language sees. */
  readonly machine: ToyMachine;
  /** Every request that came, in order. */
  readonly requests: RunRequest[] = [];
  /** How many runs are going on now. */
  running = 0;
  disposed = false;
  /** As told by `cpuTimeMs`. */
  cpuMs: number | null = null;
  readonly cpuTimeMs = () => Promise.resolve(this.cpuMs);
  readonly #lost = Promise.withResolvers<string>();
  readonly #end = Promise.withResolvers<never>();
  readonly #run: Script;
  readonly #doRunsLast: boolean;
  /** What the interpreter's processes print belongs to the code that runs. */
  #code: Pick<RunRequest, "onOutput"> | null = null;
  readonly #gone: (self: FakeSandbox) => Promise<void>;
  #over: string | null = null;
  #isDetached = false;
  #disposal: Promise<void> | null = null;

  constructor(options: {
    spec: SandboxSpec;
    run: Script;
    gone: (self: FakeSandbox) => Promise<void>;
    machine?: ToyMachine | undefined;
    doRunsLast?: boolean;
    /** Where it outlives its host. */
    onLetGo?: ((self: FakeSandbox) => void) | undefined;
  }) {
    this.spec = options.spec;
    this.machine = options.machine ?? {
      variables: new Map(),
      disk: new FakeDisk(),
      processes: new Map(),
      lasting: new Map(),
    };
    this.files = new FakeFiles(this.machine.disk, () => this.#over);
    this.#doRunsLast = options.doRunsLast ?? false;
    const { onLetGo } = options;
    if (onLetGo !== undefined) {
      this.lasting = this.#doRunsLast ? ["code", "command"] : [];
      this.letGo = async () => {
        this.detach();
        onLetGo(this);
      };
    }
    const { resumes = [] } = options.spec;
    this.resumable = [...this.machine.lasting.keys()].filter((id) => resumes.includes(id));
    for (const [id, run] of this.machine.lasting) if (!resumes.includes(id)) run.abandon();
    this.name = `fake-${options.spec.sessionId}`;
    this.lost = this.#lost.promise;
    this.#run = options.run;
    this.#gone = options.gone;
    this.#end.promise.catch(() => {});
  }

  /** Ends it the way a crash of the machine would. */
  lose(reason = "the fake sandbox was told to vanish"): void {
    if (this.#over !== null) return;
    this.#finish(reason);
    this.#lost.resolve(reason);
  }

  /** The process that had it is no more: nothing that was asked of it is answered, and it goes on without it. */
  detach(): void {
    this.#isDetached = true;
    for (const run of this.machine.lasting.values()) run.detach();
  }

  async run(request: RunRequest): Promise<RunEnd> {
    if (this.#isDetached) return await never();
    this.requests.push(request);
    return await this.#attend(request, (guarded) => {
      const { id } = guarded;
      const lasting = this.#doRunsLast && id !== undefined ? new LastingRun(guarded) : null;
      const { machine } = this;
      const own = lasting?.request ?? guarded;
      const end = this.#run(own, this, () => runToy(own, machine, () => this.lose("everything in it was killed")));
      if (lasting === null || id === undefined) return end;
      machine.lasting.set(id, lasting);
      lasting.end = end;
      return this.#heard(id, end);
    });
  }

  async resume(request: ResumeRequest): Promise<RunEnd> {
    const run = this.machine.lasting.get(request.id);
    if (run === undefined || !this.resumable.includes(request.id)) throw new Error(`there is no run ${request.id}`);
    return await this.#attend(request, (guarded) => this.#heard(request.id, run.resume(guarded)));
  }

  /** It is known how it ended: nobody goes on with it any more. */
  async #heard(id: string, end: Promise<RunEnd>): Promise<RunEnd> {
    try {
      return await end;
    } finally {
      if (!this.#isDetached) this.machine.lasting.delete(id);
    }
  }

  async #attend<T extends RunRequest | ResumeRequest>(
    request: T,
    start: (guarded: T) => Promise<RunEnd>,
  ): Promise<RunEnd> {
    const kind = request.kind === "code" ? "code_execution" : "command_execution";
    if (this.#over !== null) throw new Failure(kind, `The sandbox is gone: ${this.#over}.`);
    if (request.kind === "code" && this.#code !== null) throw new Error("a sandbox runs one piece of code at a time");
    if (request.kind === "code") this.#code = request;
    this.running += 1;
    let settled = false;
    const guarded: T = {
      ...request,
      onOutput: (stream: Stream, bytes: Uint8Array) => {
        if (!settled) request.onOutput(stream, bytes);
        else if (this.#over === null && !this.#isDetached) this.#takeLate(request, stream, bytes);
      },
    };
    try {
      const end = await Promise.race([start(guarded), this.#end.promise]);
      return this.#isDetached ? await never() : end;
    } catch (error) {
      throw error === this.#end ? new Failure(kind, `The sandbox was lost: ${this.#over}.`) : error;
    } finally {
      settled = true;
      this.running -= 1;
      if (this.#code === request) this.#code = null;
    }
  }

  #takeLate(request: Pick<RunRequest, "kind" | "onLateOutput">, stream: Stream, bytes: Uint8Array): void {
    if (request.kind === "command") request.onLateOutput?.(stream, bytes);
    else if (this.#code !== null) this.#code.onOutput(stream, bytes);
    else this.spec.onBackground?.(stream, bytes);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#isDetached ? never() : this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    if (this.#over === null) this.#finish("it was stopped");
    this.disposed = true;
    await this.#gone(this);
  }

  #finish(reason: string): void {
    this.#over = reason;
    for (const kill of this.machine.processes.values()) kill();
    this.machine.processes.clear();
    this.#end.reject(this.#end);
  }
}
