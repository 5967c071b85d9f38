// The `microvm` host: boots microVMs through the microsandbox runtime, here or hosted. They go on when this process is killed, and
// the next one of the same installation finds them again.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { Failure } from "../../failure.ts";
import { Gone } from "../linked/gone.ts";
import type { LinkedSandbox } from "../linked/sandbox.ts";
import type { HostHealth, Sandbox, SandboxHost, SandboxSpec, Survivors } from "../port.ts";
import { imageName } from "../templates.ts";
import { writableFolders } from "../volumes.ts";
import { assemble } from "./assembly.ts";
import { toFailure } from "./failures.ts";
import { Images } from "./images/images.ts";
import { bootMachine, destroyMachine, type MachineOptions } from "./machine.ts";
import { machineName, sessionOf } from "./names.ts";
import type { Microsandbox } from "./runtime/load.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { listMachines } from "./survivors.ts";

export type MicrovmHostOptions = MachineOptions & {
  /** Opens the runtime; asked again after it has failed. */
  readonly openRuntime: () => Promise<Runtime>;
  /** Can a machine be had here? Answers within 5 s. */
  readonly health: (signal: AbortSignal) => Promise<HostHealth>;
  /** MSB_API_KEY, for `cloud`. */
  readonly apiKey: string | null;
  /** Archive of images for references that are not in the runtime's cache. */
  readonly imagesArchive: string | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** Loads nothing before it is asked for a sandbox. */
export function createMicrovmHost(options: MicrovmHostOptions): SandboxHost {
  return new MicrovmHost(options);
}

type Opened = { readonly microsandbox: Microsandbox; readonly images: Images };

class MicrovmHost implements SandboxHost {
  readonly backend: string;
  readonly isolation: string;
  readonly #options: MicrovmHostOptions;
  readonly #end = new AbortController();
  /** Bounded by the sessions layer's limit of sessions. */
  readonly #sandboxes = new Set<LinkedSandbox>();
  /** Boots, and the ends of those that nobody wants any more. */
  readonly #work = new Set<Promise<unknown>>();
  #opened: Promise<Opened> | null = null;
  #disposal: Promise<void> | null = null;

  constructor(options: MicrovmHostOptions) {
    this.#options = options;
    this.backend = options.backend;
    this.isolation = options.backend === "cloud" ? "a hosted microVM" : "a microVM of its own on this machine";
  }

  async health(signal: AbortSignal): Promise<HostHealth> {
    signal.throwIfAborted();
    return await this.#options.health(signal);
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted();
    this.#throwIfEnding();
    const either = AbortSignal.any([signal, this.#end.signal]);
    const name = machineName(this.#options.installationId, spec.sessionId);
    const what = `No microVM with the image ${imageName(spec.template.image)} could be started`;
    return await this.#make(name, what, either, async (opened) => {
      const { onProgress } = spec;
      if (this.backend === "microvm")
        await opened.images.makeAvailable(spec.template.image, { onProgress, signal: either });
      either.throwIfAborted();
      const machine = await this.#take(bootMachine(opened.microsandbox, spec, this.#options), name, opened, either);
      return await this.#assemble(machine, spec, "start", either);
    });
  }

  get survivors(): Survivors {
    const { installationId, clock } = this.#options;
    return {
      canAdopt: true,
      list: async (signal) => {
        signal.throwIfAborted();
        const { microsandbox } = await this.#open();
        return await listMachines(microsandbox, installationId).catch((error: unknown) => {
          throw unreachable("The microVMs of this machine cannot be listed.", error);
        });
      },
      adopt: (name, spec, signal) => this.#adopt(name, spec, signal),
      destroy: async (name) => {
        if (sessionOf(name, installationId) === null) throw new Failure("sandbox_creation", notOurs(name));
        const { microsandbox } = await this.#open();
        const isGone = await destroyMachine(microsandbox, name, clock);
        if (!isGone) throw unreachable(`The microVM ${name} could not be ended.`);
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #adopt(name: string, spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted();
    this.#throwIfEnding();
    if (sessionOf(name, this.#options.installationId) === null) throw new Failure("sandbox_creation", notOurs(name));
    const either = AbortSignal.any([signal, this.#end.signal]);
    const { microsandbox } = await this.#open();
    try {
      const handle = await microsandbox.Sandbox.get(name);
      if (handle.status !== "running") throw new Failure("sandbox_creation", "Its microVM has ended meanwhile.");
      const machine = await handle.connect();
      return await this.#assemble(machine, spec, "resume", either);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#tell(error, "The microVM of this session could not be taken over");
    }
  }

  /** Runs `work`; what it may have left is ended if it fails. */
  async #make<T>(name: string, what: string, signal: AbortSignal, work: (opened: Opened) => Promise<T>): Promise<T> {
    const making = this.#open().then(work);
    this.#track(making);
    try {
      return await making;
    } catch (error) {
      const ending = this.#destroy(name);
      this.#track(ending);
      await ending;
      signal.throwIfAborted();
      throw this.#tell(error, what);
    }
  }

  /** The machine, unless the signal aborts first: then the one that arrives later is ended. */
  async #take(booting: Promise<Machine>, name: string, opened: Opened, signal: AbortSignal): Promise<Machine> {
    const { promise: left, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([booting, left]);
    } catch (error) {
      const { clock } = this.#options;
      this.#track(booting.then(() => destroyMachine(opened.microsandbox, name, clock)));
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #assemble(
    machine: Machine,
    spec: SandboxSpec,
    how: "start" | "resume",
    signal: AbortSignal,
  ): Promise<LinkedSandbox> {
    const { clock } = this.#options;
    const volumes = writableFolders(this.#options.volumes);
    const { name } = machine;
    return await assemble({
      ...{ machine, spec, volumes, how, clock, signal },
      whyLost: (otherwise) => this.#whyLost(name, otherwise),
      keep: (made) => void this.#sandboxes.add(made),
      destroy: async (made) => {
        await this.#destroy(name);
        this.#sandboxes.delete(made);
      },
    });
  }

  async #open(): Promise<Opened> {
    this.#opened ??= this.#openNow();
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = null;
      throw error;
    }
  }

  async #openNow(): Promise<Opened> {
    const { openRuntime, backend, apiKey, imagesArchive, clock } = this.#options;
    const { microsandbox, paths } = await openRuntime();
    if (backend === "cloud") microsandbox.setDefaultBackend({ kind: "cloud", apiKey: apiKey ?? "" });
    else microsandbox.setDefaultBackend("local");
    const images = new Images({ store: microsandbox.Image, msb: paths.msb, archive: imagesArchive, clock });
    return { microsandbox, images };
  }

  /** What the runtime knows of a machine that cannot be reached any more. */
  async #whyLost(name: string, otherwise: string): Promise<Gone> {
    try {
      const { microsandbox } = await this.#open();
      const { status } = await microsandbox.Sandbox.get(name);
      return new Gone(status === "running" ? otherwise : `its microVM ended (${status})`);
    } catch {
      return new Gone("its microVM is gone");
    }
  }

  async #destroy(name: string): Promise<void> {
    const { clock, emit } = this.#options;
    const opened = await this.#open().catch(() => null);
    if (opened === null || (await destroyMachine(opened.microsandbox, name, clock))) return;
    emit({ type: "server.warning", message: `The microVM ${name} could not be ended; it may still run.` });
  }

  #tell(error: unknown, what: string): Failure {
    const failure = toFailure(
      error instanceof Gone
        ? new Failure("sandbox_creation", `${what}: ${error.message}.`, { cause: error.cause })
        : error,
      what,
    );
    const { cause } = failure;
    if (cause instanceof Error) this.#options.emit({ type: "server.warning", message: `${what}: ${cause.message}` });
    return failure;
  }

  #throwIfEnding(): void {
    if (this.#end.signal.aborted) throw new Failure("sandbox_creation", "The server is shutting down.");
  }

  #track(work: Promise<unknown>): void {
    const settled = work.then(
      () => void this.#work.delete(settled),
      () => void this.#work.delete(settled),
    );
    this.#work.add(settled);
  }

  async #dispose(): Promise<void> {
    this.#end.abort(new Failure("sandbox_creation", "The server is shutting down."));
    await Promise.all([...this.#sandboxes].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    while (this.#work.size > 0) await Promise.all(this.#work);
  }
}

function notOurs(name: string): string {
  return `The microVM ${name} is not one of this installation.`;
}

function unreachable(what: string, cause?: unknown): Failure {
  const advice = ["Try again; if it keeps failing, ask the operator to run `msb-mcp doctor`."];
  return new Failure("connection", what, { advice, cause });
}
