// The listening socket: what Bun is told so that slow clients are bounded and slow answers are not.

import { type Clock, within } from "../clock.ts";
import type { App } from "./app.ts";

export type Listening = {
  readonly url: string;
  /** Takes no new connections. Those that are on go on. */
  stopAccepting(): void;
  /** Resolves when no request waits for its answer. */
  untilAnswered(): Promise<void>;
  /** Lets answers that are on their way arrive, for a while, and cuts what is left. */
  close(): Promise<void>;
};

export type ListenOptions = {
  readonly hostname: string;
  readonly port: number;
  readonly clock: Clock;
  /** Connections on which nothing happens are cut after this, half-sent headers among them. Seconds, at most Bun's 255. */
  readonly idleTimeoutS?: number;
  /** Only who shows a certificate of these authorities is answered, and only over TLS. In PEM. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string } | undefined;
};

type Server = Bun.Server<undefined>;

/** How long answers that have been given may take to reach their clients once the server stops. Milliseconds. */
const flushMs = 3_000;

/** Throws what Bun throws: with the code EADDRINUSE where the port is taken. */
export function listen(
  app: Pick<App, "fetch" | "postMcp">,
  { hostname, port, clock, idleTimeoutS = 240, tls }: ListenOptions,
): Listening {
  /** Requests whose answers are awaited. As many as there are connections; the edge bounds those that it works on. */
  const unanswered = new Set<Request>();
  /** Those of them whose connections have been told to wait. */
  const waiting = new Set<Request>();
  const stop = new AbortController();
  let allAnswered: PromiseWithResolvers<void> | undefined;

  const awaited = (request: Request, answer: Promise<Response>): void => {
    unanswered.add(request);
    const done = () => {
      unanswered.delete(request);
      if (unanswered.size === 0) allAnswered?.resolve();
      // The wait would stay on the connection for the requests that come after.
      if (waiting.delete(request)) for (const each of servers) each.timeout(request, idleTimeoutS);
    };
    answer.then(done, done);
  };

  const { postMcp } = app;
  const routes: Record<string, { POST: (request: Request) => Response | Promise<Response> }> =
    postMcp === undefined ? {} : { "/mcp": { POST: (request) => postMcp(request, awaited) } };
  const options = {
    port,
    // Two servers on one port would each get half of the requests, and neither would know.
    reusePort: false,
    // Otherwise an unexpected error is answered with a page that shows source lines.
    development: false,
    idleTimeout: idleTimeoutS,
    // The body's limit is body.ts's, which answers in JSON and with CORS headers.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    routes,
    fetch: (request: Request) => app.fetch(request, awaited),
    ...(tls !== undefined && { tls: { ...tls, requestCert: true, rejectUnauthorized: true } }),
  };
  const serve = (name: string, on: number) => Bun.serve({ ...options, hostname: name, port: on });
  const { server, bound } = bind(hostname, (name) => serve(name, port));
  const servers = [server, ...twinsOf(server, hostname, bound, (name) => serve(name, server.port ?? port))];

  // A run may be silent for longer than a connection may. Each request could say so when it comes, at the price of a tenth of its time;
  // only those that are still there at the next look do. Event streams need no wait: they send something every 15 s.
  const look = async () => {
    for (;;) {
      const before = [...unanswered];
      await clock.sleep(idleTimeoutS * 250, stop.signal);
      for (const request of before) {
        if (!unanswered.has(request) || waiting.has(request)) continue;
        waiting.add(request);
        for (const each of servers) each.timeout(request, 0);
      }
    }
  };
  look().catch(() => undefined);

  return {
    url: `${tls === undefined ? "http" : "https"}://${bound.includes(":") ? `[${bound}]` : bound}:${server.port}`,
    stopAccepting: () => {
      for (const each of servers) void each.stop();
    },
    untilAnswered: () => {
      allAnswered ??= Promise.withResolvers();
      if (unanswered.size === 0) allAnswered.resolve();
      return allAnswered.promise;
    },
    close: async () => {
      stop.abort();
      await within(Promise.all(servers.map((each) => each.stop())), flushMs, clock);
      await Promise.all(servers.map((each) => each.stop(true)));
    },
  };
}

/**
 * `localhost` is both loopback addresses, and clients try either. The other one is served on the same port where it is there; that it is another
 * server's port is an error, as it would get a part of the requests.
 */
function twinsOf(server: Server, hostname: string, bound: string, serve: (name: string) => Server): readonly Server[] {
  if (hostname !== "localhost") return [];
  try {
    return [serve(bound.includes(":") ? "127.0.0.1" : "::1")];
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) return [];
    void server.stop(true);
    throw error;
  }
}

/** `localhost` is a loopback address by RFC 6761, even where nothing resolves it: in a container or a machine without /etc/hosts. */
function bind<T>(hostname: string, serve: (name: string) => T): { readonly server: T; readonly bound: string } {
  try {
    return { server: serve(hostname), bound: hostname };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (hostname !== "localhost" || code === "EADDRINUSE") throw error;
    return { server: serve("127.0.0.1"), bound: "127.0.0.1" };
  }
}
