// The fake host as a ground: time that passes when told, boots and stops that hang, a backend that is silent.

import { settle } from "../fakes/fake-clock.ts";
import { type Process, Restarts } from "../fakes/restarts.ts";
import type { Ground, Life, Programs } from "./ground.ts";
import type { Random } from "./random.ts";

const limits = {
  maxSessions: 4,
  maxTotalMemoryMib: 8192,
  maxSessionsPerPrincipal: 3,
  sessionTimeoutMs: 60_000,
  startTimeoutMs: 30_000,
  cleanupIntervalMs: 10_000,
  orphanCleanupIntervalMs: 20_000,
  maxQueuedExecutions: 3,
  maxLeftRunning: 3,
  maxLeftRunningInAll: 5,
  maxLeftRunningPerPrincipal: 4,
};

export type FakeGroundOptions = {
  readonly survives: boolean;
  readonly admissionWaitMs: number;
  readonly evicts: boolean;
  readonly tellsCpu: boolean;
};

export class FakeGround implements Ground, AsyncDisposable {
  readonly maxSessions = limits.maxSessions;
  readonly maxMemoryMib = limits.maxTotalMemoryMib;
  readonly sessionTimeoutMs = limits.sessionTimeoutMs;
  readonly maxLeftRunning = limits.maxLeftRunning;
  readonly maxLeftRunningInAll = limits.maxLeftRunningInAll;
  readonly maxLeftRunningPerPrincipal = limits.maxLeftRunningPerPrincipal;
  readonly isExact = true;
  readonly tellsCpu: boolean;
  readonly survives: boolean;
  /** Grace, twice the interval, and what is left of a boot that hung. */
  readonly orphansGoneMs = 120_000;
  readonly programs: Programs = {
    set: (value) => `set x ${value}`,
    get: "get x",
    forever: "forever",
    echo: "echo",
    echoCode: "echo",
    stubborn: "stubborn",
    lines: (count) => Array.from({ length: count }, (_, line) => `print ${line + 1}`).join("\n"),
    vanish: "vanish",
  };
  readonly #restarts = new Restarts();
  readonly #limits: typeof limits & { readonly admissionWaitMs: number; readonly enableLruEviction: boolean };
  #process: Process;

  constructor(options: FakeGroundOptions) {
    this.tellsCpu = options.tellsCpu;
    this.survives = options.survives;
    this.#limits = { ...limits, admissionWaitMs: options.admissionWaitMs, enableLruEviction: options.evicts };
    this.#process = this.#start();
  }

  get life(): Life {
    return this.#process;
  }

  nowMs(): number {
    return this.#process.clock.monotonicMs();
  }

  async pass(ms: number): Promise<void> {
    if (this.tellsCpu) for (const sandbox of this.#process.host.live) sandbox.cpuMs = 0;
    await this.#process.clock.advance(ms);
  }

  settle(): Promise<void> {
    return settle();
  }

  /** Nothing takes time here that does not pass, but what is expired is only cleared away when the next look at it is due. */
  async untilRest(isAtRest: () => boolean): Promise<void> {
    await settle();
    if (!isAtRest()) await this.pass(limits.cleanupIntervalMs);
  }

  async kill(): Promise<void> {
    this.#restarts.kill();
    this.#process = this.#start();
    await settle();
  }

  async restart(): Promise<void> {
    this.calm();
    const stopping = this.#restarts.stop();
    await this.pass(1000);
    await stopping;
    this.#process = this.#start();
    await settle();
  }

  disturb(random: Random): string {
    const { host, clock } = this.#process;
    const { world } = this.#restarts;
    const [what, act] = random.pick<readonly [string, () => void]>([
      ["boots hang", () => host.holdBoots()],
      ["boots come", () => host.releaseBoots()],
      ["stops hang", () => host.holdDisposals()],
      ["stops end", () => host.releaseDisposals()],
      ["a boot fails", () => host.failNextBoot()],
      ["the backend is silent", () => this.#silence(true)],
      ["the clock is set back", () => clock.setForward(-3_600_000)],
      ["the clock is set right", () => clock.setForward(clock.monotonicMs() - clock.now())],
      [
        "a sandbox is lost",
        () => {
          const ready = host.booted.filter((sandbox) => host.live.has(sandbox));
          if (ready.length > 0) random.pick(ready).lose("the walk took it");
        },
      ],
      [
        "a sandbox refuses to be taken over",
        () => void [...world.machines.keys()].slice(0, 1).map((it) => world.stubborn.add(it)),
      ],
    ]);
    act();
    return what;
  }

  calm(): void {
    const { host, clock } = this.#process;
    host.releaseBoots();
    host.releaseDisposals();
    clock.setForward(clock.monotonicMs() - clock.now());
    this.#restarts.world.stubborn.clear();
    this.#silence(false);
  }

  sandboxes(): readonly string[] {
    if (this.survives) return [...this.#restarts.world.machines.values()].map(({ sessionId }) => sessionId);
    return [...this.#process.host.live].map(({ spec }) => spec.sessionId);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.calm();
    return this.#restarts[Symbol.asyncDispose]();
  }

  #start(): Process {
    return this.#restarts.start(this.#limits, { survive: this.survives });
  }

  #silence(isSilent: boolean): void {
    this.#restarts.world.isSilent = isSilent;
  }
}
