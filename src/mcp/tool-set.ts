// What the edge asks of the tools: their list as it goes to the wire, and one call. The edge knows no single tool, and
// the tools know no transport. tool.ts and catalog.ts make the product's; test/conformance/ makes another for the suites.

import type { CallToolResult, Tool } from "@modelcontextprotocol/sdk/types.js";
import type { Audience } from "./caller.ts";

export type CallAccount = {
  /** Milliseconds that it spent waiting for a sandbox and running in it; null if it ran nothing. */
  spentMs: number | null;
  /** The kind of Failure that it came to. */
  failure: string | undefined;
};

export type CallContext = {
  /** Who calls, as decided before the edge. */
  readonly principal: string;
  readonly audience: Audience;
  /** Aborts when the client cancelled, or left where leaving is cancelling, or the server stops. */
  readonly signal: AbortSignal;
  /** Names this call in the log, and to the client if it fails unexpectedly. Unique in this process's life. */
  readonly requestId: string;
  /** What there is to tell of the call beside its result, filled in by whoever carries it out. */
  readonly account: CallAccount;
  /** Reports a chunk of output as text. Throttling and caps are the edge's. Does nothing if the client asked for no progress. */
  readonly progress: (message: string) => void;
};

export interface ToolSet {
  /** The same for every caller and connection, in the same order. */
  list(): readonly Tool[];
  /**
   * Whether it throws or rejects is the same. Errors that have a numeric `code` of their own (and `data`) go to the wire as they are; anything else thrown is
   * answered as an internal error that tells nothing but the request id.
   */
  call(name: string, args: unknown, context: CallContext): CallToolResult | Promise<CallToolResult>;
}
