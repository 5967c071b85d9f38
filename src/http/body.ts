// A request's body as text, within a number of bytes and a time. What the text means is mcp's to say.

import type { Clock } from "../clock.ts";
import type { Refusal } from "./refusal.ts";

export type BodyLimits = {
  readonly maxBytes: number;
  /** From the call to the last byte, so that a body that trickles in ends too. */
  readonly timeoutMs: number;
};

export type Body =
  | { readonly ok: true; readonly text: string; readonly bytes: number }
  | { readonly ok: false; readonly refusal: Refusal };

export type ReadBody = (request: Request) => Promise<Body>;

/**
 * The function never rejects, and never holds more than `maxBytes` and a chunk; a declared length beyond it is refused before a byte is read.
 * Once `stop` aborts, nobody looks at the time any more.
 */
export function createBodyReader({ maxBytes, timeoutMs }: BodyLimits, clock: Clock, stop?: AbortSignal): ReadBody {
  const watch = createWatch(timeoutMs, clock, stop);
  return (request) => {
    const encoding = request.headers.get("content-encoding");
    if (encoding !== null && encoding.toLowerCase() !== "identity") return Promise.resolve(refused(encoded));
    const declared = request.headers.get("content-length");
    if (declared !== null) {
      if (!(Number(declared) <= maxBytes)) return Promise.resolve(refused(tooLarge(maxBytes)));
      // Bun never reads beyond a declared length.
      return watch(request.arrayBuffer(), decoded);
    }
    // Not asked of the others: the question alone makes a stream of the body.
    if (request.body === null) return Promise.resolve({ ok: true, text: "", bytes: 0 });
    const counted = countedBytes(request.body, maxBytes);
    const read = (bytes: Uint8Array | "too many") =>
      bytes === "too many" ? refused(tooLarge(maxBytes)) : decoded(bytes);
    return watch(counted.bytes, read).finally(counted.stop);
  };
}

type Watch = <Bytes>(bytes: Promise<Bytes>, read: (bytes: Bytes) => Body) => Promise<Body>;

type Reading = { readonly sinceMs: number; readonly resolve: (body: Body) => void };

/** Between two looks at the bodies that are being read. Milliseconds. */
const lookMs = 1_000;

/**
 * Gives a body, or the refusal that it is too slow or ended too early. Most come in one packet with their headers: a timer for each, or a look at
 * the end of each turn of the event loop, would cost a tenth of a quick request's time. So one timer looks at all, while there are any.
 */
function createWatch(timeoutMs: number, clock: Clock, stop: AbortSignal | undefined): Watch {
  /** In the order of their beginnings; as many as there are connections. */
  const readings = new Set<Reading>();
  let isLooking = false;
  const look = async () => {
    isLooking = true;
    while (readings.size > 0 && stop?.aborted !== true) {
      await clock.sleep(lookMs, stop).catch(() => undefined);
      const nowMs = clock.monotonicMs();
      for (const reading of readings) {
        if (nowMs - reading.sinceMs < timeoutMs) break;
        readings.delete(reading);
        reading.resolve(refused(tooSlow(timeoutMs)));
      }
    }
    isLooking = false;
  };
  return (bytes, read) =>
    new Promise((resolve) => {
      const reading: Reading = { sinceMs: clock.monotonicMs(), resolve };
      readings.add(reading);
      if (!isLooking) void look();
      bytes.then(
        (whole) => {
          readings.delete(reading);
          resolve(read(whole));
        },
        () => {
          readings.delete(reading);
          resolve(refused(brokenOff));
        },
      );
    });
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

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function decoded(bytes: ArrayBuffer | Uint8Array): Body {
  try {
    return { ok: true, text: strictUtf8.decode(bytes), bytes: bytes.byteLength };
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

/** RFC 9110 section 15.5.16: the header says which encodings would have been taken. */
const encoded: Refusal = {
  status: 415,
  reason: "body encoded",
  message: "The request's body has a Content-Encoding, and this server takes none. Send it as it is.",
  headers: { ...closing, "Accept-Encoding": "identity" },
};

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
