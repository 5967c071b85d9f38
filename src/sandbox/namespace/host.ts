// The `namespace` host: finds out what this machine can do, makes sandboxes of it, and leaves nothing behind.

import { createHash } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { Emit, Event } from "../../events.ts";
import { Failure } from "../../failure.ts";
import type { GatewayEvent } from "../egress/gateway.ts";
import { type Outside, realOutside } from "../egress/reach.ts";
import { fileAgentArgv, fileAgentPrograms } from "../file-agent/programs.ts";
import type { InterpreterPaths } from "../interpreter-paths.ts";
import type { NetworkPolicy } from "../network.ts";
import type { HostHealth, Sandbox, SandboxHost, SandboxSpec } from "../port.ts";
import { runnerPrograms } from "../runner/programs.ts";
import { startInterpreter } from "../runner/runner.ts";
import type { Language } from "../templates.ts";
import { type Volume, writableFolders } from "../volumes.ts";
import { guestEnv } from "./guest-env.ts";
import { type FileAgent, InstalledInterpreters } from "./installed.ts";
import { guestPrograms, type Place } from "./layout.ts";
import { signals } from "./libc.ts";
import { type Limits, watch } from "./limits.ts";
import { type Machine, openMachine } from "./machine.ts";
import { bootNamespaces, type Namespaces } from "./namespaces.ts";
import { RememberedHealth } from "./remembered-health.ts";
import { NamespaceSandbox } from "./sandbox.ts";
import { killStranded } from "./stranded.ts";
import { cannotBoot } from "./trial.ts";
import { openWayOut, type WayOut } from "./way-out.ts";

