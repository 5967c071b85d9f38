// The compiled program under load: started, watched, stopped.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");

/** Fewer than there are slots, and memory for fewer still when medium ones come together: both make the server evict. */
export const maxSessions = 32;
const maxTotalMemoryMb = 40 * 1024;
const sampleEveryMs = 1000;

export class LoadedServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly #stateDir: string;
  /** MiB, one a second. */
  readonly #samples: number[] = [];
  readonly #sampling: NodeJS.Timeout;

  private constructor(url: string, child: Bun.Subprocess<"ignore", "ignore", "pipe">, stateDir: string) {
    this.url = url;
    this.#child = child;
    this.#stateDir = stateDir;
    this.#sampling = setInterval(() => void this.#sample(), sampleEveryMs);
  }

  /** Builds the program if it is not there. */
  static async start(): Promise<LoadedServer> {
    const binary = join(root, "dist/msb-mcp");
    if (!(await Bun.file(binary).exists())) await Bun.$`${process.execPath} run build`.cwd(root).quiet();
    const stateDir = await mkdtemp(join(tmpdir(), "msb-mcp-load-"));
    const flags = [
      ...["--port", "0", "--backend", "namespace", "--state-dir", stateDir, "--log-format", "json"],
      ...["--max-sessions", String(maxSessions), "--max-total-memory-mb", String(maxTotalMemoryMb)],
      // Nobody is refused for want of room: of as many sessions as there are clients, others are always idle.
      ...["--admission-wait", "60"],
    ];
    const child = Bun.spawn([binary, ...flags], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const listening = Promise.withResolvers<string>();
    const read = async () => {
      const decoder = new TextDecoder();
      let begun = "";
      for await (const bytes of child.stderr) {
        if (begun.length > 100_000) continue;
        begun += decoder.decode(bytes, { stream: true });
        const url = /"url":"([^"]+)"/.exec(begun)?.[1];
        if (url !== undefined) listening.resolve(url);
      }
      listening.reject(new Error(`the server ended before it listened:\n${begun}`));
    };
    void read();
    return new LoadedServer(await listening.promise, child, stateDir);
  }

  async metrics(): Promise<string> {
    return await (await fetch(new URL("/metrics", this.url))).text();
  }

  /** Medians of the second and of the last quarter of the time since the start, in MiB: in the first one the program finds its size. */
  memory(): { readonly firstMib: number; readonly lastMib: number; readonly mostMib: number } {
    const quarter = Math.ceil(this.#samples.length / 4);
    return {
      firstMib: median(this.#samples.slice(quarter, 2 * quarter)),
      lastMib: median(this.#samples.slice(-quarter)),
      mostMib: Math.max(...this.#samples),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sampling);
    this.#child.kill("SIGTERM");
    await this.#child.exited;
    await rm(this.#stateDir, { recursive: true, force: true });
  }

  async #sample(): Promise<void> {
    const status = await Bun.file(`/proc/${this.#child.pid}/status`).text();
    this.#samples.push(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
