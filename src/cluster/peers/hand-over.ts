// An HTTP request as it is handed on to another node, and the answer as it comes back: streams in both directions, as fast as the slower side.

import { proofHeader } from "./proof.ts";
import type { PeerTls } from "./tls.ts";
import { notAnswered, PeerUnreachable, wasSentBefore } from "./unreachable.ts";

/** What the file routes and event streams look at. No cookie and no token goes on: who calls is in the proof. */
const handedOn = [
  "accept",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-event-id",
  "mcp-protocol-version",
  "mcp-session-id",
  "range",
] as const;

/** Of one connection, and told anew for the other one. */
const ofOneConnection = ["connection", "date", "keep-alive", "transfer-encoding"] as const;

/** As much is read before it is answered, with its length: Bun sends a stream without one. */
const maxWholeBytes = 1024 * 1024;

/** Rejects with PeerUnreachable; where the client has left, with its signal's reason. */
export async function handOver(url: URL, proof: string, request: Request, tls?: PeerTls): Promise<Response> {
  const headers = new Headers({ [proofHeader]: proof });
  for (const name of handedOn) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const { method, signal } = request;
  const body = method === "GET" || method === "HEAD" ? null : request.body;
  // Answers are not ours to unpack, and last as long as they do.
  const init = { method, headers, body, signal, redirect: "manual", decompress: false, timeout: false } as const;
  const response = await fetch(url, tls === undefined ? init : { ...init, tls }).catch((cause: unknown) => {
    if (signal.aborted) throw signal.reason;
    throw notAnswered(url.host, cause, wasSentBefore(cause));
  });
  return await copied(response, method);
}

async function copied(response: Response, method: string): Promise<Response> {
  const { status } = response;
  const headers = new Headers(response.headers);
  for (const name of ofOneConnection) headers.delete(name);
  const bytes = Number(headers.get("content-length") ?? Number.NaN);
  if (method === "HEAD" || response.body === null) return new Response(null, { status, headers });
  if (bytes > maxWholeBytes || Number.isNaN(bytes)) {
    return new Response(relayed(response.body), { status, headers });
  }
  const whole = await response.arrayBuffer().catch((cause: unknown) => {
    throw new PeerUnreachable("a node broke off its answer", { wasSent: true, cause });
  });
  return new Response(whole, { status, headers });
}

/** The same; where it breaks off, the client's connection is cut, so that it takes no part for the whole. */
function relayed(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch {
          // Without a reason: Bun prints one on standard error.
          controller.error();
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