export type NamespaceHostOptions = {
  /** Shared with every sandbox. Checked beforehand (parseVolumes). */
  readonly volumes: readonly Volume[];
  /** Those that are not to be the first of the system's folders. */
  readonly interpreters?: InterpreterPaths;
  /** Whom sandboxes may reach whose spec says nothing. Default: nobody. */
  readonly network?: NetworkPolicy;
  /** What is out there. Default: what this machine reaches. */
  readonly outside?: Outside;
  /** Tells this installation from others on the machine, by its path; nothing is written there. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** Whatever a killed server has left is tried again so often, for 10 minutes: its last processes may be slow to die. */
const staleRetryMs = 1_000;
const staleTries = 600;

/** The size of a sandbox that only probes. */
const probeResources = { cpus: 1, memoryMib: 64 };

/** Never throws for what a machine lacks: health() and create() tell that. */
export function createNamespaceHost(options: NamespaceHostOptions): NamespaceHost {
  return new NamespaceHost(options);
}

export class NamespaceHost implements SandboxHost {
  readonly backend = "namespace";
  readonly isolation = "Linux namespaces on a shared kernel";
  readonly #options: NamespaceHostOptions;
  readonly #interpreters: InstalledInterpreters;
  readonly #end = new AbortController();
  readonly #sandboxes = new Set<NamespaceSandbox>();
  readonly #boots = new Set<Promise<unknown>>();
  readonly #health: RememberedHealth;
  #machine: Machine | null = null;
  #watch: Promise<void> = Promise.resolve();
  #disposal: Promise<void> | null = null;

  constructor(options: NamespaceHostOptions) {
    this.#options = options;
    this.#health = new RememberedHealth(options.clock, () => this.#look());
    this.#interpreters = new InstalledInterpreters({
      paths: options.interpreters ?? {},
      emit: options.emit,
      signal: this.#end.signal,
    });
  }

  /** How sandboxes are held to their size here; null while it is unknown for want of tools. */
  get limits(): Pick<Limits, "description" | "totalMemoryBytes"> | null {
    try {
      return this.#prepare().limits;
    } catch {
      return null;
    }
  }

  health(signal: AbortSignal): Promise<HostHealth> {
    return this.#health.ask(signal);
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted();
    if (this.#end.signal.aborted) throw new Failure("sandbox_creation", "The server is shutting down.");
    const boot = this.#boot(spec, AbortSignal.any([signal, this.#end.signal]));
    this.#boots.add(boot);
    try {
      return await boot;
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof Failure ? error : creationFailure(error);
    } finally {
      this.#boots.delete(boot);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #boot(spec: SandboxSpec, signal: AbortSignal): Promise<NamespaceSandbox> {
    const { clock, emit } = this.#options;
    const machine = this.#prepare();
    const { language } = spec.template;
    const { path: interpreter, pathPrefix, places, checked, agent } = await this.#interpreters.takeFor(spec.template);
    const name = nameOf(spec.sessionId);
    const network = spec.network ?? this.#options.network ?? { kind: "none" };
    const env = guestEnv({ ...spec, pathPrefix, hasWayOut: network.kind !== "none" });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => checked.catch(() => undefined));
    const group = machine.limits.group(name, spec.resources);
    stack.defer(async () => {
      // A bubblewrap that was ended while it started its child may have left it: it waits for ever, and keeps the group.
      for (const pid of group.pids() ?? []) machine.libc.kill(pid, signals.kill);
      await group.remove();
    });
    const compiled = machine.compiled.find(interpreter);
    const dataFiles = {
      ...machine.dataFiles,
      ...(network.kind !== "none" && machine.wayOutFiles),
      ...(compiled !== null && { [compiled.path]: compiled.descriptor }),
    };
    const files = { ...machine, dataFiles };
    const namespaces = await this.#bootNamespaces(files, group.joinFiles, spec, places, signal);
    const wayOut =
      network.kind === "none" ? null : await this.#openWayOut(machine, namespaces, { ...spec, network }, signal);
    const sandbox: NamespaceSandbox = new NamespaceSandbox({
      ...{ name, resources: spec.resources, namespaces, group, env, clock, wayOut },
      ...{ tools: machine.tools, self: machine.self, launcher: machine.launcher },
      ...{ libc: machine.libc, moments: machine.moments },
      fileAgent: fileAgentOf(agent),
      onBackground: spec.onBackground ?? (() => {}),
      limitsProcesses: machine.limits.mechanism.processes === "watch",
      onGone: (warning) => {
        this.#sandboxes.delete(sandbox);
        if (warning !== null) emit({ type: "server.warning", message: warning });
      },
    });
    stack.use(sandbox);
    this.#sandboxes.add(sandbox);
    const volumes = writableFolders(this.#options.volumes);
    const options = {
      spawn: sandbox.spawn,
      language,
      interpreter,
      env,
      clock,
      volumes,
      onBackground: spec.onBackground,
    };
    const start = (program: string) => startInterpreter({ ...options, program }, signal);
    const source = programPath(language);
    sandbox.adopt(
      await start(compiled?.path ?? source).catch(async (error: unknown) => {
        signal.throwIfAborted();
        await checked;
        if (compiled === null) throw error;
        machine.compiled.forget(interpreter);
        return start(source);
      }),
    );
    await checked;
    signal.throwIfAborted();
    stack.move();
    return sandbox;
  }

  #bootNamespaces(
    { tools, self, libc, dataFiles, filter, bootLauncher: launcher }: Machine,
    joinFiles: readonly string[],
    { resources, mounts = [] }: Pick<SandboxSpec, "resources" | "mounts">,
    places: readonly Place[],
    signal: AbortSignal,
  ): Promise<Namespaces> {
    const layout = { resources, volumes: [...this.#options.volumes, ...mounts], places };
    return bootNamespaces({ tools, self, libc, launcher, joinFiles, layout, dataFiles, filter }, signal);
  }

  /** The namespaces end with it if it rejects. */
  async #openWayOut(
    { self, libc, listenerLauncher: launcher }: Machine,
    namespaces: Namespaces,
    { sessionId, network: policy }: SandboxSpec & { readonly network: NetworkPolicy },
    signal: AbortSignal,
  ): Promise<WayOut> {
    const { clock, emit, outside = realOutside } = this.#options;
    const onEvent = (event: GatewayEvent) => emit(networkEvent(sessionId, event));
    try {
      const options = { self, libc, launcher, namespaces: namespaces.descriptors, policy, outside, clock };
      return await openWayOut({ ...options, emit: onEvent }, signal);
    } catch (error) {
      namespaces.kill();
      await namespaces.ended;
      namespaces[Symbol.dispose]();
      throw error;
    }
  }

  /** Throws Failure `configuration` if something is missing here; asks anew each time until nothing is. */
  #prepare(): Machine {
    if (this.#machine !== null) return this.#machine;
    const { clock, stateDir } = this.#options;
    const installation = createHash("sha256").update(stateDir).digest("hex").slice(0, 8);
    const machine = openMachine(installation, clock);
    const { libc, limits } = machine;
    this.#machine = machine;
    void this.#clearStale(() => killStranded(libc, installation) && limits.clearStale());
    this.#watch = watch({
      mechanism: limits.mechanism,
      sandboxes: () => this.#sandboxes,
      clock,
      signal: this.#end.signal,
    });
    return machine;
  }

  /** What a killed server has left, until it is gone. */
  async #clearStale(clear: () => boolean): Promise<void> {
    const { clock } = this.#options;
    for (let tries = 0; tries < staleTries && !this.#end.signal.aborted; tries++) {
      if (clear()) return;
      await clock.sleep(staleRetryMs, this.#end.signal).catch(() => undefined);
    }
  }

  async #look(): Promise<HostHealth> {
    try {
      const machine = this.#prepare();
      const boot = this.#bootNamespaces(machine, [], { resources: probeResources }, [], this.#end.signal);
      this.#boots.add(boot);
      try {
        using namespaces = await boot;
        namespaces.kill();
        await namespaces.ended;
      } finally {
        this.#boots.delete(boot);
      }
      void machine.compiled.make(this.#interpreters.used());
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: (error instanceof Failure ? error : cannotBoot(error)).message };
    }
  }

  async #dispose(): Promise<void> {
    this.#end.abort(new Failure("sandbox_creation", "The server is shutting down."));
    await Promise.allSettled(this.#boots);
    await this.#health.settled();
    await this.#interpreters.settled();
    await Promise.all([...this.#sandboxes].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    await this.#watch;
    await this.#machine?.[Symbol.asyncDispose]();
  }
}

function networkEvent(sessionId: string, event: GatewayEvent): Event {
  const { host = "", port = 0 } = event.target ?? {};
  if (event.type === "refused") return { type: "network.refused", sessionId, rule: event.refusal.rule, host, port };
  const { bytes, durationMs } = event;
  const [sentBytes, receivedBytes] = [bytes.sent, bytes.received];
  return { type: "network.closed", sessionId, host, port, sentBytes, receivedBytes, durationMs };
}

function creationFailure(cause: unknown): Failure {
  return new Failure("sandbox_creation", "The sandbox or its interpreter did not start.", { cause });
}

function fileAgentOf({ language, path }: FileAgent): readonly string[] {
  return fileAgentArgv(language, path, `${guestPrograms}/${fileAgentPrograms[language].fileName}`);
}

function programPath(language: Language): string {
  return `${guestPrograms}/${runnerPrograms[language].fileName}`;
}

/** A name that is safe as a folder's: session ids are, unless somebody else has made them. */
function nameOf(sessionId: string): string {
  return sessionId.replace(/[^A-Za-z0-9_.-]/g, "_").replace(/^\.+/, "_");
}
