// One msb-mcp of the cluster under load: started, killed, rolled, and started again on the same state directory.

import { rm } from "node:fs/promises";
import { originOf } from "../../../src/sessions/ids.ts";
import { openInstallation } from "../../../src/state/installation.ts";
import type { Spot } from "./network.ts";

export type NodeOptions = {
  readonly name: string;
  readonly argv: readonly string[];
  /** Takes turns with `argv`, from one start to the next: another version, for example. */
  readonly otherArgv?: readonly string[];
  readonly stateDir: string;
  readonly port: number;
  readonly maxSessions: number;
  /** Undefined: a server by itself. */
  readonly cluster: { readonly registry: string; readonly name: string; readonly secret: string } | undefined;
  readonly spot: Spot;
  /** More of its flags. */
  readonly flags?: readonly string[];
};

/** The most of its log that is kept for the report. Characters. */
const keptLog = 200_000;

export class LoadedNode implements AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly spot: Spot;
  readonly #options: NodeOptions;
  #child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  #installationId = "";
  #starts = 0;
  #log = "";

  private constructor(options: NodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.spot = options.spot;
    this.url = `http://${options.spot.host}:${options.port}`;
    this.#child = this.#spawn();
  }

  static async start(options: NodeOptions): Promise<LoadedNode> {
    const node = new LoadedNode(options);
    await node.#serves();
    return node;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get log(): string {
    return this.#log;
  }

  /** Whether a session was made here: its id carries that. */
  owns(sessionId: string): boolean {
    return originOf(sessionId, this.#installationId) === "ours";
  }

  async kill(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#child.kill(signal);
    await this.#child.exited;
  }

  async startAgain(): Promise<void> {
    this.#child = this.#spawn();
    await this.#serves();
  }

  async metrics(): Promise<string> {
    return await (await fetch(new URL("/metrics", this.url))).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGTERM");
    await rm(this.#options.stateDir, { recursive: true, force: true });
  }

  #spawn(): Bun.Subprocess<"ignore", "ignore", "pipe"> {
    const { argv, otherArgv = argv, stateDir, port, maxSessions, cluster, spot, flags: more = [] } = this.#options;
    const flags = [
      // No token: nobody but the harness reaches it.
      ...[
        "--host",
        spot.host,
        "--auth",
        "none",
        "--port",
        String(port),
        "--backend",
        "namespace",
        "--state-dir",
        stateDir,
      ],
      ...["--log-format", "json", "--log-level", "INFO", "--max-sessions", String(maxSessions)],
      ...["--admission-wait", "60", ...more],
    ];
    if (cluster !== undefined) {
      flags.push("--cluster", `redis://${cluster.registry}`, "--cluster-name", cluster.name);
      flags.push("--cluster-address", this.url);
    }
    const env = { PATH: Bun.env.PATH ?? "", HOME: stateDir, ...(cluster && { MCP_CLUSTER_SECRET: cluster.secret }) };
    const program = this.#starts++ % 2 === 0 ? argv : otherArgv;
    const child = Bun.spawn([...spot.enter, ...program, ...flags], {
      env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      // An interrupt from a terminal is for the load alone, which ends this in its turn.
      detached: true,
    });
    void this.#read(child.stderr);
    return child;
  }

  async #read(stderr: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stderr) {
      this.#log = (this.#log + decoder.decode(bytes, { stream: true })).slice(-keptLog);
    }
  }

  async #serves(): Promise<void> {
    for (let trial = 0; ; trial++) {
      const answer = await fetch(new URL("/readyz", this.url)).catch(() => undefined);
      if (answer?.ok === true) break;
      if (trial > 600 || this.#child.exitCode !== null) throw new Error(`${this.name} does not serve:\n${this.#log}`);
      await Bun.sleep(100);
    }
    this.#installationId = (await openInstallation(this.#options.stateDir)).id;
  }
}
