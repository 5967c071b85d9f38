// Bodies that are longer than memory: as fast as the other side takes or gives them, each piece counted, ended when time, the session or the client
// says so.

import { Refused } from "./answers.ts";
import type { Transfer } from "./transfers.ts";

export type Sending = {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves, once nothing more is asked of the pieces, with whether all have gone out. Never rejects. */
  readonly over: Promise<boolean>;
};

/** The pieces are ended early if the client leaves or the signal aborts; the connection is then cut, so that nobody takes a part for the whole. */
export function sending(pieces: AsyncIterator<Uint8Array>, transfer: Transfer, signal: AbortSignal): Sending {
  const over = Promise.withResolvers<boolean>();
  const end = (isWhole: boolean) => {
    signal.removeEventListener("abort", cut);
    over.resolve(isWhole);
  };
  let cut = (): void => undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        cut = () => {
          // Without a reason: Bun prints one on standard error.
          controller.error();
          end(false);
        };
        signal.addEventListener("abort", cut, { once: true });
      },
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (signal.aborted) return;
          if (done === true) {
            controller.close();
            end(true);
            return;
          }
          transfer.moved(value.length);
          controller.enqueue(value);
        } catch {
          cut();
        }
      },
      cancel: () => end(false),
    },
    { highWaterMark: 0 },
  );
  return { body, over: over.promise };
}

export type ReceivingLimits = {
  readonly maxBytes: number;
  /** As Content-Length or Content-Range says; undefined if neither does. */
  readonly expectedBytes: number | undefined;
};

/** The request's body, in pieces. Throws Refused for one that is too large or ends too early; the signal's reason. */
export async function* received(
  request: Request,
  { maxBytes, expectedBytes }: ReceivingLimits,
  transfer: Transfer,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = request.body?.getReader();
  let bytes = 0;
  // Ends the read that is on, if one is.
  const onAbort = () => void reader?.cancel().catch(() => undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (reader !== undefined) {
      signal.throwIfAborted();
      const { done, value } = await reader.read().catch(brokenOff);
      if (done) break;
      bytes += value.length;
      transfer.moved(value.length);
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      yield value;
    }
    signal.throwIfAborted();
    if (expectedBytes !== undefined && bytes !== expectedBytes) brokenOff();
  } finally {
    signal.removeEventListener("abort", onAbort);
    await reader?.cancel().catch(() => undefined);
  }
}

export function tooLarge(maxBytes: number): Refused {
  const message = `The body is larger than ${maxBytes} bytes, the most that is taken here. Send less, or ask the operator to raise --max-transfer-bytes.`;
  return new Refused({ status: 413, error: "too_large", message });
}

function brokenOff(): never {
  const message = "The body ended before it was complete. HEAD tells how much has been kept (Upload-Offset).";
  throw new Refused({ status: 400, error: "broken_off", message });
}
