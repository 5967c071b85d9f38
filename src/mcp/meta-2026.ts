// What a request of 2026-07-28 says of itself in its `_meta`.

import { type IncomingRequest, metaOf } from "./messages.ts";

export const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";
export const CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities";

/** The error of a request that needs a capability that its client has not declared. */
export const MISSING_CAPABILITY = -32021;

/** Whether a request without headers is of this revision: it says so in its `_meta`. */
export function isOf2026(request: IncomingRequest): boolean {
  return metaOf(request.params)?.[VERSION_KEY] !== undefined;
}
