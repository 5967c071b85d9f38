// The connection to Valkey or Redis, by a kept client: runs scripts, each within a time, and hears a channel. It connects again by itself.
// ioredis is loaded only when a connection is opened.

import type { Cluster, ClusterOptions, Redis, RedisOptions } from "ioredis";
import type { Clock } from "../../clock.ts";
import { RegistryUnreachable } from "../port.ts";
import type { Script } from "./scripts.ts";
import { type RegistryAddress, shownAddress } from "./url.ts";

type Client = Redis | Cluster;

export type Connection = {
  /** What the script answers. Rejects with RegistryUnreachable. */
  run(script: Script, key: string, args: readonly (string | number)[]): Promise<unknown>;
  /** Looks whether the connection that hears the channel is still one, and hears it; what is not so is made anew. */
  probe(): void;
} & AsyncDisposable;

export type ConnectionOptions = {
  readonly address: RegistryAddress;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Heard from now on, as long as there is a connection. */
  readonly channel: string;
  readonly onMessage: (message: string) => void;
  /** Called with each new connection. */
  readonly onReady: () => void;
};

/** Does not wait until it is connected. */
export async function connect({
  address,
  clock,
  timeoutMs,
  channel,
  onMessage,
  onReady,
}: ConnectionOptions): Promise<Connection> {
  const open = await opener(address, timeoutMs);
  const shown = shownAddress(address);
  /** Why the last attempt failed. */
  let lastError: string | undefined;
  /** Why this connection is not at the database that was asked for: the client goes on at the first one. */
  let lackOfDatabase: string | undefined;
  const onError = (error: unknown) => {
    lastError = reasonOf(error);
  };
  const asking = open();
  const hearing = open();
  for (const client of [asking, hearing]) client.on("error", onError);
  asking.setMaxListeners(0); // any number of calls may wait for the connection
  asking.on("connect", () => {
    lackOfDatabase = undefined;
  });
  asking.on("error", (error: unknown) => {
    if (isOfSelect(error)) lackOfDatabase = reasonOf(error);
  });
  asking.on("ready", () => {
    lastError = undefined;
    onReady();
  });
  hearing.on("message", (_channel: string, message: string) => onMessage(message));
  let isSubscribed = false;
  const subscribe = async () => {
    try {
      await hearing.subscribe(channel);
      isSubscribed = true;
    } catch (error) {
      onError(error);
    }
  };
  hearing.on("ready", () => void subscribe());
  hearing.on("close", () => {
    isSubscribed = false;
  });
  let isClosed = false;

  const unreachable = (what: string, cause?: unknown) =>
    new RegistryUnreachable(`The registry at ${shown} ${what}`, { cause });

  /** `next`: what there seems to be is no connection any more. */
  const untilReady = async (signal: AbortSignal, next: boolean): Promise<void> => {
    if (asking.status === "ready" && !next) return;
    if (asking.status === "end") void asking.connect().catch(onError);
    const { promise, resolve } = Promise.withResolvers<void>();
    asking.once("ready", resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    asking.off("ready", resolve);
  };

  const ask = async ({ source, sha1 }: Script, key: string, args: readonly (string | number)[]): Promise<unknown> => {
    try {
      return await asking.evalsha(sha1, 1, key, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return await asking.eval(source, 1, key, ...args);
    }
  };

  return {
    async run(script, key, args) {
      if (isClosed) throw unreachable("is not asked any more.");
      const over = new AbortController();
      const time = new AbortController();
      let isSent = false;
      /** What could not be sent at all is sent once there is a connection. */
      const answered = async (): Promise<unknown> => {
        for (;;) {
          await untilReady(over.signal, isSent);
          if (over.signal.aborted) return undefined;
          isSent = true;
          if (lackOfDatabase !== undefined) {
            throw unreachable(`refused the database ${address.database}: ${lackOfDatabase}.`);
          }
          try {
            return await ask(script, key, args);
          } catch (error) {
            if (!(error instanceof Error) || !error.message.includes("enableOfflineQueue")) throw error;
          }
        }
      };
      const late = clock.sleep(timeoutMs, time.signal).then(() => {
        over.abort();
        const why = lastError === undefined ? "" : `: ${lastError}`;
        if (isSent) throw unreachable(`did not answer within ${timeoutMs} ms${why}.`);
        const slow = `: no connection${address.isTls ? " with TLS" : ""} within ${timeoutMs} ms`;
        throw unreachable(`cannot be reached${why || slow}.`);
      });
      late.catch(() => undefined);
      try {
        return await Promise.race([answered(), late]);
      } catch (error) {
        if (error instanceof RegistryUnreachable) throw error;
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        // What the client says of its own state tells an operator nothing.
        throw unreachable(name === "ReplyError" ? `refused: ${message}` : "was lost while it was asked.", error);
      } finally {
        over.abort();
        time.abort();
      }
    },
    probe() {
      if (hearing.status === "ready") void (isSubscribed ? hearing.ping().catch(onError) : subscribe());
      else if (hearing.status === "end" && !isClosed) void hearing.connect().catch(onError);
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      for (const client of [asking, hearing]) client.disconnect();
    },
  };
}

/** Without a full stop. Of a Redis Cluster, what the last of its servers said. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { lastNodeError: last } = error as { readonly lastNodeError?: unknown };
  const message = error.message.replace(/\.$/, "");
  return last instanceof Error ? `${message}: ${last.message.replace(/\.$/, "")}` : message;
}

function isOfSelect(error: unknown): boolean {
  const { command } = (error ?? {}) as { readonly command?: { readonly name?: unknown } };
  return command?.name === "select";
}

/** Of a client of that address. Nothing waits in it while there is no connection, and nothing is sent a second time. */
async function opener(address: RegistryAddress, timeoutMs: number): Promise<() => Client> {
  const { Cluster, Redis } = await import("ioredis");
  const { kind, hosts, isTls, username, password, database, group, sentinelUsername, sentinelPassword } = address;
  const again = (times: number) => Math.min(50 * times, 1000);
  const tls = isTls ? {} : undefined;
  const shared = {
    protocol: 2,
    username,
    password,
    tls,
    connectTimeout: timeoutMs,
    // The server owes an answer: the connection may be one in name only.
    socketTimeout: 2 * timeoutMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // Where that fails it is an error that nobody is told of, and nothing is heard from then on.
    autoResubscribe: false,
    disableClientInfo: true,
    connectionName: "msb-mcp",
    keepAlive: 10_000,
  } satisfies RedisOptions;
  const alone = {
    ...shared,
    db: database,
    enableOfflineQueue: false,
    retryStrategy: again,
    // A server that has become a replica: its place is taken by another one.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  } satisfies RedisOptions;
  const [{ host, port }] = hosts;
  switch (kind) {
    case "server":
      return () => new Redis({ ...alone, host, port });
    case "sentinel":
      return () =>
        new Redis({
          ...alone,
          sentinels: hosts.map((host) => ({ ...host })),
          name: group,
          sentinelUsername,
          sentinelPassword,
          sentinelTLS: tls,
          enableTLSForSentinelMode: isTls,
          sentinelRetryStrategy: again,
          sentinelCommandTimeout: timeoutMs,
          failoverDetector: true,
        });
    case "cluster": {
      const options = {
        redisOptions: shared,
        enableOfflineQueue: false,
        clusterRetryStrategy: again,
        slotsRefreshTimeout: timeoutMs,
      } satisfies ClusterOptions;
      return () =>
        new Cluster(
          hosts.map((host) => ({ ...host })),
          options,
        );
    }
  }
}
