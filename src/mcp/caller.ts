// Who calls, as established before the edge. MCP sessions belong to their principal.

/** Programs speak bare JSON-RPC, agents MCP (CONTRACT.md section 4): what a program parses and what a model reads differ. */
export type Audience = "program" | "agent";

export type Caller = {
  readonly principal: string;
  /** Decided by the way the request is spoken; agents where nobody has said so. */
  readonly audience?: Audience | undefined;
  /** Whether its revision knows blocks of the type `resource_link`, which came with 2025-06-18. Those do where nobody has said otherwise. */
  readonly takesLinks?: boolean | undefined;
  /** When the request came, on the monotonic clock: a call's time begins there. Undefined: when it is handed to its tool. */
  readonly arrivedMs?: number | undefined;
};

/** Of a revision, by its date. */
export function knowsLinks(version: string): boolean {
  return version >= "2025-06-18";
}
