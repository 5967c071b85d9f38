// How an execution ended, and where its time went.

import type { Changes } from "../../sandbox/files.ts";
import type { PlacedDisplay } from "./displays.ts";

/** CONTRACT.md section 5. */
export const endings = [
  "exited",
  "timed_out",
  "canceled",
  "signaled",
  "out_of_memory",
  "output_limit",
  "interpreter_exited",
] as const;

export type Ended = (typeof endings)[number];

export type Outcome = {
  readonly ended: Ended;
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** What the program wrote, what was left out included. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly stdoutTruncatedBytes: number;
  readonly stderrTruncatedBytes: number;
  readonly result: string | null;
  readonly exitCode: number | null;
  /** As `RunEnd.signal`; null where there is none. */
  readonly signal: string | null;
  readonly durationMs: number;
  readonly interpreterRestarted: boolean;
  /** As `RunEnd.notices`; empty where there are none. */
  readonly notices: readonly string[];
  /** As `RunEnd.changes`. */
  readonly changes: Changes | undefined;
  /** In the order of their places in `stdout`. */
  readonly displays: readonly PlacedDisplay[];
};

/** What is remembered of one: what it wrote is in its spool, and what it has shown beside that. */
export type Remembered = Omit<Outcome, "stdout" | "stderr" | "displays">;

/** Where the time of a call went, in milliseconds. */
export type Phases = {
  /** Waited for a place and for a turn. */
  readonly queueMs: number;
  /** Waited for the sandbox to boot; null if it was there. */
  readonly bootMs: number | null;
  readonly runMs: number;
};

/** Of one that did not come to run in this process. */
export const noPhases: Phases = { queueMs: 0, bootMs: null, runMs: 0 };
