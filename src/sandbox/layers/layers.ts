// The layers of a process's templates: found, or built once however many ask, with whoever waits told how it goes.

import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { Failure } from "../../failure.ts";
import type { PackageIndexes } from "../packages.ts";
import type { SandboxHost } from "../port.ts";
import { commonLanguage, type Template } from "../templates.ts";
import { build, probe } from "./build.ts";
import { type Interpreter, layerKey, packagesKey } from "./layer.ts";
import type { LayerStore, StoredLayer } from "./store.ts";

export type LayersOptions = {
  readonly host: SandboxHost;
  readonly store: LayerStore;
  readonly indexes: PackageIndexes;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type Waiting = {
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Called once if it, or what stands before it, is being built, here or by another process. */
  readonly onBuilding?: (() => void) | undefined;
  readonly signal: AbortSignal;
};

/** How often it is looked whether another process has built what is waited for. Milliseconds. */
const lookMs = 500;

type Flight = {
  readonly result: Promise<StoredLayer>;
  readonly listeners: Set<(message: string) => void>;
  /** Resolves when a build is waited for, if one is. */
  readonly building: Promise<void>;
};

export class Layers implements AsyncDisposable {
  readonly #options: LayersOptions;
  readonly #end = new AbortController();
  /** By template; bounded by their number. */
  readonly #interpreters = new Map<string, Promise<Interpreter>>();
  readonly #flights = new Map<string, Flight>();
  readonly #claimed = new Set<string>();
  /** One build after the other: each has two processors, and the network. */
  #last: Promise<unknown> = Promise.resolve();
  #turns = 0;

  constructor(options: LayersOptions) {
    this.#options = options;
  }

  /** The layer of a template that has packages, from now on in use. Who leaves does not end a build: the next one finds it. Throws Failure. */
  async of(template: Template, { onProgress, onBuilding, signal }: Waiting): Promise<StoredLayer> {
    const flight = this.#flights.get(template.name) ?? this.#start(template);
    if (onBuilding !== undefined) void flight.building.then(onBuilding);
    if (onProgress !== undefined) flight.listeners.add(onProgress);
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      signal.throwIfAborted();
      return await Promise.race([flight.result, left.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (onProgress !== undefined) flight.listeners.delete(onProgress);
    }
  }

  /** What has been built of its packages, for whatever interpreter. */
  known({ language, packages }: Template): StoredLayer | null {
    return packages === undefined ? null : this.#options.store.find(packagesKey(commonLanguage(language), packages));
  }

  /** What a sandbox of an earlier process has of it, from now on in use. */
  adopted(template: Template): StoredLayer | null {
    const found = this.known(template);
    const used = found && this.#options.store.use(found.key);
    return used === "busy" ? null : used;
  }

  /** Whether a sandbox of this id is one that builds. */
  isClaimed(sessionId: string): boolean {
    return this.#claimed.has(sessionId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new Failure("sandbox_creation", "The server is shutting down."));
    await Promise.allSettled([...this.#flights.values()].map(({ result }) => result));
    this.#options.store[Symbol.dispose]();
  }

  #start(template: Template): Flight {
    const listeners = new Set<(message: string) => void>();
    const building = Promise.withResolvers<void>();
    const tell = (message: string) => {
      building.resolve();
      for (const listener of listeners) listener(message);
    };
    const { emit } = this.#options;
    const { name } = template;
    const result = this.#open(template, tell).catch((error: unknown) => {
      const failure = isOfSystem(error) ? notKept(name, error) : error;
      if (failure instanceof Failure) emit({ type: "layer.failed", template: name, reason: failure.message });
      throw failure;
    });
    const flight = { result, listeners, building: building.promise };
    this.#flights.set(template.name, flight);
    const land = () => this.#flights.delete(template.name);
    result.then(land, land);
    return flight;
  }

  async #open(template: Template, tell: (message: string) => void): Promise<StoredLayer> {
    const { store, clock } = this.#options;
    const { language, packages } = template;
    if (packages === undefined) throw new Error(`the template ${template.name} has no packages`);
    const key = layerKey(commonLanguage(language), packages, await this.#interpreter(template));
    let isTold = false;
    for (;;) {
      this.#end.signal.throwIfAborted();
      const found = store.use(key);
      if (found !== null && found !== "busy") return found;
      const made = found === "busy" ? "busy" : await this.#inTurn(() => this.#make(template, key, tell), tell);
      if (made === "made") continue;
      if (!isTold) tell(`waiting for the packages of ${template.name}, which another process builds`);
      isTold = true;
      await clock.sleep(lookMs, this.#end.signal);
    }
  }

  async #make(template: Template, key: string, tell: (message: string) => void): Promise<"made" | "busy"> {
    const { store, maxBytes, emit, clock } = this.#options;
    const { name, language, packages } = template;
    if (packages === undefined) return "made";
    const interpreter = await this.#interpreter(template);
    const beganMs = clock.monotonicMs();
    const made = await store.make(key, async (folder) => {
      tell(`installing the packages of ${name}, once for all sessions`);
      // The packages of a sandbox that builds are those that it builds.
      const { packages: _, ...bare } = template;
      const installed = await build(bare, packages, folder, { ...this.#tools(), onProgress: tell });
      return { template: name, language: commonLanguage(language), interpreter, packages: installed };
    });
    if (made === "busy") return made;
    // Before the others are looked at: this one is to stay.
    const built = store.use(key);
    if (built !== null && built !== "busy") {
      const { packages: installed, bytes } = built.facts;
      const buildMs = clock.monotonicMs() - beganMs;
      emit({ type: "layer.built", template: name, packages: installed.length, bytes, buildMs });
    }
    for (const { facts } of await store.shrink(maxBytes)) {
      emit({ type: "layer.removed", template: facts.template, bytes: facts.bytes, maxBytes });
    }
    return made;
  }

  #interpreter(template: Template): Promise<Interpreter> {
    const { packages: _, ...bare } = template;
    const known = this.#interpreters.get(template.name) ?? probe(bare, this.#tools());
    this.#interpreters.set(template.name, known);
    known.catch(() => this.#interpreters.delete(template.name));
    return known;
  }

  async #inTurn<T>(work: () => Promise<T>, tell: (message: string) => void): Promise<T> {
    if (this.#turns > 0) tell("waiting for the packages of another template, which are being installed");
    this.#turns += 1;
    const mine = this.#last.then(work).finally(() => {
      this.#turns -= 1;
    });
    this.#last = mine.catch(() => undefined);
    return await mine;
  }

  #tools() {
    const { host, indexes } = this.#options;
    const claim = (sessionId: string): Disposable => {
      this.#claimed.add(sessionId);
      return { [Symbol.dispose]: () => void this.#claimed.delete(sessionId) };
    };
    return { host, indexes, claim, signal: this.#end.signal };
  }
}

/** A full disk, say, or a folder that is not ours to write to. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && "code" in error && !(error instanceof Failure);
}

function notKept(name: string, cause: unknown): Failure {
  return new Failure(
    "sandbox_creation",
    `The packages of the template ${name} could not be kept in the state directory.`,
    {
      cause,
    },
  );
}
