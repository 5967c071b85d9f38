// A server that is killed and started again, as far as sessions see it: one process after the other over the same world and ledger.

import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "./fake-clock.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeWorld } from "./fake-world.ts";
import { type FakeLimits, type FakeProcess, sessionsOverFake } from "./sessions.ts";

export type Process = ReturnType<typeof sessionsOverFake>;

/** `clock`: one of its own, if left out. */
export type StartOptions = Omit<FakeProcess, "host" | "ledgerPath" | "spoolFolder"> & {
  /** Whether sandboxes outlive their process. */
  readonly survive?: boolean;
  readonly installation?: string;
};

export class Restarts implements AsyncDisposable {
  readonly world = new FakeWorld();
  readonly folder = mkdtempSync(join(tmpdir(), "msb-mcp-restarts-"));
  #nowMs: number | undefined;
  #starts = 0;
  #current: Process | undefined;

  /** What the next process finds, or the current one writes. */
  get ledgerPath(): string {
    return join(this.folder, `sessions-${this.#starts}.db`);
  }

  get spoolFolder(): string {
    return join(this.folder, `executions-${this.#starts}`);
  }

  start(limits: FakeLimits = {}, { survive = true, installation = "fake", ...more }: StartOptions = {}): Process {
    const clock = more.clock ?? new FakeClock(this.#nowMs);
    const world = survive ? this.world : undefined;
    const host = new FakeHost({ world, installation, nowMs: () => clock.now() });
    const process = sessionsOverFake(limits, {
      ...more,
      clock,
      host,
      ledgerPath: this.ledgerPath,
      spoolFolder: this.spoolFolder,
    });
    process.sessions.restart();
    this.#current = process;
    return process;
  }

  /**
   * As SIGKILL does: nothing is finished. What the next process finds is a copy of the ledger as the disk has it now; what the dead one still does in
   * this test's process it does to nobody.
   */
  kill(): void {
    const { host, ledger, clock } = this.current;
    const before = this.ledgerPath;
    const spoolsBefore = this.spoolFolder;
    this.#starts++;
    if (existsSync(spoolsBefore)) copyAsItIs(spoolsBefore, this.spoolFolder);
    for (const suffix of ["", "-wal"]) {
      if (existsSync(`${before}${suffix}`)) copyFileSync(`${before}${suffix}`, `${this.ledgerPath}${suffix}`);
    }
    host.crash();
    ledger[Symbol.dispose]();
    this.#nowMs = clock.now();
    this.#current = undefined;
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    const { current } = this;
    await current[Symbol.asyncDispose]();
    this.#nowMs = current.clock.now();
    this.#current = undefined;
  }

  /** As SIGTERM with `--keep-sessions` does, once nothing is on any more that would not outlast it. */
  async leave(): Promise<void> {
    const { current } = this;
    const parted = current.sessions.part();
    // What outlasts it has a second to end.
    await current.clock.advance(1000);
    await parted;
    await current.sessions.letGo();
    await this.stop();
  }

  /** Time that passes while no process is there; negative if somebody sets the clock back. */
  pass(ms: number): void {
    this.#nowMs = (this.#nowMs ?? new FakeClock().now()) + ms;
  }

  get current(): Process {
    if (this.#current === undefined) throw new Error("no process is running");
    return this.#current;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What the dead process was clearing away may go meanwhile. */
function copyAsItIs(from: string, to: string): void {
  for (;;) {
    try {
      cpSync(from, to, { recursive: true });
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
      rmSync(to, { recursive: true, force: true });
    }
  }
}
