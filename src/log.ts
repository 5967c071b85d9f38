// Events as JSON lines for the operator, secrets taken out. What happened is events.ts's; this only decides how it reads.

import type { Emit, Event } from "./events.ts";

export type LogLevel = "DEBUG" | "INFO" | "WARNING" | "ERROR";

const severities: Readonly<Record<LogLevel, number>> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 };

const levels: Readonly<Record<Event["type"], LogLevel>> = {
  "server.listening": "INFO",
  "server.limits": "INFO",
  "server.stopping": "INFO",
  "server.warning": "WARNING",
  "session.opened": "INFO",
  "session.failed": "WARNING",
  "session.closed": "INFO",
  "sandbox.lost": "WARNING",
  "execution.ended": "DEBUG",
  "request.refused": "WARNING",
  "request.failed": "ERROR",
};

/** Subscriber that writes a line for each event at or above `level`. `write` gets whole lines. */
export function createLog(level: LogLevel, write: (line: string) => void, now: () => number): Emit {
  return (event) => {
    const its = levels[event.type];
    if (severities[its] < severities[level]) return;
    const { type, ...fields } = event;
    const time = new Date(now()).toISOString();
    write(`${JSON.stringify({ time, level: its, event: type, ...fields }, readable)}\n`);
  };
}

function readable(_key: string, value: unknown): unknown {
  if (value instanceof Error) return redact(causes(value));
  return typeof value === "string" ? redact(value) : value;
}

/** Stacks, the causes' included; at most five of them. */
function causes(error: Error): string {
  const stacks: string[] = [];
  for (let at: unknown = error; at instanceof Error && stacks.length < 5; at = at.cause)
    stacks.push(at.stack ?? at.message);
  return stacks.join("\ncaused by: ");
}

/** What a token, a key or a URL's password looks like. */
const secrets: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer)\s+[^\s"',;]+/gi, "$1 [redacted]"],
  [/\bmsb_[\w.-]{8,}/g, "[redacted]"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "[redacted]"],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi, "$1[redacted]@"],
];

function redact(text: string): string {
  return secrets.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text);
}
