// A request's body as text, within a number of bytes and a time. What the text means is mcp's to say.

import type { Clock } from "../clock.ts";
import type { Refusal } from "./refusal.ts";

export type BodyLimits = {
  readonly maxBytes: number;
  /** From the call to the last byte, so that a body that trickles in ends too. */
  readonly timeoutMs: number;
};

export type Body = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly refusal: Refusal };

/** Never holds more than `maxBytes` and a chunk; a declared length beyond it is refused before a byte is read. */
export async function readBody(request: Request, { maxBytes, timeoutMs }: BodyLimits, clock: Clock): Promise<Body> {
  const declared = request.headers.get("content-length");
  if (declared !== null && !(Number(declared) <= maxBytes)) return refused(tooLarge(maxBytes));
  // Asked only where there may be none: the question alone makes a stream of the body.
  if (declared === null && request.body === null) return { ok: true, text: "" };

  // Bun never reads beyond a declared length; only a body without one has to be counted while it comes.
  const counted = declared === null && request.body !== null ? countedBytes(request.body, maxBytes) : undefined;
  try {
    const bytes = await within(counted?.bytes ?? request.bytes(), timeoutMs, clock);
    if (bytes === "timed out") return refused(tooSlow(timeoutMs));
    return bytes === "too many" ? refused(tooLarge(maxBytes)) : decoded(bytes);
  } catch {
    return refused(brokenOff);
  } finally {
    counted?.stop();
  }
}

function countedBytes(body: ReadableStream<Uint8Array>, maxBytes: number) {
  const reader = body.getReader();
  const read = async (): Promise<Uint8Array | "too many"> => {
    const chunks: Uint8Array[] = []; // at most maxBytes in all, and the chunk that is one too many
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return Buffer.concat(chunks, size);
      size += value.byteLength;
      if (size > maxBytes) return "too many";
      chunks.push(value);
    }
  };
  return { bytes: read(), stop: () => void reader.cancel().catch(() => undefined) };
}

async function within<T>(wanted: Promise<T>, timeoutMs: number, clock: Clock): Promise<T | "timed out"> {
  // Most bodies come in one packet with their headers: a timer for each would cost a quarter of the request's time.
  const soon = await Promise.race([wanted, nextTurn()]);
  if (soon !== "not yet") return soon;
  const timer = new AbortController();
  try {
    return await Promise.race([wanted, clock.sleep(timeoutMs, timer.signal).then(() => "timed out" as const)]);
  } finally {
    timer.abort();
  }
}

function nextTurn(): Promise<"not yet"> {
  return new Promise((resolve) => setImmediate(() => resolve("not yet")));
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function decoded(bytes: Uint8Array): Body {
  try {
    return { ok: true, text: strictUtf8.decode(bytes) };
  } catch {
    return refused(notUtf8);
  }
}

function refused(refusal: Refusal): Body {
  return { ok: false, refusal };
}

/** The connection ends with the answer: the rest of a body nobody reads is not waited for. */
const closing = { Connection: "close" };

function tooLarge(maxBytes: number): Refusal {
  return {
    status: 413,
    reason: "body too large",
    message: `The request's body is larger than ${maxBytes} bytes, the most this server takes. Send less at a time.`,
    headers: closing,
  };
}

function tooSlow(timeoutMs: number): Refusal {
  return {
    status: 408,
    reason: "body too slow",
    message: `The request's body was not complete after ${timeoutMs / 1000} seconds, the longest this server waits.`,
    headers: closing,
  };
}

const brokenOff: Refusal = {
  status: 400,
  reason: "body broken off",
  message: "The request's body ended before it was complete.",
  headers: closing,
};

const notUtf8: Refusal = {
  status: 400,
  code: -32700,
  reason: "body not UTF-8",
  message: "Parse error: the request's body is not valid UTF-8, the only encoding of JSON (RFC 8259, section 8.1).",
};
