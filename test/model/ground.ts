// Where a walk takes place: a server's sessions over some host, that can be killed and started again.

import type { Event } from "../../src/events.ts";
import type { Admission } from "../../src/sessions/admission.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import type { Random } from "./random.ts";

/** One life of the server. */
export type Life = {
  readonly sessions: Sessions;
  readonly admission: Admission;
  readonly events: readonly Event[];
};

export type Programs = {
  readonly set: (value: string) => string;
  /** Prints the value and a line's end. */
  readonly get: string;
  readonly forever: string;
  /** Prints `on` and a line's end, and then what it reads, until that ends: as a command line, and as code. */
  readonly echo: string;
  readonly echoCode: string;
  /** A command line that prints `on` and a line's end, and heeds neither interrupts nor terminations. */
  readonly stubborn: string;
  /** A command line that prints the numbers from 1 to that, a line each. */
  readonly lines: (count: number) => string;
  /** Takes the sandbox away. */
  readonly vanish: string;
};

export interface Ground {
  readonly maxSessions: number;
  readonly maxMemoryMib: number;
  /** How long an idle session has. Milliseconds. */
  readonly sessionTimeoutMs: number;
  readonly maxLeftRunning: number;
  readonly maxLeftRunningInAll: number;
  readonly maxLeftRunningPerPrincipal: number;
  /** After `settle`, whatever was asked for has had its effect. */
  readonly isExact: boolean;
  /** Sandboxes tell CPU time, and nothing uses any. */
  readonly tellsCpu: boolean;
  readonly programs: Programs;
  /** By a clock that nobody sets; of one life. */
  nowMs(): number;
  readonly life: Life;
  /** Whether state and sandboxes outlive a life that ends. */
  readonly survives: boolean;
  /** Lets so much time pass, and all that is due happen. */
  pass(ms: number): Promise<void>;
  /** Lets everything that is ready to happen do so. */
  settle(): Promise<void>;
  /** Waits for what a real machine takes its time for, until `isAtRest` or long after it should be. */
  untilRest(isAtRest: () => boolean): Promise<void>;
  /** Ends this life without warning, and begins the next. */
  kill(): Promise<void>;
  /** Ends this life in order, and begins the next. */
  restart(): Promise<void>;
  /** What this ground alone can do: boots that come late, stops that hang, a backend that is silent. Returns what it did. */
  disturb(random: Random): string;
  /** Ends all disturbance. */
  calm(): void;
  /** The session ids of all sandboxes that there are, in whatever state; null if this ground cannot tell. */
  sandboxes(): readonly string[];
  /** How long it may take until a sandbox that nobody claims is gone. Milliseconds. */
  readonly orphansGoneMs: number;
}
