// Real namespaces as a ground: real time, with all limits of time short, and sandboxes that end with the process that made them.

import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import type { Event } from "../../src/events.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { createNamespaceHost } from "../../src/sandbox/namespace/host.ts";
import type { Sandbox, SandboxHost } from "../../src/sandbox/port.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { Admission } from "../../src/sessions/admission.ts";
import { Draining } from "../../src/sessions/draining.ts";
import { Executions } from "../../src/sessions/executions/executions.ts";
import { Spools } from "../../src/sessions/executions/spools.ts";
import { Ledger } from "../../src/sessions/ledger.ts";
import { Sessions } from "../../src/sessions/sessions.ts";
import { concurrentPython } from "../programs/python.ts";
import { concurrentShell, shell } from "../programs/shell.ts";
import type { Ground, Life, Programs } from "./ground.ts";
import type { Random } from "./random.ts";

const limits = {
  maxSessions: 3,
  maxTotalMemoryMib: 8192,
  sessionTimeoutMs: 4000,
  startTimeoutMs: 60_000,
  cleanupIntervalMs: 500,
  orphanCleanupIntervalMs: 60_000,
  executionTimeoutMs: 20_000,
  maxQueuedExecutions: 3,
  maxOutputBytes: 10_000,
  maxKeptOutputBytes: 640_000,
  maxLeftRunning: 3,
  maxLeftRunningInAll: 6,
  maxLeftRunningPerPrincipal: 5,
  admissionWaitMs: 1000,
  enableLruEviction: true,
};

/** For boots and ends on a busy machine. Milliseconds. */
const patienceMs = 30_000;

/** What a walk calls a second takes so long here. Milliseconds. */
const secondMs = 40;

type NamespaceLife = Life & AsyncDisposable & { readonly live: ReadonlyMap<Sandbox, string> };

export class NamespaceGround implements Ground, AsyncDisposable {
  readonly maxSessions = limits.maxSessions;
  readonly maxMemoryMib = limits.maxTotalMemoryMib;
  readonly sessionTimeoutMs = limits.sessionTimeoutMs;
  readonly maxLeftRunning = limits.maxLeftRunning;
  readonly maxLeftRunningInAll = limits.maxLeftRunningInAll;
  readonly maxLeftRunningPerPrincipal = limits.maxLeftRunningPerPrincipal;
  readonly isExact = false;
  /** The walk's view of a sandbox passes nothing on of it: what is left running stays until it is ended. */
  readonly tellsCpu = false;
  readonly survives = false;
  readonly orphansGoneMs = 1000;
  readonly programs: Programs = {
    set: (value) => `x = "${value}"`,
    get: "print(x)",
    forever: "import time; time.sleep(1000)",
    echo: concurrentShell.echoInput,
    echoCode: concurrentPython.echoInput,
    stubborn: shell.stubborn,
    lines: (count) => `seq 1 ${count}`,
    vanish: shell.vanish,
  };
  readonly #folder = mkdtempSync(join(tmpdir(), "msb-mcp-model-"));
  #lives = 0;
  #life: NamespaceLife = this.#begin();

  get life(): NamespaceLife {
    return this.#life;
  }

  nowMs(): number {
    return systemClock.monotonicMs();
  }

  async pass(ms: number): Promise<void> {
    await Bun.sleep((ms * secondMs) / 1000);
  }

  async settle(): Promise<void> {
    await Bun.sleep(5);
  }

  async untilRest(isAtRest: () => boolean): Promise<void> {
    const untilMs = performance.now() + patienceMs;
    while (!isAtRest() && performance.now() < untilMs) await Bun.sleep(10);
  }

  /** What the next life finds is the ledger of this moment; what this one still writes, nobody reads. */
  async kill(): Promise<void> {
    const ended = this.#life;
    const before = this.#ledgerPath;
    this.#lives++;
    for (const suffix of ["", "-wal"]) {
      if (existsSync(`${before}${suffix}`)) copyFileSync(`${before}${suffix}`, `${this.#ledgerPath}${suffix}`);
    }
    await ended[Symbol.asyncDispose]();
    this.#life = this.#begin();
  }

  async restart(): Promise<void> {
    await this.#life[Symbol.asyncDispose]();
    this.#life = this.#begin();
  }

  disturb(_random: Random): string {
    return "nothing: a real machine is disturbance enough";
  }

  calm(): void {
    // Nothing was disturbed.
  }

  sandboxes(): readonly string[] {
    return [...this.#life.live.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }

  get #ledgerPath(): string {
    return join(this.#folder, `sessions-${this.#lives}.db`);
  }

  #begin(): NamespaceLife {
    const events: Event[] = [];
    const emit = (event: Event) => void events.push(event);
    const clock = systemClock;
    const live = new Map<Sandbox, string>();
    const real = createNamespaceHost({ volumes: [], stateDir: this.#folder, clock, emit });
    const host: SandboxHost = {
      backend: real.backend,
      isolation: real.isolation,
      health: (signal) => real.health(signal),
      create: async (spec, signal) => watched(await real.create(spec, signal), spec.sessionId, live),
      [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
    };
    const admission = new Admission({ limits, clock, emit });
    const ledger = new Ledger({ path: this.#ledgerPath, isExpected: false, clock, emit });
    const spools = new Spools({ folder: join(this.#folder, "executions"), maxTotalBytes: 4_000_000, emit });
    const { endings } = ledger;
    const executions = new Executions({ spools, installationId: "model", endings, clock, limits, isToSurvive: false });
    const draining = new Draining({ timeoutMs: undefined, clock, emit });
    const sessions = new Sessions({
      ...{ executions, draining },
      ...{ host, clock, emit, installationId: "model", admission, ledger, ownsSurvivors: true, limits },
      ...{ templates: defaultTemplates, flavors: defaultFlavors, defaultFlavor: "small" },
    });
    sessions.restart();
    const end = async () => {
      await sessions[Symbol.asyncDispose]();
      ledger[Symbol.dispose]();
      await host[Symbol.asyncDispose]();
    };
    return { sessions, admission, events, live, [Symbol.asyncDispose]: end };
  }
}

/** The sandbox, counted until nothing of it is left. */
function watched(sandbox: Sandbox, sessionId: string, live: Map<Sandbox, string>): Sandbox {
  const seen: Sandbox = {
    name: sandbox.name,
    files: sandbox.files,
    lost: sandbox.lost,
    run: (request) => sandbox.run(request),
    [Symbol.asyncDispose]: async () => {
      await sandbox[Symbol.asyncDispose]();
      live.delete(seen);
    },
  };
  live.set(seen, sessionId);
  return seen;
}
