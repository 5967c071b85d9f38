// The two kinds of event stream an answer can become: one that dies with its connection, and one of an MCP session that its
// client can come back to.

import type { Emit } from "../events.ts";
import type { MessageStream } from "./answer.ts";
import type { Awaited } from "./departures.ts";
import type { EdgeLimits } from "./limits.ts";
import type { McpSession } from "./mcp-sessions.ts";
import type { Pulse } from "./pulse.ts";
import type { Replay } from "./replay.ts";
import { formatEvent, SseConnection } from "./sse.ts";

/** From here on a client is given an id to resume from at once; older clients choke on the empty event. */
const PRIMING_VERSION = "2025-11-25";

export type PlainStreamOptions = {
  readonly pulse: Pulse;
  readonly emit: Emit;
  readonly limits: EdgeLimits;
  /** Told when the client goes before the end. */
  readonly answer: Awaited;
};

export function openMessageStream({ pulse, emit, limits, answer }: PlainStreamOptions): MessageStream {
  const connection = new SseConnection({ pulse, emit, unreadBytes: limits.unreadBytes, onGone: () => answer.leave() });
  return {
    response: connection.response,
    write: (json, mayBeMissed) => {
      if (!mayBeMissed || connection.keepsUp) connection.write(formatEvent(json));
    },
    end: () => connection.close(),
  };
}

export type ResumableStreamOptions = {
  readonly pulse: Pulse;
  readonly emit: Emit;
  readonly limits: EdgeLimits;
  readonly replay: Replay;
  readonly session: McpSession;
};

export function openResumableStream({ pulse, emit, limits, replay, session }: ResumableStreamOptions): MessageStream {
  const stream = replay.open(session.id);
  const connection: SseConnection = new SseConnection({
    pulse,
    emit,
    unreadBytes: limits.unreadBytes,
    onClosed: () => stream.detach(connection),
  });
  stream.attach(connection, 0);
  if (session.protocolVersion >= PRIMING_VERSION) stream.prime();
  return {
    response: connection.response,
    write: (json, mayBeMissed) => stream.write(json, mayBeMissed),
    end: () => stream.end(),
  };
}
