// A redis-server (or valkey-server) of a test's own, on a free port of the loopback interface, with nothing on disk but in a folder of its own.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const programPath = Bun.which("redis-server") ?? Bun.which("valkey-server");
const clientPath = Bun.which("redis-cli") ?? Bun.which("valkey-cli");

export type RedisServer = {
  readonly port: number;
  readonly url: string;
  /** Ends it at once; `start` brings it back on the same port, with what it had saved. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** It answers nobody until `resume`; connections to it stay. */
  pause(): void;
  resume(): void;
  /** What redis-cli prints for the words. */
  command(...words: readonly string[]): Promise<string>;
} & AsyncDisposable;

/** Whether tests may start one. Where it is not there, `what` is skipped, and that is said. */
export function hasRedisServer(what: string): boolean {
  const isThere = programPath !== null && clientPath !== null;
  if (!isThere) console.warn(`SKIPPED: ${what}: no redis-server here (apt-get install redis-server)`);
  return isThere;
}

/** `settings` as on redis-server's command line: "--requirepass", "x". `file`: what a Sentinel reads and writes. */
export async function startRedisServer(
  settings: readonly string[] = [],
  { file }: { readonly file?: string } = {},
): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-redis-"));
  const ownPort = await freePort();
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
      const place = ["--port", String(ownPort), "--bind", "127.0.0.1", "--dir", folder];
      // With a file of its own it is a Sentinel, which has nothing to save.
      const own = file === undefined ? [...place, "--save", "", "--appendonly", "no"] : [file, ...place];
      running = Bun.spawn([programPath ?? "redis-server", ...own, ...settings], { stdout: "ignore", stderr: "ignore" });
      for (;;) {
        if (running.exitCode !== null) throw new Error(`redis-server ended with ${running.exitCode}`);
        const answer = await server.command("PING");
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

/** One of the loopback interface that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer().on("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}

async function ask(port: number, words: readonly string[]): Promise<string> {
  const asking = Bun.spawn([clientPath ?? "redis-cli", "-p", String(port), ...words], { stderr: "ignore" });
  return (await asking.stdout.text()).trim();
}
