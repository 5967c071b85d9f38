// What bounds the edge: one table, each entry with what it bounds and in what unit. Body and header sizes are http/'s.

export type EdgeLimits = {
  /** How deep JSON of a request may nest, in arrays and objects: parsers and validators recurse. */
  readonly jsonDepth: number;
  /** Messages in one batch (2025-03-26 and bare JSON-RPC). */
  readonly batchMessages: number;
  /** MCP sessions remembered at a time; at the cap the one idle the longest is forgotten. */
  readonly mcpSessions: number;
  /** Milliseconds after which an idle MCP session is forgotten. */
  readonly mcpSessionIdleMs: number;
  /** Ids of ended MCP sessions remembered, so that they stay ended. */
  readonly endedMcpSessions: number;
  /** JSON-RPC requests being worked on at a time, of one principal and of all. */
  readonly requestsPerPrincipal: number;
  readonly requests: number;
  /** Event streams open at a time, of one principal and of all. */
  readonly streamsPerPrincipal: number;
  readonly streams: number;
  /** Bytes kept, over all MCP sessions, of events that a client may ask for again; the oldest go first. */
  readonly replayBytes: number;
  /** Ended streams kept for that. */
  readonly replayStreams: number;
  /** Milliseconds an ended stream can be asked for again. */
  readonly replayMs: number;
  /** Bytes one connection may have unread before notifications to it are left out, and before it is cut. */
  readonly unreadBytes: number;
  /** UTF-16 code units of output in one progress message; the newest are kept. */
  readonly progressMessageLength: number;
  /** Milliseconds between two progress notifications of one request. */
  readonly progressIntervalMs: number;
  /** Bytes of one line on stdio. */
  readonly lineBytes: number;
};

export const defaultEdgeLimits: EdgeLimits = {
  jsonDepth: 64,
  batchMessages: 50,
  mcpSessions: 1000,
  mcpSessionIdleMs: 30 * 60_000,
  endedMcpSessions: 10_000,
  requestsPerPrincipal: 256,
  requests: 1024,
  streamsPerPrincipal: 256,
  streams: 1024,
  replayBytes: 32 * 1024 * 1024,
  replayStreams: 1024,
  replayMs: 10 * 60_000,
  unreadBytes: 1024 * 1024,
  progressMessageLength: 8192,
  progressIntervalMs: 250,
  lineBytes: 16 * 1024 * 1024,
};

/** What the operator may set of them. */
export type EdgeSettings = {
  readonly maxJsonDepth: number;
  readonly maxMcpSessions: number;
  readonly maxConcurrentRequests: number;
  readonly maxConcurrentRequestsPerPrincipal: number;
  readonly maxRequestBytes: number;
};

export function edgeLimits(settings: EdgeSettings): EdgeLimits {
  return {
    ...defaultEdgeLimits,
    jsonDepth: settings.maxJsonDepth,
    mcpSessions: settings.maxMcpSessions,
    requests: settings.maxConcurrentRequests,
    requestsPerPrincipal: settings.maxConcurrentRequestsPerPrincipal,
    streams: settings.maxConcurrentRequests,
    streamsPerPrincipal: settings.maxConcurrentRequestsPerPrincipal,
    lineBytes: settings.maxRequestBytes,
  };
}
