// A sandbox of the fake host: lost on demand, with processes and files that are entries of two maps.

import { Failure } from "../../src/failure.ts";
import type { RunEnd, RunRequest, Sandbox, SandboxSpec, Stream } from "../../src/sandbox/port.ts";
import { FakeDisk } from "./fake-disk.ts";
import { FakeFiles } from "./fake-files.ts";
import { runToy, type ToyMachine } from "./toy-language.ts";

/** A run by script: gets the request, answers how it ended. Take `toy` to fall back to the toy language. */
export type Script = (request: RunRequest, sandbox: FakeSandbox, toy: () => Promise<RunEnd>) => Promise<RunEnd>;

const never = () => new Promise<never>(() => undefined);

export class FakeSandbox implements Sandbox {
  readonly name: string;
  readonly spec: SandboxSpec;
  readonly files: FakeFiles;
  readonly lost: Promise<string>;
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
  /** What the interpreter's processes print belongs to the code that runs. */
  #code: RunRequest | null = null;
  readonly #gone: (self: FakeSandbox) => Promise<void>;
  #over: string | null = null;
  #isDetached = false;
  #disposal: Promise<void> | null = null;

  constructor(options: {
    spec: SandboxSpec;
    run: Script;
    gone: (self: FakeSandbox) => Promise<void>;
    machine?: ToyMachine | undefined;
  }) {
    this.spec = options.spec;
    this.machine = options.machine ?? { variables: new Map(), disk: new FakeDisk(), processes: new Map() };
    this.files = new FakeFiles(this.machine.disk, () => this.#over);
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
  }

  async run(request: RunRequest): Promise<RunEnd> {
    if (this.#isDetached) return await never();
    this.requests.push(request);
    const kind = request.kind === "code" ? "code_execution" : "command_execution";
    if (this.#over !== null) throw new Failure(kind, `The sandbox is gone: ${this.#over}.`);
    if (request.kind === "code" && this.#code !== null) throw new Error("a sandbox runs one piece of code at a time");
    if (request.kind === "code") this.#code = request;
    this.running += 1;
    let settled = false;
    const guarded: RunRequest = {
      ...request,
      onOutput: (stream, bytes) => {
        if (!settled) request.onOutput(stream, bytes);
        else if (this.#over === null && !this.#isDetached) this.#takeLate(request, stream, bytes);
      },
    };
    try {
      const toy = () => runToy(guarded, this.machine, () => this.lose("everything in it was killed"));
      const end = await Promise.race([this.#run(guarded, this, toy), this.#end.promise]);
      return this.#isDetached ? await never() : end;
    } catch (error) {
      throw error === this.#end ? new Failure(kind, `The sandbox was lost: ${this.#over}.`) : error;
    } finally {
      settled = true;
      this.running -= 1;
      if (this.#code === request) this.#code = null;
    }
  }

  #takeLate(request: RunRequest, stream: Stream, bytes: Uint8Array): void {
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
