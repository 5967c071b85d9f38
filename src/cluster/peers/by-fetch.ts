// A POST to another node by fetch.

import type { Clock } from "../../clock.ts";
import { type Posting, silenceMs } from "./posting.ts";
import type { PeerTls } from "./tls.ts";
import { notAnswered, PeerUnreachable, wasSentBefore } from "./unreachable.ts";

/** As `Post`. */
export async function postByFetch(posting: Posting, clock: Clock, tls?: PeerTls): Promise<void> {
  const { url, headers, body, signal } = posting;
  if (signal.aborted) throw signal.reason;
  const over = new AbortController();
  const cut = new AbortController();
  const onAbort = () => cut.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let heardMs = clock.monotonicMs();
  const watch = async () => {
    for (;;) {
      const leftMs = heardMs + silenceMs - clock.monotonicMs();
      if (leftMs <= 0) return cut.abort(new PeerUnreachable(`${url.host} has fallen silent`, { wasSent: true }));
      await clock.sleep(leftMs, over.signal);
    }
  };
  watch().catch(() => undefined);
  try {
    const init = { method: "POST", headers, body, signal: cut.signal, redirect: "manual", timeout: false } as const;
    const response = await fetch(url, tls === undefined ? init : { ...init, tls });
    await read(response, posting, () => {
      heardMs = clock.monotonicMs();
    });
  } catch (error) {
    if (cut.signal.aborted) throw cut.signal.reason;
    // What is not read to its end is not waited for.
    cut.abort();
    throw isOfFetch(error) ? notAnswered(url.host, error, wasSentBefore(error)) : error;
  } finally {
    over.abort();
    signal.removeEventListener("abort", onAbort);
  }
}

async function read(response: Response, { url, onHead, onPiece }: Posting, onHeard: () => void): Promise<void> {
  onHead(response.status, (name) => response.headers.get(name));
  const brokenOff = () => new PeerUnreachable(`${url.host} broke off its answer`, { wasSent: true });
  // In one piece, as most are.
  if (response.headers.has("content-length")) {
    if (!onPiece(await response.text())) throw brokenOff();
    return;
  }
  const decoder = new TextDecoder();
  let isAnswered = false;
  for await (const piece of response.body ?? []) {
    onHeard();
    // To its end, so that the connection is free for the next call.
    if (!isAnswered) isAnswered = onPiece(decoder.decode(piece, { stream: true }));
  }
  if (!isAnswered) throw brokenOff();
}

/** Those have a code of the system's. */
function isOfFetch(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
