// A POST to another node by node:http: it tells whether there was a connection, and there may be as many as are needed.

import http from "node:http";
import https from "node:https";
import type { Clock } from "../../clock.ts";
import { type Posting, type Posts, silenceMs } from "./posting.ts";
import type { PeerTls } from "./tls.ts";
import { isUntrusted, notAnswered, PeerUnreachable, wasSentBefore } from "./unreachable.ts";

/** A connection that is not there by then will not be. Milliseconds. */
const connectMs = 5_000;
/** Connections to one node that are kept for the next calls. */
const maxKept = 64;

export function createPostsBySocket(clock: Clock, tls?: PeerTls): Posts {
  const options = { keepAlive: true, maxFreeSockets: maxKept, noDelay: true };
  const agents = { "http:": new http.Agent(options), "https:": new https.Agent({ ...options, ...tls }) };
  return {
    post: (posting) => send(posting, agents, clock),
    [Symbol.dispose]: () => {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

/** Resolves once `onPiece` said so. Rejects with PeerUnreachable, with the signal's reason, and with what the two throw. */
function send(
  { url, headers, body, signal, onHead, onPiece }: Posting,
  agents: { readonly "http:": http.Agent; readonly "https:": https.Agent },
  clock: Clock,
): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const done = Promise.withResolvers<void>();
  const over = new AbortController();
  let isConnected = false;
  let isAnswered = false;
  let heardMs = clock.monotonicMs();
  const isSecure = url.protocol === "https:";
  const options = { method: "POST", agent: agents[isSecure ? "https:" : "http:"], headers: { ...headers } };
  const request = (isSecure ? https : http).request(url, options);
  const end = (why?: unknown) => {
    if (over.signal.aborted) return;
    over.abort();
    signal.removeEventListener("abort", onAbort);
    if (why === undefined) done.resolve();
    else {
      request.destroy();
      done.reject(why);
    }
  };
  const onAbort = () => end(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  request.on("socket", (socket) => {
    if (!socket.connecting) isConnected = true;
    else socket.once("connect", () => (isConnected = true));
  });
  request.on("error", (cause) => {
    end(notAnswered(url.host, cause, (isConnected && !isUntrusted(cause)) || wasSentBefore(cause)));
  });
  request.on("response", (response) => {
    const header = (name: string) => {
      const value = response.headers[name];
      return typeof value === "string" ? value : null;
    };
    const guarded = (act: () => void) => {
      try {
        if (!over.signal.aborted) act();
      } catch (error) {
        end(error);
      }
    };
    // Not before its end, so that the connection is free for the next call.
    const ended = () =>
      end(isAnswered ? undefined : new PeerUnreachable(`${url.host} broke off its answer`, { wasSent: true }));
    guarded(() => onHead(response.statusCode ?? 0, header));
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      heardMs = clock.monotonicMs();
      guarded(() => {
        if (!isAnswered) isAnswered = onPiece(text);
      });
    });
    response.on("end", ended);
    response.on("close", ended);
    response.on("error", ended);
  });
  const watch = async () => {
    await clock.sleep(connectMs, over.signal);
    if (!isConnected) end(new PeerUnreachable(`${url.host} takes no connection`, { wasSent: false }));
    for (;;) {
      const leftMs = heardMs + silenceMs - clock.monotonicMs();
      if (leftMs <= 0) return end(new PeerUnreachable(`${url.host} has fallen silent`, { wasSent: true }));
      await clock.sleep(leftMs, over.signal);
    }
  };
  watch().catch(() => undefined);
  request.end(body);
  return done.promise;
}
