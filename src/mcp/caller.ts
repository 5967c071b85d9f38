// Who calls, as established before the edge. MCP sessions belong to their principal.

export type Caller = {
  readonly principal: string;
  /** When the request came, on the monotonic clock: a call's time begins there. Undefined: when it is handed to its tool. */
  readonly arrivedMs?: number | undefined;
};
