// The listening socket: what Bun is told so that slow clients are bounded and event streams are not.

import type { App } from "./app.ts";

export type Listening = {
  readonly url: string;
  /** Takes no new connections. Those that are on go on. */
  stopAccepting(): void;
  /** Cuts what is left. */
  close(): Promise<void>;
};

/** Headers that do not come, and connections that are kept for nothing, are cut after this. Seconds. */
const idleTimeoutS = 30;

/** Throws what Bun throws: with the code EADDRINUSE where the port is taken. */
export function listen(app: App, hostname: string, port: number): Listening {
  const server = Bun.serve({
    hostname,
    port,
    // Two servers on one port would each get half of the requests, and neither would know.
    reusePort: false,
    // Otherwise an unexpected error is answered with a page that shows source lines.
    development: false,
    idleTimeout: idleTimeoutS,
    // The body's limit is body.ts's, which answers in JSON and with CORS headers.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    async fetch(request, self) {
      // The headers are here; from now on body.ts bounds the body, and the run its own time.
      self.timeout(request, 0);
      const response = await app.fetch(request);
      // The 0 stays on the connection: it is taken back, or the connection ends with its stream.
      const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
      if (isStream) response.headers.set("connection", "close");
      else self.timeout(request, idleTimeoutS);
      return response;
    },
  });
  return {
    url: `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${server.port}`,
    stopAccepting: () => void server.stop(),
    close: () => server.stop(true),
  };
}
