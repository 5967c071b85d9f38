// The real server over real sandboxes, killed again and again on one state directory, and what callers hear of it.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { foldersBelow } from "../sandbox/namespace/machine.ts";

const main = join(import.meta.dir, "../../src/main.ts");

/** For a start, or for the kernel to let go of what was killed, on a busy machine. Milliseconds. */
const patienceMs = 60_000;

export type Answer =
  /** The connection broke under the call. */
  | { readonly kind: "none" }
  | {
      readonly kind: "ran";
      readonly sessionId: string;
      readonly created: boolean;
      readonly stdout: string;
      readonly stderr: string;
      readonly restarted: boolean;
    }
  | { readonly kind: "refused"; readonly code: string; readonly reason: string; readonly message: string };

export class KilledServer implements AsyncDisposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), "msb-mcp-chaos-"));
  readonly #flags: readonly string[];
  readonly #program: readonly string[];
  #child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
  #url = "";

  constructor(
    flags: readonly string[],
    backend: readonly string[] = ["--backend", "namespace"],
    program: readonly string[] = [process.execPath, main],
  ) {
    this.#flags = [...backend, ...flags];
    this.#program = program;
  }

  /** Resolves once it listens. Throws with its log if it does not come to that. */
  async start(): Promise<void> {
    const fixed = ["--port", "0", "--state-dir", this.stateDir];
    const child = Bun.spawn([...this.#program, ...fixed, ...this.#flags], {
      env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.#child = child;
    const listening = Promise.withResolvers<string>();
    const read = async () => {
      let log = "";
      const decoder = new TextDecoder();
      for await (const bytes of child.stderr) {
        log = (log + decoder.decode(bytes, { stream: true })).slice(-100_000);
        const url = /"event":"server\.listening".*?"url":"([^"]+)"/.exec(log)?.[1];
        if (url !== undefined) listening.resolve(url);
      }
      listening.reject(new Error(`the server ended with ${await child.exited} before it listened:\n${log}`));
    };
    void read();
    this.#url = await listening.promise;
  }

  /** What a start on the same directory says while this one runs. */
  async secondStart(): Promise<{ readonly status: number; readonly said: string }> {
    const child = Bun.spawn(
      [process.execPath, main, "--port", "0", "--backend", "namespace", "--state-dir", this.stateDir],
      {
        env: { PATH: process.env.PATH ?? "" },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
      },
    );
    const said = await child.stderr.text();
    return { status: await child.exited, said };
  }

  /** Runs code in the session, or in a new one. */
  async run(code: string, sessionId?: string): Promise<Answer> {
    return await this.#call("execute_code", { code, ...(sessionId !== undefined && { session_id: sessionId }) });
  }

  /** By SIGKILL. Returns the processes that it had started. */
  async kill(): Promise<readonly number[]> {
    const child = this.#child;
    if (child === undefined) return [];
    this.#child = undefined;
    const started = descendants(child.pid);
    child.kill("SIGKILL");
    await child.exited;
    return started;
  }

  /** By SIGTERM. Resolves with the exit status. */
  async stop(): Promise<number> {
    const child = this.#child;
    this.#child = undefined;
    child?.kill("SIGTERM");
    return (await child?.exited) ?? 0;
  }

  /** Control groups of servers of this directory, other than that which runs. */
  get strayGroups(): readonly string[] {
    const tag = new Bun.CryptoHasher("sha256").update(this.stateDir).digest("hex").slice(0, 8);
    return foldersBelow("/sys/fs/cgroup")
      .filter((path) => path.includes(`msb-mcp-${tag}-`))
      .filter((path) => !path.includes(`msb-mcp-${tag}-${this.#child?.pid}`));
  }

  /** All processes that it has started, by way of others too. */
  get descendants(): readonly number[] {
    return this.#child === undefined ? [] : descendants(this.#child.pid);
  }

  /** Those groups with the processes that keep them. */
  describeStrays(): string {
    const members = (group: string) => tryRead(join(group, "cgroup.procs")).split("\n").filter(Boolean);
    const command = (pid: string) =>
      tryRead(`/proc/${pid}/cmdline`).replaceAll("\0", " ") || tryRead(`/proc/${pid}/stat`);
    return this.strayGroups.map((group) => `${group}: ${members(group).map(command).join(" | ")}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  /** Any tool's structured content. Throws the message of an error. */
  async tool(name: string, args: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(this.#url, { method: "POST", headers, body });
    const { result, error } = (await response.json()) as {
      readonly result?: { readonly structuredContent: Readonly<Record<string, unknown>> };
      readonly error?: { readonly message: string };
    };
    if (result === undefined) throw new Error(error?.message);
    return result.structuredContent;
  }

  /** Of the server's process, in bytes. */
  get residentBytes(): number {
    const status = tryRead(`/proc/${this.#child?.pid}/status`);
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
  }

  async #call(name: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
    const headers = { "Content-Type": "application/json" };
    let answer: WireAnswer;
    try {
      answer = (await (await fetch(this.#url, { method: "POST", headers, body })).json()) as WireAnswer;
    } catch {
      return { kind: "none" };
    }
    const { result, error } = answer;
    if (result !== undefined) {
      const { session_id, session_created, stdout, stderr, interpreter_restarted } = result.structuredContent;
      const restarted = interpreter_restarted === true;
      return { kind: "ran", sessionId: session_id, created: session_created, stdout, stderr, restarted };
    }
    const { error_code = "", context = {} } = error?.data ?? {};
    return { kind: "refused", code: error_code, reason: String(context.reason ?? ""), message: error?.message ?? "" };
  }
}

type WireAnswer = {
  readonly result?: {
    readonly structuredContent: {
      readonly session_id: string;
      readonly session_created: boolean;
      readonly stdout: string;
      readonly stderr: string;
      readonly interpreter_restarted?: boolean;
    };
  };
  readonly error?: {
    readonly message: string;
    readonly data?: { readonly error_code: string; readonly context: Readonly<Record<string, unknown>> };
  };
};

export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const startedMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedMs > patienceMs) throw new Error(`it never came about that ${what}`);
    await Bun.sleep(10);
  }
}

export function mountCount(): number {
  return readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;
}

function descendants(pid: number): readonly number[] {
  let children = "";
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      children += ` ${readFileSync(`/proc/${pid}/task/${task}/children`, "utf8")}`;
    }
  } catch {
    // It has ended meanwhile.
  }
  const own = children.split(" ").filter(Boolean).map(Number);
  return own.flatMap((child) => [child, ...descendants(child)]);
}

export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
