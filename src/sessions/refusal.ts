// How a session that could not be admitted is told so: what is taken, of how much, and what to stop.

import { Failure } from "../failure.ts";
import type { Bound } from "./eviction.ts";

export type Refused = {
  readonly asking: { readonly memoryMib: number; readonly what: string };
  readonly bound: Bound;
  /** It would not fit into an empty server. */
  readonly isImpossible: boolean;
  /** As many as may wait do. */
  readonly isQueueFull: boolean;
  /** The caller's own sessions that could be stopped, the least recently used first. */
  readonly idle: readonly string[];
  readonly enableLruEviction: boolean;
  readonly admissionWaitMs: number;
};

const options: Readonly<Record<Bound["scope"], Readonly<Record<Bound["resource"], string>>>> = {
  server: { sessions: "--max-sessions", memory: "--max-total-memory-mb" },
  principal: { sessions: "--max-sessions-per-principal", memory: "--max-memory-mb-per-principal" },
};

/** Sessions that a message names. */
const maxNamed = 3;

export function refusal(refused: Refused): Failure {
  const { asking, bound, isImpossible, idle } = refused;
  return new Failure("limit_reached", `${taken(refused)}${isImpossible ? "" : why(refused)}.`, {
    context: {
      resource: bound.resource,
      scope: bound.scope,
      current: bound.current,
      limit: bound.limit,
      ...(bound.resource === "memory" && { needed: asking.memoryMib, unit: "MB" }),
      ...(!isImpossible && { idle_sessions: idle.slice(0, maxNamed) }),
    },
    advice: [first(refused), `The operator can raise the limit with ${options[bound.scope][bound.resource]}.`],
  });
}

function taken({ asking, bound: { scope, resource, current, limit }, isImpossible }: Refused): string {
  const whose = scope === "server" ? "" : " of yours";
  if (isImpossible) {
    const owner = scope === "server" ? "all sessions together" : "all sessions of yours together";
    return `${asking.what} needs ${asking.memoryMib} MB, and ${owner} may have at most ${limit} MB`;
  }
  return resource === "sessions"
    ? `${current} of at most ${limit} sessions${whose} are in use`
    : `${current} of at most ${limit} MB${whose} are in use, and ${asking.what} needs ${asking.memoryMib} MB`;
}

function why({ isQueueFull, enableLruEviction, admissionWaitMs }: Refused): string {
  if (isQueueFull) return ", and as many as may wait for room do so already";
  if (admissionWaitMs > 0) return `, and no room came free within ${admissionWaitMs / 1000} s`;
  return enableLruEviction ? ", and none could be ended to make room" : "";
}

function first({ isImpossible, idle }: Refused): string {
  if (isImpossible) return "Ask for a smaller flavor.";
  if (idle.length === 0) {
    return "Wait for a running call to end and try again, or stop a session that is no longer needed with stop_session (get_sessions lists them).";
  }
  return `Stop one that is no longer needed with stop_session, such as ${idle.slice(0, maxNamed).join(", ")}, or use it by its session_id.`;
}

export function shuttingDown(): Failure {
  return new Failure("sandbox_creation", "the server is shutting down.");
}
