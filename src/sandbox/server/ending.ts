// Ending a sandbox for good: asked for until the server says that it does not run, however long that takes. Only a process that is
// about to end itself gives up, and leaves the sandbox to the sweep of the next one.

import type { Clock } from "../../clock.ts";
import { CallError } from "./call-error.ts";
import type { Address, Client } from "./client.ts";
import { inquire, type SandboxState } from "./inquiry.ts";

export type EndingOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly address: Address;
  /** Aborts when nobody can wait for ever any more. */
  readonly parting: AbortSignal;
  /** How long it goes on then with a server that can be reached. Milliseconds. */
  readonly partingMs: number;
  /** Called once, if it takes long. */
  readonly onDelay?: ((state: SandboxState) => void) | undefined;
};

/** When it takes long. Milliseconds. */
const delayMs = 20_000;
/** The longest pause before the server is asked again. Milliseconds. */
const pauseLimitMs = 10_000;
/** How long a server that cannot be reached is asked by a process that is about to end: longer than its restart takes. Milliseconds. */
const absenceMs = 5_000;

/** False if it was given up: the sandbox may still run. Never rejects. */
export async function endForGood(options: EndingOptions): Promise<boolean> {
  const { clock, parting, partingMs } = options;
  const over = new AbortController();
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const onParting = () => {
    clock.sleep(partingMs, over.signal).then(
      () => resolve(false),
      () => {},
    );
  };
  parting.addEventListener("abort", onParting, { once: true });
  if (parting.aborted) onParting();
  try {
    return await Promise.race([late, askUntilEnded(options, over.signal)]);
  } finally {
    over.abort();
    parting.removeEventListener("abort", onParting);
  }
}

async function askUntilEnded(options: EndingOptions, over: AbortSignal): Promise<boolean> {
  const { client, clock, address, parting, onDelay } = options;
  const sinceMs = clock.monotonicMs();
  let told = false;
  let isToBeAsked = true;
  let isOut = false;
  let absentSinceMs: number | null = null;
  for (let pauseMs = 25; !over.aborted; pauseMs = Math.min(pauseMs * 2, pauseLimitMs)) {
    if (isToBeAsked) {
      isToBeAsked = false;
      isOut = true;
      const onSettled = () => {
        isOut = false;
      };
      await client.stop(address, { onSettled }).catch(ignoreCallErrors);
    }
    const wasOut = isOut;
    const state = await inquire(client, address);
    if (state === "ended") return true;
    // A stop that was not answered in time is still out, and may yet be carried out.
    isToBeAsked = !wasOut;
    const nowMs = clock.monotonicMs();
    if (!told && nowMs - sinceMs >= delayMs) {
      told = true;
      onDelay?.(state);
    }
    absentSinceMs = state === "unreachable" ? (absentSinceMs ?? nowMs) : null;
    if (parting.aborted) {
      const isAbsent = absentSinceMs !== null && nowMs - absentSinceMs >= absenceMs;
      if (state === "refused" || isAbsent) return false;
      pauseMs = Math.min(pauseMs, 500);
    }
    // A parting in the middle of a long pause ends it.
    await clock.sleep(pauseMs, parting.aborted ? over : AbortSignal.any([over, parting])).catch(() => {});
  }
  return false;
}

function ignoreCallErrors(error: unknown): void {
  if (!(error instanceof CallError)) throw error;
}
