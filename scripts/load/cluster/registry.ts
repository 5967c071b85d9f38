// The registry of the cluster under load: Debian's redis-server, killed, paused and flushed as is asked.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisClient } from "bun";
import type { Spot } from "./network.ts";

export class LoadedRegistry implements AsyncDisposable {
  readonly spot: Spot;
  readonly #port: number;
  readonly #program: string;
  readonly #folder: string;
  #child: Bun.Subprocess;

  private constructor(program: string, spot: Spot, port: number, folder: string) {
    this.#program = program;
    this.spot = spot;
    this.#port = port;
    this.#folder = folder;
    this.#child = this.#spawn();
  }

  static async start(program: string, spot: Spot, port: number): Promise<LoadedRegistry> {
    const registry = new LoadedRegistry(program, spot, port, await mkdtemp(join(tmpdir(), "msb-mcp-registry-")));
    await registry.#answers();
    return registry;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Where nodes reach it. */
  get address(): string {
    return `${this.spot.host}:${this.#port}`;
  }

  /** It keeps nothing on disk, so what it knew is gone, too. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async startAgain(): Promise<void> {
    this.#child = this.#spawn();
    await this.#answers();
  }

  /** It answers nobody, and connections to it stay open. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  goOn(): void {
    this.#child.kill("SIGCONT");
  }

  async flush(): Promise<void> {
    await this.#ask("FLUSHALL");
  }

  /** Bytes of memory that it uses, and commands that it was asked. */
  async figures(): Promise<{ readonly bytes: number; readonly commands: number }> {
    const info = String(await this.#ask("INFO"));
    const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
    return { bytes: field("used_memory"), commands: field("total_commands_processed") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goOn();
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #spawn(): Bun.Subprocess {
    const { host, enter } = this.spot;
    const served = ["--port", String(this.#port), "--bind", host, "--protected-mode", "no"];
    const settings = [...served, "--save", "", "--dir", this.#folder];
    return Bun.spawn([...enter, this.#program, ...settings], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
      detached: true,
    });
  }

  async #answers(): Promise<void> {
    for (let trial = 0; ; trial++) {
      const answer = await this.#ask("PING").catch(() => undefined);
      if (answer === "PONG") return;
      if (trial > 100 || this.#child.exitCode !== null) throw new Error(`${this.#program} does not serve`);
      await Bun.sleep(50);
    }
  }

  async #ask(command: string): Promise<unknown> {
    const client = new RedisClient(`redis://${this.address}`, { autoReconnect: false, connectionTimeout: 2000 });
    try {
      await client.connect();
      return await client.send(command, []);
    } finally {
      client.close();
    }
  }
}
