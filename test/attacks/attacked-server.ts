// The real server, from source and over a real socket, as an attacker meets it; and all that its log says.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectRaw } from "../http/raw.ts";

const main = join(import.meta.dir, "../../src/main.ts");

/** How long the server may take to start, in milliseconds, before it is ended and its tests fail. */
const patienceMs = 120_000;

export type Asked = {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
};

export type Answered = { readonly status: number; readonly headers: Headers; readonly text: string };

export class AttackedServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly stateDir: string;
  readonly #log: { text: string };

  private constructor(
    child: Bun.Subprocess<"ignore", "ignore", "pipe">,
    stateDir: string,
    log: { text: string },
    url: string,
  ) {
    this.#child = child;
    this.stateDir = stateDir;
    this.#log = log;
    this.url = url;
  }

  /** Ended after `lifeMs`, whatever becomes of its tests. */
  static async start(flags: readonly string[], lifeMs = patienceMs): Promise<AttackedServer> {
    const stateDir = await mkdtemp(join(tmpdir(), "msb-mcp-attacked-"));
    const fixed = ["--port", "0", "--backend", "namespace", "--state-dir", stateDir, "--log-level", "DEBUG"];
    const child = Bun.spawn([process.execPath, main, ...fixed, ...flags], {
      env: { PATH: process.env.PATH ?? "" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: lifeMs,
      killSignal: "SIGKILL",
    });
    const log = { text: "" };
    const listening = Promise.withResolvers<string>();
    const read = async () => {
      const decoder = new TextDecoder();
      for await (const bytes of child.stderr) {
        log.text += decoder.decode(bytes, { stream: true });
        const url = /"event":"server\.listening".*?"url":"([^"]+)"/.exec(log.text)?.[1];
        if (url !== undefined) listening.resolve(url);
      }
      listening.reject(new Error(`the server ended with ${await child.exited} before it listened:\n${log.text}`));
    };
    void read();
    return new AttackedServer(child, stateDir, log, await listening.promise);
  }

  get log(): string {
    return this.#log.text;
  }

  /** Resident memory in MiB. */
  async rssMib(): Promise<number> {
    const status = await Bun.file(`/proc/${this.#child.pid}/status`).text();
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
  }

  /** A request as a client library makes it; `ping` unless another body is given. */
  async ask({ body = ping, headers = {}, method = "POST" }: Asked = {}): Promise<Answered> {
    const response = await fetch(this.url, {
      method,
      headers: { "Content-Type": "application/json", ...headers },
      ...(method === "POST" && { body }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** These bytes on a connection of their own; all that came back until the server closed it. */
  async askRaw(text: string): Promise<string> {
    using connection = await connectRaw(this.url);
    connection.send(text);
    return await connection.closed;
  }

  /** The lines that `attack` leaves in the log, as `event status reason`; a probe of a healthy caller's, sent afterwards, comes through. */
  async linesOf(attack: () => Promise<unknown>): Promise<readonly string[]> {
    const from = this.#log.text.length;
    await attack();
    // The log is another pipe than the answer: a line may come a moment after it.
    for (let tries = 0; tries < 100 && this.#log.text.length === from; tries++) await Bun.sleep(5);
    return this.#log.text
      .slice(from)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const { event, status, reason } = JSON.parse(line);
        return [event, status, reason].join(" ");
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.exited;
    await rm(this.stateDir, { recursive: true, force: true });
  }
}

export const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

export function toolCall(name: string, args: Readonly<Record<string, unknown>>, id = 1): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } });
}
