// How sessions ended, remembered for a while, so that a caller learns why its session is gone.

import { Failure } from "../failure.ts";
import type { IdOrigin } from "./ids.ts";

export const endReasons = ["stopped", "expired", "evicted", "lost", "shutdown"] as const;

export type EndReason = (typeof endReasons)[number];

export type Ending = {
  readonly principal: string;
  readonly reason: EndReason;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** What else is known of it, one sentence without a full stop; safe to show. */
  readonly detail?: string | undefined;
};

/** Endings remembered; the oldest are forgotten first. About 300 bytes each. */
export const maxEndings = 10_000;
/** How long an ending is remembered. Milliseconds. */
const rememberedMs = 24 * 3_600_000;

export class Endings {
  readonly #endings = new Map<string, Ending>();
  /** Nothing is known of sessions from before that time; milliseconds since the epoch. */
  forgottenSince: number | undefined;

  /** The first one stays: a session ends once. */
  remember(sessionId: string, ending: Ending, nowMs: number): void {
    if (!this.#endings.has(sessionId)) this.#endings.set(sessionId, ending);
    const before = this.forgottenBefore(nowMs);
    for (const [oldest, { at }] of this.#endings) {
      if (this.#endings.size <= maxEndings && at >= before) return;
      this.#endings.delete(oldest);
    }
  }

  /** Milliseconds since the epoch. */
  forgottenBefore(nowMs: number): number {
    return nowMs - rememberedMs;
  }

  has(sessionId: string): boolean {
    return this.#endings.has(sessionId);
  }

  all(): readonly (Ending & { readonly sessionId: string })[] {
    return [...this.#endings].map(([sessionId, ending]) => ({ sessionId, ...ending }));
  }

  /** Undefined for a session that never was, was forgotten, or was another principal's: the three look alike to a caller. */
  find(sessionId: string, principal: string, nowMs: number): Ending | undefined {
    const ending = this.#endings.get(sessionId);
    return ending?.principal === principal && ending.at >= this.forgottenBefore(nowMs) ? ending : undefined;
  }
}

const reasonTexts: Readonly<Record<EndReason, string>> = {
  stopped: "was stopped",
  expired: "expired",
  evicted: "was evicted",
  lost: "was lost",
  shutdown: "was ended by a shutdown of the server",
};

/** Of an id that nobody knows an ending for: what it tells by itself. */
const originTexts: Readonly<Record<IdOrigin, (id: string) => string>> = {
  ours: (id) => `there is no session ${id}`,
  foreign: (id) => `${id} was made by another installation of msb-mcp`,
  mistyped: (id) => `${id} is mistyped: its check digits do not fit`,
  malformed: (id) => `there is no session ${id}: whole ids are "session-", 5 letters or digits, "-" and 24 more`,
};

/** How a session ended, or what else there is to say of an id that is not active. */
export type Absence = Ending | IdOrigin | Forgotten;

/** Of ours, but nothing is known of sessions from before that time (milliseconds since the epoch). */
export type Forgotten = { readonly forgottenSince: number };

/** `session-… expired 4 minutes ago`, or that there never was such a session. */
export function tellAbsence(sessionId: string, absence: Absence, nowMs: number): string {
  const id = shorten(sessionId);
  if (typeof absence === "string") return originTexts[absence](id);
  if ("forgottenSince" in absence) {
    return `there is no session ${id}; what was known of sessions was lost ${ago(nowMs - absence.forgottenSince)}, when the server started`;
  }
  const ending = absence;
  const detail = ending.detail === undefined ? "" : ` (${ending.detail})`;
  return `${id} ${reasonTexts[ending.reason]} ${ago(nowMs - ending.at)}${detail}`;
}

/** `unknown`: there never was such a session, or it ended too long ago, or is another principal's. */
export function reasonOf(absence: Absence): EndReason | "unknown" | "mistyped" | "foreign" {
  if (typeof absence !== "string") return "reason" in absence ? absence.reason : "unknown";
  return absence === "ours" || absence === "malformed" ? "unknown" : absence;
}

export function sessionNotFound(sessionId: string, absence: Absence, nowMs: number): Failure {
  const reason = reasonOf(absence);
  const context =
    typeof absence === "string" || !("at" in absence)
      ? { session_id: shorten(sessionId), reason }
      : { session_id: sessionId, reason, at: new Date(absence.at).toISOString() };
  const advice =
    typeof absence === "string"
      ? ["Check the id against get_sessions, or start a new session by leaving session_id out."]
      : [
          "Start a new session by leaving session_id out.",
          "Set up again what the old session held: its variables and files are gone.",
        ];
  return new Failure("session_not_found", `${tellAbsence(sessionId, absence, nowMs)}.`, { context, advice });
}

/** An id of ours is 38 characters; what is longer is somebody's mistake and is not echoed whole. */
function shorten(sessionId: string): string {
  return sessionId.length <= 80 ? sessionId : `${sessionId.slice(0, 77)}...`;
}

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return plural(seconds, "second");
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? plural(minutes, "minute") : plural(Math.round(minutes / 60), "hour");
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}
