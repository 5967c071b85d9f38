// Processes that the controller `pids` has refused, as the kernel counts them: on version 1 where the one that asked for it is, on version 2
// where the limit is.

/** Of a control group. */
export const refusalsFile = "pids.events";

export function refusedIn(text: string): number {
  return Number(/^max (\d+)$/m.exec(text)?.[1] ?? 0);
}
