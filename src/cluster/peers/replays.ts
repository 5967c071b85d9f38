// Whether a proof has been used before. Each process that asks counts its requests, so what has come is a window of bits below its highest count: as
// much memory for a million requests as for one.

import { maxSkewMs } from "./proof.ts";

/** How far a request may have been overtaken by later ones of the same process. */
const windowSize = 65_536;
/** Processes of other nodes that are remembered: 8 KiB each. */
const maxInstances = 4096;

type Window = { highest: number; lastMs: number; readonly bits: Uint32Array };

export class Replays {
  readonly #byInstance = new Map<string, Window>();

  /** Once for each request whose proof is good. False if it has come before, may have, or cannot be remembered. */
  take(instance: string, count: number, nowMs: number): boolean {
    const window = this.#byInstance.get(instance) ?? this.#begin(instance, nowMs);
    if (window === undefined || !Number.isSafeInteger(count) || count < 0) return false;
    if (count <= window.highest - windowSize) return false;
    clearBetween(window, count);
    const slot = count % windowSize;
    const mask = 1 << (slot & 31);
    const word = window.bits[slot >>> 5] ?? 0;
    if ((word & mask) !== 0) return false;
    window.bits[slot >>> 5] = word | mask;
    window.lastMs = nowMs;
    return true;
  }

  /** Undefined where there are too many already: forgetting one would let its requests in again. */
  #begin(instance: string, nowMs: number): Window | undefined {
    if (this.#byInstance.size >= maxInstances) this.#forgetOld(nowMs);
    if (this.#byInstance.size >= maxInstances) return undefined;
    const window = { highest: -1, lastMs: nowMs, bits: new Uint32Array(windowSize / 32) };
    this.#byInstance.set(instance, window);
    return window;
  }

  /** What they sent is by now too old to be taken. */
  #forgetOld(nowMs: number): void {
    for (const [instance, { lastMs }] of this.#byInstance) {
      if (nowMs - lastMs > 2 * maxSkewMs) this.#byInstance.delete(instance);
    }
  }
}

/** Makes room for what lies between the highest count so far and this one. */
function clearBetween(window: Window, count: number): void {
  if (count <= window.highest) return;
  if (count - window.highest >= windowSize) window.bits.fill(0);
  else {
    for (let each = window.highest + 1; each <= count; each++) {
      const slot = each % windowSize;
      window.bits[slot >>> 5] = (window.bits[slot >>> 5] ?? 0) & ~(1 << (slot & 31));
    }
  }
  window.highest = count;
}
