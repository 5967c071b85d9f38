// Spools in a folder of their own, and what can be read from them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "../../../src/events.ts";
import type { Source, Spool } from "../../../src/sessions/executions/spool.ts";
import { Spools } from "../../../src/sessions/executions/spools.ts";

export function openSpools(maxTotalBytes = 1_000_000_000) {
  const parent = mkdtempSync(join(tmpdir(), "msb-mcp-spools-"));
  const folder = join(parent, "executions");
  const events: Event[] = [];
  const spools = new Spools({ folder, maxTotalBytes, emit: (event) => void events.push(event) });
  return { spools, folder, events, [Symbol.dispose]: () => rmSync(parent, { recursive: true, force: true }) };
}

export const bytesOf = (text: string) => new TextEncoder().encode(text);

export async function textOf(spool: Spool, source: Source, offset = 0): Promise<string> {
  const parts: Uint8Array[] = [];
  let next = offset;
  for await (const chunk of spool.read(source, offset)) {
    if (chunk.offset !== next) throw new Error(`a piece begins at ${chunk.offset} instead of ${next}`);
    next += chunk.bytes.length;
    parts.push(chunk.bytes);
  }
  return Buffer.concat(parts).toString();
}
