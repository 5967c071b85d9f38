// The beginning of what a peer sends, read without losing what comes behind it.

import type { Socket } from "node:net";
import type { Reading } from "./opening.ts";

/**
 * What `parse` makes of the bytes that come; the rest stays in the socket. Undefined if the peer ends before. Rejects with the signal's reason,
 * or if more than `maxBytes` tell nothing.
 */
export async function readBeginning<T>(
  socket: Socket,
  parse: (bytes: Buffer) => Reading<T>,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<T | undefined> {
  let held = Buffer.alloc(0);
  for (;;) {
    signal.throwIfAborted();
    const piece: unknown = socket.read();
    if (piece instanceof Buffer) {
      held = Buffer.concat([held, piece]);
      const reading = parse(held);
      if (reading !== undefined) {
        const rest = held.subarray(reading.used);
        if (rest.length > 0) socket.unshift(rest);
        return reading.value;
      }
      if (held.length > maxBytes) throw new Error(`more than ${maxBytes} bytes tell nothing`);
      continue;
    }
    if (socket.readableEnded || socket.destroyed) return undefined;
    await readable(socket, signal);
  }
}

/** More can be read, or nothing will come. Rejects with the signal's reason. */
function readable(socket: Socket, signal: AbortSignal): Promise<void> {
  const events = ["readable", "end", "close", "error"] as const;
  return new Promise((resolve, reject) => {
    const settle = () => {
      for (const event of events) socket.off(event, settle);
      signal.removeEventListener("abort", settle);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    for (const event of events) socket.on(event, settle);
    signal.addEventListener("abort", settle, { once: true });
  });
}
