// One POST to another node, answered in pieces of text. By node:http and not by fetch: of those Bun has no more than 256 on their way, and a call may take
// as long as a run does.

import http from "node:http";
import https from "node:https";
import type { Clock } from "../../clock.ts";
import { PeerUnreachable } from "./unreachable.ts";

export type Posting = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** Called before the first piece. What it throws ends the exchange. */
  readonly onHead: (status: number, header: (name: string) => string | null) => void;
  /** True: this was all. What it throws ends the exchange. */
  readonly onPiece: (text: string) => boolean;
};

export type Post = (posting: Posting) => Promise<void>;

/** A connection that is not there by then will not be. Milliseconds. */
const connectMs = 5_000;
/** A node that is asked says something every 10 s. Milliseconds. */
const silenceMs = 35_000;
/** Connections to one node that are kept for the next calls. */
const maxKept = 64;

/** Of errors that come before anything could be sent. */
const unsentCodes: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EADDRNOTAVAIL",
  "ConnectionRefused",
  "FailedToOpenSocket",
]);

export type Posts = Disposable & { readonly post: Post };

export function createPosts(clock: Clock): Posts {
  const options = { keepAlive: true, maxFreeSockets: maxKept };
  const agents = { "http:": new http.Agent(options), "https:": new https.Agent(options) };
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
    const code = "code" in cause ? cause.code : undefined;
    const wasSent = isConnected || !unsentCodes.has(code);
    end(new PeerUnreachable(`${url.host} did not answer (${String(code ?? cause.name)})`, { wasSent, cause }));
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
    const brokenOff = () => end(new PeerUnreachable(`${url.host} broke off its answer`, { wasSent: true }));
    guarded(() => onHead(response.statusCode ?? 0, header));
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      heardMs = clock.monotonicMs();
      guarded(() => {
        if (onPiece(text)) end();
      });
    });
    response.on("end", brokenOff);
    response.on("close", brokenOff);
    response.on("error", brokenOff);
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
