// The checks of microVMs put together for this machine, and the runtime that they and the sandboxes share.

import { arch, platform } from "node:os";
import type { Clock } from "../../clock.ts";
import { createBootOnce } from "../microvm/boot.ts";
import { openRuntime, type Runtime } from "../microvm/runtime/runtime.ts";
import type { HostHealth } from "../port.ts";
import { checkBoot } from "./boot.ts";
import { createBootMemory } from "./boot-memory.ts";
import { checkCpu } from "./cpu.ts";
import { checkKvm } from "./kvm.ts";
import { checkRuntime } from "./runtime.ts";
import { createVirtualization, obstacles, type Virtualization } from "./virtualization.ts";

export type MicrovmOptions = {
  readonly runtimeDir: string;
  /** `--runtime-dir` was given, and so names an installed runtime in a build without one. */
  readonly isRuntimeDirGiven: boolean;
  readonly stateDir: string;
  readonly clock: Clock;
};

export type Microvm = {
  /** Opens it at the first call. Throws Failure `configuration`, and tries again at the next call. */
  readonly runtime: () => Promise<Runtime>;
  readonly virtualization: Virtualization;
  /** As of SandboxHost: from what is remembered where it can be, and within 5 s. */
  readonly health: (signal: AbortSignal) => Promise<HostHealth>;
};

/** Of the 5 s that SandboxHost gives health(). Milliseconds. */
const healthMs = 4_500;

export function prepareMicrovm({ runtimeDir, isRuntimeDirGiven, stateDir, clock }: MicrovmOptions): Microvm {
  const machine = { os: platform(), cpu: arch() };
  let opened: Promise<Runtime> | undefined;
  const runtime = () => {
    opened ??= openRuntime({ cacheDir: runtimeDir, installedDir: isRuntimeDirGiven ? runtimeDir : undefined });
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  };
  const bootOnce = createBootOnce({ runtime, cacheDir: runtimeDir });
  const virtualization = createVirtualization({
    checks: {
      cpu: () => checkCpu(machine),
      kvm: () => checkKvm(machine),
      runtime: () => checkRuntime(runtime),
      boot: (signal) => checkBoot(bootOnce, clock, signal),
    },
    memory: createBootMemory(stateDir),
    runtimeName: async () => {
      const { folder, version } = await runtime();
      return `${version} in ${folder}`;
    },
    clock,
  });
  const health = (signal: AbortSignal) => healthOf(virtualization, clock, signal);
  return { runtime, virtualization, health };
}

async function healthOf(virtualization: Virtualization, clock: Clock, signal: AbortSignal): Promise<HostHealth> {
  const done = new AbortController();
  const late = clock.sleep(healthMs, AbortSignal.any([signal, done.signal])).then(() => undefined);
  try {
    const findings = await Promise.race([virtualization.recall(signal), late]);
    if (findings === undefined) return { ok: false, reason: "A microVM is being booted to see whether one can." };
    const missing = obstacles(findings).map(({ check }) => check);
    // Not what was found, which may name folders.
    return missing.length === 0
      ? { ok: true }
      : { ok: false, reason: `MicroVMs cannot run for want of: ${missing.join(", ")}.` };
  } finally {
    late.catch(() => undefined);
    done.abort();
  }
}
