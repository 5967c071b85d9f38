// A request that is turned away before it is MCP: what the caller and the log are told, and its one shape on the wire.

import type { Emit } from "../events.ts";

export type Refusal = {
  readonly status: 400 | 401 | 403 | 408 | 413 | 415 | 503;
  /** The fact alone, for the log: nothing of the request's own text is in it. */
  readonly reason: string;
  /** For the caller: what was refused and what is allowed. Quote foreign text with `quoted` only. */
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON-RPC error code; -32600 (invalid request) unless given. */
  readonly code?: -32600 | -32603 | -32700;
};

/** Characters of foreign text that a message repeats. */
const maxQuotedCharacters = 80;

/** Tells the log and answers. The id is null because nothing of the body has been believed yet (JSON-RPC 2.0, section 5). */
export function refuse(refusal: Refusal, emit: Emit): Response {
  emit({ type: "request.refused", reason: refusal.reason, status: refusal.status });
  const error = { code: refusal.code ?? -32600, message: refusal.message };
  return Response.json({ jsonrpc: "2.0", id: null, error }, { status: refusal.status, headers: refusal.headers ?? {} });
}

/** Foreign text, safe to repeat to a person or a terminal: printable ASCII only, and not much of it. */
export function quoted(text: string): string {
  const start = text.slice(0, maxQuotedCharacters).replace(/[^\x20-\x7e]/g, "?");
  return `"${start}${text.length > maxQuotedCharacters ? "…" : ""}"`;
}
