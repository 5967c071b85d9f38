// Answers of the edge's own: an HTTP status and a JSON-RPC error, for requests that never reach the Server.

import type { RequestId } from "@modelcontextprotocol/sdk/types.js";
import { failureTable } from "../failure.ts";
import type { Refused } from "./gate.ts";
import { INVALID_REQUEST } from "./messages.ts";

export type RefusalOptions = {
  /** Of the request that is refused; null if it has none or could not be read. */
  readonly id?: RequestId | null;
  readonly data?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export function refuse(status: number, code: number, message: string, options: RefusalOptions = {}): Response {
  const { id = null, data, headers } = options;
  const error = data === undefined ? { code, message } : { code, message, data };
  return new Response(JSON.stringify({ jsonrpc: "2.0", id, error }), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

export function refuseBusy(refused: Refused, id: RequestId | null): Response {
  const { prefix, errorCode, category, severity } = failureTable.limit_reached;
  const data = {
    error_code: errorCode,
    category,
    severity,
    recovery_suggestions: ["Wait a second and try again."],
    context: {},
  };
  const headers = { "retry-after": "1" };
  return refuse(refused.status, INVALID_REQUEST, `${prefix}: ${refused.reason}`, { id, data, headers });
}

export function accepted(): Response {
  return new Response(null, { status: 202 });
}
