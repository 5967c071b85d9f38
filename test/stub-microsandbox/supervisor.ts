// Which sandboxes run, on which port and in which state: the server's port map, its database and its supervisors, with
// their hazards (reference section 6 c, d, f and section 7).

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { internal } from "./errors.ts";
import { Machine, type MachineLanguage } from "./machine.ts";
import { Portal, type PortalHazards } from "./portal.ts";
import { pause } from "./processor.ts";
import type { Entry } from "./sandboxfile.ts";

export type SupervisorOptions = {
  readonly root: string;
  readonly hazards: PortalHazards;
  /** How long it takes to pull an image that was not pulled before, in milliseconds. */
  readonly pullMs: number;
  /** How long a sandbox takes to boot, in milliseconds; starts and the portal's readiness wait for it. */
  readonly bootMs: number;
  /** How long after "running" the portal begins to answer. */
  readonly portalDelayMs: number;
  readonly mountsVolumes: boolean;
  /** How long a sandbox that was stopped goes on after its status says that it has stopped. */
  readonly stopLagMs: number;
};

type Running = {
  readonly machine: Machine;
  readonly portal: Portal;
  readonly port: number;
  readonly readyAt: number;
};

/** The images that can be pulled, and the language of the portal that each was built with. */
const images: Readonly<Record<string, MachineLanguage>> = {
  "microsandbox/python": "python",
  "microsandbox/node": "node",
};

/** How long the server goes on trying to reach a portal: its 10,000 attempts without a sleep. */
const portalPatienceMs = 1800;

export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  readonly #ports = new Map<string, number>();
  readonly #machines = new Map<string, Running>();
  /** What the database says; a supervisor that was killed leaves it "running" for ever. */
  readonly #running = new Set<string>();
  readonly #ending = new Set<Promise<void>>();
  readonly #pulled = new Set<string>();
  #nextPort = 20_000;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** The port of a name; one that runs holds its port, and so is given another (hazard c). */
  assignPort(key: string): number {
    const present = this.#ports.get(key);
    if (present !== undefined && !this.#machines.has(key)) {
      return present;
    }
    this.#nextPort += 1;
    this.#ports.set(key, this.#nextPort);
    return this.#nextPort;
  }

  /**
   * Boots unless the database says that it runs. Throws ServerError 500/5002, after the time a pull takes to fail. A pull that the
   * client hangs up on is thrown away.
   */
  async up(namespace: string, name: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const key = `${namespace}/${name}`;
    if (this.#running.has(key)) {
      return;
    }
    const repository = (entry.image ?? "").replace(/^docker\.io\//, "").replace(/:latest$/, "");
    const language = images[repository];
    if (!this.#pulled.has(repository)) await pause(this.#options.pullMs, signal);
    if (language !== undefined) this.#pulled.add(repository);
    await pause(this.#options.bootMs, signal);
    if (language === undefined) {
      throw internal();
    }
    const namespaceFolder = join(this.#options.root, namespace);
    const layer = join(namespaceFolder, ".menv", "rw", "Sandboxfile", name);
    // Beside it, what the server patches into a sandbox's files.
    await mkdir(join(namespaceFolder, ".menv", "patch", "Sandboxfile", name), { recursive: true });
    const machine = await Machine.boot({
      language,
      entry,
      layer,
      namespaceFolder,
      mountsVolumes: this.#options.mountsVolumes,
    }).catch(() => {
      throw internal();
    });
    const readyAt = performance.now() + this.#options.portalDelayMs;
    this.#running.add(key);
    const running: Running = {
      machine,
      portal: new Portal(machine, this.#options.hazards),
      port: entry.portalPort,
      readyAt,
    };
    this.#machines.set(key, running);
    void machine.ended.then(() => {
      if (this.#machines.get(key) === running) {
        this.#machines.delete(key);
        this.#running.delete(key);
      }
    });
  }

  /** SIGTERM to the supervisor and no more: resolves before the sandbox has ended. Throws 500 for a stale entry. */
  stop(key: string): void {
    const running = this.#machines.get(key);
    if (running === undefined) {
      if (this.#running.has(key)) {
        throw internal();
      }
      return;
    }
    this.#running.delete(key);
    this.#ports.delete(key);
    const ending = Bun.sleep(this.#options.stopLagMs)
      .then(() => running.machine[Symbol.asyncDispose]())
      .then(() => void this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** The machines that exist and that nobody has asked to stop. */
  get unstopped(): readonly string[] {
    return [...this.#machines.keys()].filter((key) => this.#running.has(key));
  }

  isRunning(key: string): boolean {
    return this.#running.has(key);
  }

  async memoryMib(key: string): Promise<number | null> {
    return this.#running.has(key) ? ((await this.#machines.get(key)?.machine.memoryMib()) ?? null) : null;
  }

  /** The portal behind the port that the map has for a name. Throws ServerError 500/5002 if none answers there. */
  async portal(key: string): Promise<Portal> {
    const port = this.#ports.get(key);
    if (port === undefined) {
      throw internal();
    }
    const giveUpAt = performance.now() + portalPatienceMs;
    for (;;) {
      const running = this.#machines.get(key);
      if (
        running !== undefined &&
        running.port === port &&
        performance.now() >= running.readyAt &&
        !running.portal.isDead
      ) {
        return running.portal;
      }
      if (performance.now() > giveUpAt) {
        throw internal();
      }
      await Bun.sleep(20);
    }
  }

  /** Ends a sandbox underneath everybody; `stale` as if its supervisor had been killed too (hazard f). */
  async kill(key: string, stale: boolean): Promise<void> {
    const running = this.#machines.get(key);
    if (running === undefined) {
      return;
    }
    this.#machines.delete(key);
    if (!stale) {
      this.#running.delete(key);
    }
    await running.machine[Symbol.asyncDispose]();
  }

  /** The portal of a sandbox goes away; the sandbox runs on. */
  killPortal(key: string): void {
    this.#machines.get(key)?.portal.die();
  }

  /** The machines that exist, whatever the database says. */
  get machines(): readonly string[] {
    return [...this.#machines.keys()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const machines = [...this.#machines.values()];
    this.#machines.clear();
    await Promise.all([...machines.map(({ machine }) => machine[Symbol.asyncDispose]()), ...this.#ending]);
  }
}
