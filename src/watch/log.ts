// Events as lines for the operator, JSON or for people, secrets taken out. What happened is events.ts's; this only decides how it reads.

import type { Emit, Event } from "../events.ts";

export type LogLevel = "DEBUG" | "INFO" | "WARNING" | "ERROR";

export type LogFormat = "json" | "human";

export type LogOptions = {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Gets whole lines, their ends included. */
  readonly write: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
};

const severities: Readonly<Record<LogLevel, number>> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 };

const levels: Readonly<Record<Event["type"], LogLevel>> = {
  "server.listening": "INFO",
  "server.limits": "INFO",
  "server.refused": "ERROR",
  "template.refused": "WARNING",
  "interpreter.found": "INFO",
  "layer.built": "INFO",
  "layer.failed": "WARNING",
  "layer.removed": "INFO",
  "cache.removed": "INFO",
  "server.stopping": "INFO",
  "drain.begun": "INFO",
  "drain.taken_back": "INFO",
  "sessions.kept": "INFO",
  "server.warning": "WARNING",
  "session.opened": "INFO",
  "session.failed": "WARNING",
  "session.evicted": "INFO",
  "session.closed": "INFO",
  "sandbox.adopted": "INFO",
  "orphan.found": "WARNING",
  "orphan.removed": "INFO",
  "orphan.kept": "WARNING",
  "admission.refused": "WARNING",
  "admission.waited": "DEBUG",
  "pool.filled": "DEBUG",
  "pool.missed": "DEBUG",
  "pool.failed": "WARNING",
  "pool.lost": "WARNING",
  "ledger.degraded": "WARNING",
  "ledger.restored": "INFO",
  "sandbox.lost": "WARNING",
  "audit.failed": "WARNING",
  "audit.restored": "INFO",
  "audit.lost": "WARNING",
  "execution.ended": "DEBUG",
  "call.ended": "DEBUG",
  "transfer.ended": "DEBUG",
  "network.refused": "DEBUG",
  "network.closed": "DEBUG",
  "cluster.joined": "INFO",
  "cluster.refused": "ERROR",
  "cluster.forwarded": "DEBUG",
  "cluster.standing": "WARNING",
  "registry.called": "DEBUG",
  "cancel.unmatched": "INFO",
  "request.received": "DEBUG",
  "response.sent": "DEBUG",
  "request.refused": "WARNING",
  "request.failed": "ERROR",
};

/** Subscriber that writes a line for each event at or above `level`. */
export function createLog({ level, format, write, now }: LogOptions): Emit {
  const line = format === "json" ? jsonLine : humanLine;
  return (event) => {
    const its = levelOf(event);
    if (severities[its] < severities[level]) return;
    const { type, ...fields } = event;
    write(`${line(new Date(now()).toISOString(), its, type, fields)}\n`);
  };
}

/** Who was not let in, or not for now, is the operator's concern; what a client got wrong is not, and clients repeat themselves. What is well again is no warning. */
function levelOf(event: Event): LogLevel {
  if (event.type === "cluster.standing") return event.standing === "held" ? "INFO" : levels[event.type];
  if (event.type !== "request.refused") return levels[event.type];
  return [401, 403, 429, 503].includes(event.status) ? "WARNING" : "INFO";
}

type Fields = Readonly<Record<string, unknown>>;

function jsonLine(time: string, level: LogLevel, event: string, fields: Fields): string {
  return oneLine(serialized({ time, level, event, ...fields }));
}

/** `2026-11-24T10:00:00.000Z INFO    session.opened sessionId=session-… bootMs=12.3`; what is null or a function is left out. */
function humanLine(time: string, level: LogLevel, event: string, fields: Fields): string {
  const shown = Object.entries(fields).flatMap(([name, value]) => {
    const text = shownValue(readable(value));
    return text === undefined ? [] : [`${name}=${text}`];
  });
  return [time, level.padEnd(7), event, ...shown].join(" ");
}

function shownValue(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return printable(value);
    case "number":
      return String(Math.round(value * 10) / 10);
    case "boolean":
      return String(value);
    case "object":
      return value === null ? undefined : printable(serialized(value));
    default:
      return undefined;
  }
}

/** In quotes unless it is one plain word. */
function printable(text: string): string {
  return /^[^\s"=\\\p{C}]+$/u.test(text) ? text : oneLine(JSON.stringify(text));
}

/**
 * JSON without any character that could end a line, move a terminal's cursor or turn the direction of the text after it: all of
 * Unicode's category C and its two separators, of which JSON.stringify escapes only the first 32.
 */
function oneLine(json: string): string {
  return json.replace(/[\p{C}\u2028\u2029]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

/** Anything may have been thrown, and an event is told whatever it carries. */
function serialized(value: object): string {
  const around: unknown[] = [];
  return JSON.stringify(value, function (this: unknown, _key, inner) {
    around.length = around.indexOf(this) + 1;
    if (around.includes(inner)) return "[circular]";
    around.push(inner);
    if (typeof inner === "number" && !Number.isInteger(inner)) return Math.round(inner * 1000) / 1000;
    return typeof inner === "bigint" ? `${inner}` : readable(inner);
  });
}

function readable(value: unknown): unknown {
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
  // Messages that tell how to send one name it so.
  [/\b(bearer)\s+(?!TOKEN\b)[^\s"',;]+/gi, "$1 [redacted]"],
  [/\bmsb_[\w.-]{8,}/g, "[redacted]"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "[redacted]"],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi, "$1[redacted]@"],
];

function redact(text: string): string {
  return secrets.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text);
}
