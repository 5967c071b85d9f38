// Can microVMs run here? The checks in their order, each of which is tried only where the one before it did not rule it out; `auto`, a
// start with `--backend microvm`, /readyz and the doctor all ask here.

import type { Clock } from "../../clock.ts";
import type { BootMemory } from "./boot-memory.ts";
import type { Finding } from "./finding.ts";

export type VirtualizationChecks = {
  readonly cpu: () => Promise<Finding>;
  readonly kvm: () => Promise<Finding>;
  readonly runtime: () => Promise<Finding>;
  /** Boots a microVM. Rejects with the signal's reason only. */
  readonly boot: (signal: AbortSignal) => Promise<Finding>;
};

export type Virtualization = {
  /** Every check anew, with a boot where nothing rules it out. */
  examine(signal: AbortSignal): Promise<readonly Finding[]>;
  /**
   * The same, but a boot that worked since the machine was started is not repeated, and one that failed only after a while. The
   * device and the CPU are looked at each time.
   */
  recall(signal: AbortSignal): Promise<readonly Finding[]>;
};

/** A failed boot answers for this long, so that polls of /readyz do not boot one after the other. Milliseconds. */
const failedForMs = 60_000;

export type VirtualizationOptions = {
  readonly checks: VirtualizationChecks;
  readonly memory: BootMemory;
  /** Which runtime boots, with its version: a boot of another says nothing of it. */
  readonly runtimeName: () => Promise<string>;
  readonly clock: Clock;
};

export function createVirtualization({ checks, memory, runtimeName, clock }: VirtualizationOptions): Virtualization {
  /** The runtime that has booted in this process, where the machine's start cannot be told from the next one. */
  let booted: string | undefined;
  let failed: { readonly finding: Finding; readonly untilMs: number } | undefined;
  let booting: Promise<Finding> | undefined;

  const boot = async (signal: AbortSignal): Promise<Finding> => {
    const finding = await checks.boot(signal);
    if (finding.status === "ok") {
      booted = await runtimeName();
      await memory.keep(booted);
    }
    failed = finding.status === "ok" ? undefined : { finding, untilMs: clock.monotonicMs() + failedForMs };
    return finding;
  };

  const recallBoot = async (signal: AbortSignal): Promise<Finding> => {
    const name = await runtimeName();
    if (name === booted || (await memory.recall(name))) return rememberedBoot;
    if (failed !== undefined && clock.monotonicMs() < failed.untilMs) return failed.finding;
    // Shared by all who ask meanwhile, so no one's signal ends it; its own deadline does.
    booting ??= boot(new AbortController().signal).finally(() => {
      booting = undefined;
    });
    return unlessAborted(booting, signal);
  };

  return {
    async examine(signal) {
      const before = await Promise.all([checks.cpu(), checks.kvm(), checks.runtime()]);
      return [...before, rulesOut(before) ?? (await boot(signal))];
    },
    async recall(signal) {
      const machine = await Promise.all([checks.cpu(), checks.kvm()]);
      // Where nothing can boot, nobody is to wait for the runtime to be unpacked.
      if (rulesOut(machine) !== undefined) return machine;
      const before = [...machine, await checks.runtime()];
      return [...before, rulesOut(before) ?? (await recallBoot(signal))];
    },
  };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}

const rememberedBoot: Finding = {
  check: "microVM boot",
  status: "ok",
  found: "one has booted since this machine was started",
};

/** Why a boot is not worth trying; undefined if it is. */
function rulesOut(findings: readonly Finding[]): Finding | undefined {
  const missing = obstacles(findings).map(({ check }) => check);
  if (missing.length === 0) return undefined;
  const hasDevice = findings.some(({ check, status }) => check === "/dev/kvm" && status === "ok");
  // The one that people take for proof.
  const nonetheless =
    missing.includes("CPU virtualization") && hasDevice ? "; /dev/kvm opens, but nothing can boot" : "";
  return {
    check: "microVM boot",
    status: "skipped",
    found: `not tried, for want of: ${missing.join(", ")}${nonetheless}`,
  };
}

/** What keeps microVMs from running; nothing where they can. */
export function obstacles(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ status }) => status === "missing");
}
