// A redis-server (or valkey-server) of a test's own, on a free port of the loopback interface, with nothing on disk but in a folder of its own.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const programPath = Bun.which("redis-server") ?? Bun.which("valkey-server");

export type RedisServer = {
  readonly port: number;
  readonly url: string;
  /** Ends it at once; `start` brings it back on the same port, with what it had saved. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** It answers nobody until `resume`; connections to it stay. */
  pause(): void;
  resume(): void;
  /** What redis-cli would answer to the words, as text. */
  command(...words: readonly string[]): Promise<string>;
} & AsyncDisposable;

/** Whether tests may start one. Where it is not there, `what` is skipped, and that is said. */
export function hasRedisServer(what: string): boolean {
  if (programPath === null) console.warn(`SKIPPED: ${what}: no redis-server here (apt-get install redis-server)`);
  return programPath !== null;
}

/** `settings` as on redis-server's command line: "--requirepass", "x". */
export async function startRedisServer(settings: readonly string[] = [], port?: number): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-redis-"));
  const ownPort = port ?? (await freePort());
  let running: Bun.Subprocess | undefined;
  const server: RedisServer = {
    port: ownPort,
    url: `redis://127.0.0.1:${ownPort}`,
    async kill() {
      running?.kill("SIGKILL");
      await running?.exited;
      running = undefined;
    },
    async start() {
      const own = [
        "--port",
        String(ownPort),
        "--bind",
        "127.0.0.1",
        "--dir",
        folder,
        "--save",
        "",
        "--appendonly",
        "no",
      ];
      running = Bun.spawn([programPath ?? "redis-server", ...own, ...settings], { stdout: "ignore", stderr: "ignore" });
      for (;;) {
        if (running.exitCode !== null) throw new Error(`redis-server ended with ${running.exitCode}`);
        const answer = await server.command("PING").catch(() => "");
        // It is there, whether or not it wants a password first.
        if (/PONG|NOAUTH/.test(answer)) return;
        await Bun.sleep(20);
      }
    },
    pause: () => running?.kill("SIGSTOP"),
    resume: () => running?.kill("SIGCONT"),
    command: (...words) => ask(ownPort, words),
    async [Symbol.asyncDispose]() {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer().on("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}

/** One command as a line; what comes back until the connection has been asked to end. */
async function ask(port: number, words: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let heard = "";
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => {
        socket.write(bulk(words) + bulk(["QUIT"]));
      },
      data: (_socket, data) => {
        heard += data.toString();
      },
      close: () => resolve(heard.replace(/\+OK\r\n$/, "").trim()),
      error: (_socket, error) => reject(error),
    },
  });
  return promise;
}

function bulk(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}
