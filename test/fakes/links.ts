// What signs URLs of files in tests, with a key of its own.

import type { Clock } from "../../src/clock.ts";
import { createFileLinks } from "../../src/http/files/links.ts";

export function fakeLinks(clock: Clock, maxBytes = 1_000_000_000, publicUrl?: string) {
  const key = new Uint8Array(32).fill(7);
  return createFileLinks({ key, publicUrl, maxBytes, lifetimeMs: 3_600_000, clock });
}
