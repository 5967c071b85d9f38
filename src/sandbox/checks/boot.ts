// Does a microVM really boot? Nothing but a boot tells for sure.

import type { Clock } from "../../clock.ts";
import type { BootOnce } from "../microvm/boot.ts";
import { type Finding, missing, oneLine } from "./finding.ts";

const check = "microVM boot";

/** Real hardware takes a tenth of a second, an emulated machine that is busy 40 s, and one that cannot some 10 s to say so. Milliseconds. */
export const bootDeadlineMs = 120_000;

/** Rejects with the signal's reason only. */
export async function checkBoot(bootOnce: BootOnce, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  const startMs = clock.monotonicMs();
  const late = clock.sleep(bootDeadlineMs, ended).then(() => "late" as const);
  try {
    const end = await Promise.race([bootOnce(ended).then(() => "booted" as const), late]);
    if (end === "late") return missing(check, `did not end within ${bootDeadlineMs / 1000} s`, mend);
    return { check, status: "ok", found: `booted and ended in ${Math.round(clock.monotonicMs() - startMs)} ms` };
  } catch (error) {
    signal.throwIfAborted();
    return missing(check, `failed: ${oneLine(error instanceof Error ? error.message : String(error))}`, mend);
  } finally {
    late.catch(() => undefined);
    done.abort();
  }
}

const mend =
  "See what the kernel says: dmesg | grep -i kvm; in a virtual machine, its host must offer nested virtualization.";
