// The program with the microvm backend, as a benchmark calls it.

import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callTool, post } from "./warm.ts";

export class MeasuredServer implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #url: string;

  private constructor(child: Bun.Subprocess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  static async start(program: string, flags: readonly string[]): Promise<MeasuredServer> {
    const stateDir = await mkdtemp(join(tmpdir(), "bench-state-"));
    const own = ["--backend", "microvm", "--port", "0", "--state-dir", stateDir, "--log-format", "json"];
    const child = Bun.spawn([program, ...own, ...flags], { stdout: "ignore", stderr: "pipe" });
    const decoder = new TextDecoder();
    const reader = child.stderr.getReader();
    let log = "";
    let url: string | undefined;
    while (url === undefined) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`the server ended before it listened:\n${log}`);
      log += decoder.decode(value, { stream: true });
      url = /"event":"server\.listening".*?"url":"([^"]+)"/.exec(log)?.[1];
    }
    void drain(reader);
    return new MeasuredServer(child, url);
  }

  /** Runs 1+1; returns the session's id. */
  run(session_id?: string): Promise<string> {
    return callTool(this.#url, { code: "1+1", ...(session_id !== undefined && { session_id }) });
  }

  /** A request that runs nothing. */
  async ping(): Promise<void> {
    await post(this.#url, { jsonrpc: "2.0", id: 1, method: "ping" });
  }

  async stop(session_id: string): Promise<void> {
    const params = { name: "stop_session", arguments: { session_id } };
    await post(this.#url, { jsonrpc: "2.0", id: 1, method: "tools/call", params });
  }

  /** Resolves a while after the pool has booted so many in all, when the last one is idle. */
  async poolHasBooted(count: number): Promise<void> {
    const boots = /^msb_mcp_pool_boots_total\{.*success="true".*\} (\d+)$/m;
    const metrics = async () => await (await fetch(new URL("/metrics", this.#url))).text();
    while (Number(boots.exec(await metrics())?.[1] ?? 0) < count) await Bun.sleep(500);
    await Bun.sleep(3000);
  }

  async residentMib(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "latin1");
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.exited;
  }
}

async function drain(reader: { read(): Promise<{ readonly done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
}
