// A scriptable SandboxHost without any machine: boots wait or fail when told, runs follow a script or the toy language below,
// sandboxes are lost on demand. It keeps the promises of port.ts (test/contract/ checks that).

import { Failure } from "../../src/failure.ts";
import type { HostHealth, Sandbox, SandboxHost, SandboxSpec, Survivors } from "../../src/sandbox/port.ts";
import { FakeSandbox, type Script } from "./fake-sandbox.ts";
import type { FakeWorld } from "./fake-world.ts";
import type { ToyMachine } from "./toy-language.ts";

export type FakeHostOptions = {
  readonly world?: FakeWorld | undefined;
  readonly installation?: string;
  readonly nowMs?: () => number;
};

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
  readonly #world: FakeWorld | undefined;
  readonly #installation: string;
  readonly #nowMs: () => number;
  readonly survivors?: Survivors;
  #disposed = false;
  #crashed = false;

  /** With a world, its sandboxes outlive it; those of one installation are found again by the next host of that. */
  constructor({ world, installation = "fake", nowMs = () => 0 }: FakeHostOptions = {}) {
    this.#world = world;
    this.#installation = installation;
    this.#nowMs = nowMs;
    if (world === undefined) return;
    this.survivors = {
      canAdopt: true,
      list: async (signal) => {
        signal.throwIfAborted();
        return world.survivorsOf(installation);
      },
      adopt: async (name, spec, signal) => {
        signal.throwIfAborted();
        await this.#gate?.promise;
        signal.throwIfAborted();
        const sandbox = this.#make(spec, world.find(name, installation).machine);
        this.live.add(sandbox);
        this.booted.push(sandbox);
        return sandbox;
      },
      destroy: async (name, signal) => {
        signal.throwIfAborted();
        await this.#disposeGate?.promise;
        world.destroy(name, installation);
      },
    };
  }

  /** The process is killed: its sandboxes, and what it is booting, are the world's; nothing that it was asked for is answered any more. */
  crash(): void {
    this.#crashed = true;
    for (const sandbox of this.live) sandbox.detach();
    this.live.clear();
    // What was on its way arrives all the same.
    this.releaseBoots();
  }

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
    const sandbox = this.#make(spec);
    if (failure === undefined) this.#arrive(sandbox);
    await this.#gate?.promise;
    if (this.#crashed) return await new Promise<never>(() => undefined);
    if (failure !== undefined) throw failure;
    if (signal.aborted || this.#disposed) {
      await sandbox[Symbol.asyncDispose]();
      signal.throwIfAborted();
      throw new Failure("sandbox_creation", "The host has been shut down.");
    }
    this.booted.push(sandbox);
    return sandbox;
  }

  #make(spec: SandboxSpec, machine?: ToyMachine): FakeSandbox {
    return new FakeSandbox({
      spec,
      machine,
      doRunsLast: this.#world?.doRunsLast ?? false,
      onLetGo: this.#world === undefined ? undefined : (self) => void this.live.delete(self),
      run: (request, self, toy) => this.script(request, self, toy),
      gone: async (self) => {
        await this.#disposeGate?.promise;
        if (this.#crashed) return;
        this.live.delete(self);
        this.#world?.machines.delete(self.name);
      },
    });
  }

  #arrive(sandbox: FakeSandbox): void {
    this.live.add(sandbox);
    const { name, spec, machine } = sandbox;
    const { sessionId } = spec;
    const createdAtMs = this.#nowMs();
    this.#world?.machines.set(name, { name, sessionId, installation: this.#installation, createdAtMs, machine });
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
