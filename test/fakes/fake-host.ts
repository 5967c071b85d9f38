// A scriptable SandboxHost without any machine: boots wait or fail when told, runs follow a script or the toy language below,
// sandboxes are lost on demand. It keeps the promises of port.ts (test/contract/ checks that).

import { Failure } from "../../src/failure.ts";
import type { HostHealth, Sandbox, SandboxHost, SandboxSpec } from "../../src/sandbox/port.ts";
import { FakeSandbox, type Script } from "./fake-sandbox.ts";

export class FakeHost implements SandboxHost {
  readonly backend = "fake";
  readonly isolation = "none: a fake for tests";
  /** What health() answers. */
  healthy: HostHealth = { ok: true };
  /** Replaces what runs do, for all sandboxes. */
  script: Script = (_request, _sandbox, toy) => toy();
  /** Called at the start of every boot. */
  onBoot: (spec: SandboxSpec) => void = () => undefined;
  /** Every spec that create() was called with, in order. */
  readonly requested: SandboxSpec[] = [];
  /** Every sandbox that booted, in order, disposed ones included. */
  readonly booted: FakeSandbox[] = [];
  /** Sandboxes that exist now, those whose caller has left before they arrived included. */
  readonly live = new Set<FakeSandbox>();
  #gate: PromiseWithResolvers<void> | null = null;
  #disposeGate: PromiseWithResolvers<void> | null = null;
  readonly #bootFailures: unknown[] = [];
  #disposed = false;

  /** From now on boots wait, even for callers that have left, until releaseBoots(). */
  holdBoots(): void {
    this.#gate ??= Promise.withResolvers();
  }

  releaseBoots(): void {
    this.#gate?.resolve();
    this.#gate = null;
  }

  /** From now on disposals of sandboxes wait until releaseDisposals(). */
  holdDisposals(): void {
    this.#disposeGate ??= Promise.withResolvers();
  }

  releaseDisposals(): void {
    this.#disposeGate?.resolve();
    this.#disposeGate = null;
  }

  /** The next boot, and as many further ones as it is called, fails with this. */
  failNextBoot(error: unknown = new Failure("sandbox_creation", "The fake host was told to fail.")): void {
    this.#bootFailures.push(error);
  }

  async health(signal: AbortSignal): Promise<HostHealth> {
    signal.throwIfAborted();
    return this.healthy;
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted();
    if (this.#disposed) throw new Failure("sandbox_creation", "The host has been shut down.");
    this.requested.push(spec);
    this.onBoot(spec);
    const failure = this.#bootFailures.shift();
    const sandbox = new FakeSandbox({
      spec,
      run: (request, self, toy) => this.script(request, self, toy),
      gone: async (self) => {
        await this.#disposeGate?.promise;
        this.live.delete(self);
      },
    });
    if (failure === undefined) this.live.add(sandbox);
    await this.#gate?.promise;
    if (failure !== undefined) throw failure;
    if (signal.aborted || this.#disposed) {
      await sandbox[Symbol.asyncDispose]();
      signal.throwIfAborted();
      throw new Failure("sandbox_creation", "The host has been shut down.");
    }
    this.booted.push(sandbox);
    return sandbox;
  }

  /** The one sandbox that exists, for tests that made one. Throws if there is another number of them. */
  only(): FakeSandbox {
    const [sandbox, ...rest] = this.live;
    if (sandbox === undefined || rest.length > 0) throw new Error(`expected one sandbox, found ${this.live.size}`);
    return sandbox;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.releaseBoots();
    this.releaseDisposals();
    await Promise.all([...this.live].map((sandbox) => sandbox[Symbol.asyncDispose]()));
  }
}
