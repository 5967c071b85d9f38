// One of every event there is: a variant that is added to events.ts does not compile until it stands here.

import type { Event } from "../../src/events.ts";

type Samples = { readonly [Type in Event["type"]]: Extract<Event, { readonly type: Type }> };

export const sampleEvents: Samples = {
  "server.listening": { type: "server.listening", url: "http://localhost:8000/mcp", backend: "fake", auth: "none" },
  "server.limits": { type: "server.limits", mechanism: "control groups, version 2" },
  "server.stopping": { type: "server.stopping", signal: "SIGTERM" },
  "server.warning": { type: "server.warning", message: "The kernel is shared." },
  "session.opened": {
    type: "session.opened",
    sessionId: "session-1",
    template: "python",
    flavor: "small",
    bootMs: 812.34,
  },
  "session.failed": { type: "session.failed", sessionId: "session-2", reason: "no room" },
  "session.closed": { type: "session.closed", sessionId: "session-1", reason: "stopped" },
  "sandbox.lost": { type: "sandbox.lost", sessionId: "session-3", reason: "everything in it was killed" },
  "execution.ended": {
    type: "execution.ended",
    sessionId: "session-1",
    principal: "alice",
    template: "python",
    flavor: "small",
    kind: "code",
    ended: "exited",
    success: true,
    exitCode: null,
    queueMs: 1.5,
    bootMs: 812.34,
    runMs: 20,
    stdoutBytes: 3,
    stderrBytes: 0,
    truncatedBytes: 0,
    source: () => "print('the source')",
  },
  "call.ended": {
    type: "call.ended",
    requestId: "r-1",
    tool: "execute_code",
    principal: "alice",
    outcome: "success",
    durationMs: 836,
    wireMs: 2.16,
  },
  "request.received": { type: "request.received", bytes: 120 },
  "response.sent": { type: "response.sent", bytes: 480 },
  "request.refused": { type: "request.refused", reason: "no token", status: 401 },
  "request.failed": { type: "request.failed", requestId: "r-2", error: new Error("out of luck") },
};
