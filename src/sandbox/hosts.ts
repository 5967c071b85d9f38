// The host of each backend, made from the settings of a start, and what can be had of it.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { causeOf, Failure } from "../failure.ts";
import type { Microvm } from "./checks/microvm.ts";
import type { BackendName } from "./choose.ts";
import { realOutside } from "./egress/reach.ts";
import type { Flavor, Flavors } from "./flavors.ts";
import type { InterpreterPaths } from "./interpreter-paths.ts";
import { createMicrovmHost } from "./microvm/host.ts";
import { tooFewDescriptors } from "./namespace/descriptors.ts";
import { createNamespaceHost, type NamespaceHost } from "./namespace/host.ts";
import { tryNamespaces } from "./namespace/trial.ts";
import type { NetworkPolicy } from "./network.ts";
import type { OuterProxy } from "./outer-proxy.ts";
import type { PackageIndexes } from "./packages.ts";
import type { SandboxHost } from "./port.ts";
import type { Secret } from "./secrets.ts";
import { createServerHost } from "./server/host.ts";
import type { Template } from "./templates.ts";
import type { Volume } from "./volumes.ts";

export type HostSettings = {
  readonly stateDir: string;
  readonly serverUrl: string;
  readonly apiKey: string | undefined;
  readonly sharedVolumes: readonly Volume[];
  readonly network: NetworkPolicy;
  readonly networkProxy: OuterProxy | undefined;
  readonly secrets: readonly Secret[];
  readonly imagesArchive: string | undefined;
  readonly templates: readonly Template[];
  readonly interpreters: InterpreterPaths;
  readonly flavors: Flavors;
  readonly defaultFlavor: Flavor;
  readonly maxSessions: number;
  readonly sessionTimeoutMs: number;
  readonly sandboxStartTimeoutMs: number;
  readonly packageIndexes: PackageIndexes;
  readonly maxLayersBytes: number;
  readonly maxCacheBytes: number;
};

export type HostParts = {
  readonly backend: BackendName;
  readonly settings: HostSettings;
  readonly installationId: string;
  readonly microvm: Microvm;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** How much longer than its session a microVM lives that nobody speaks to, because its server was killed and has not come back. Milliseconds. */
const abandonedMs = 3_600_000;

export function createHost({ backend, settings, installationId, microvm, clock, emit }: HostParts): SandboxHost {
  const common = { volumes: settings.sharedVolumes, installationId, clock, emit };
  const apiKey = settings.apiKey ?? null;
  switch (backend) {
    case "namespace": {
      const { stateDir, network, networkProxy: proxy, interpreters } = settings;
      const outside = { ...realOutside, proxy };
      const host = createNamespaceHost({ ...common, stateDir, network, outside, interpreters });
      if (host.limits !== null) tellLimits(host.limits, settings, emit);
      return host;
    }
    case "server": {
      const { serverUrl: url, sandboxStartTimeoutMs: startTimeoutMs, maxSessions: maxSandboxes } = settings;
      return createServerHost({ ...common, url, apiKey, startTimeoutMs, maxSandboxes });
    }
    case "microvm":
    case "cloud": {
      const { network, secrets, imagesArchive, sessionTimeoutMs } = settings;
      return createMicrovmHost({
        ...{ ...common, backend, apiKey, network, secrets, imagesArchive },
        idleMs: sessionTimeoutMs + abandonedMs,
        openRuntime: microvm.runtime,
        health: backend === "cloud" ? runtimeLoads(microvm) : microvm.health,
      });
    }
  }
}

/**
 * The templates of which sandboxes can be had. Namespaces can be there or not whatever is installed, so one sandbox of each kind is made before
 * anything is served; the other backends have been looked at when they were chosen. Throws Failure `configuration` where there is none.
 */
export async function availableTemplates(
  host: SandboxHost,
  templates: readonly Template[],
  settings: HostSettings,
  emit: Emit,
): Promise<readonly Template[]> {
  const { flavors, defaultFlavor, sandboxStartTimeoutMs } = settings;
  if (host.backend !== "namespace") return templates;
  const signal = AbortSignal.timeout(sandboxStartTimeoutMs);
  try {
    const trial = await tryNamespaces({ host, templates, resources: flavors[defaultFlavor] }, signal);
    for (const { template, failure } of trial.refused) {
      emit({ type: "template.refused", template: template.name, reason: failure.message, cause: causeOf(failure) });
    }
    return trial.offered;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw tooSlow(sandboxStartTimeoutMs, error);
  }
}

/** More may be allowed to each sandbox than to all of them by whoever started this process: then the kernel ends programs before we do. */
function tellLimits(
  limits: NonNullable<NamespaceHost["limits"]>,
  { flavors, defaultFlavor, maxSessions, network }: HostSettings,
  emit: Emit,
): void {
  emit({ type: "server.limits", mechanism: limits.description });
  const tooFew = tooFewDescriptors({ sandboxes: maxSessions, isGoverned: network.kind !== "none" });
  if (tooFew !== undefined) emit({ type: "server.warning", message: tooFew });
  const { memoryMib } = flavors[defaultFlavor];
  const totalMib = Math.floor((limits.totalMemoryBytes ?? Number.POSITIVE_INFINITY) / 1024 ** 2);
  if (totalMib >= memoryMib) return;
  const message =
    `This server and its sandboxes may have ${totalMib} MB together (its control group), and one sandbox of flavor ${defaultFlavor} ` +
    `${memoryMib} MB. Give the container more (docker run --memory), or sandboxes less (--flavor).`;
  emit({ type: "server.warning", message });
}

function tooSlow(limitMs: number, cause: unknown): Failure {
  return new Failure("configuration", `A sandbox of namespaces was not ready within ${limitMs / 1000} s.`, {
    advice: ["Give --sandbox-start-timeout more, or look with `msb-mcp doctor`."],
    cause,
  });
}

/** All that can be known of the hosted runtime without asking it for a machine. */
function runtimeLoads({ runtime }: Microvm): SandboxHost["health"] {
  return async (signal) => {
    signal.throwIfAborted();
    return await runtime().then(
      () => ({ ok: true }),
      () => ({ ok: false, reason: "The runtime that asks for hosted microVMs does not load here." }),
    );
  };
}
