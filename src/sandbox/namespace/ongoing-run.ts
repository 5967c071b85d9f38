// A run that is on in a sandbox: what is remembered of its beginning, to tell at its end what became of it.

import type { RunEnd } from "../port.ts";
import { signals } from "./libc.ts";

/** What a shell gives as the status of a program that SIGKILL ended. */
const killedStatus = 128 + signals.kill;

export type OngoingRun = {
  /** No other run has been on while it was. */
  isAlone: boolean;
  /** Its caller has sent it SIGKILL. */
  wasSentKill: boolean;
  /** How many processes had been killed for want of memory when it began, and since in others that were told so. */
  kills: number;
  /** The sandbox's `#crowding` when it began. */
  readonly crowding: number;
  /** Some of its processes could not be started, or were ended, as there were as many as may be; undefined until that is looked at. */
  isCrowded: boolean | undefined;
};

/** Of several runs, only that whose own program was killed, and not by its caller. */
export function wasKilledForMemory(
  { ended, success, signal, exitCode }: RunEnd,
  { isAlone, wasSentKill }: OngoingRun,
): boolean {
  if (success || ended === "interrupted" || wasSentKill) return false;
  return isAlone || signal === "SIGKILL" || exitCode === killedStatus;
}
