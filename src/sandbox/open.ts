// The backend of a start: chosen among what this machine can run, made, and asked what can be had of it.

import { platform } from "node:os";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { StartError } from "../failure.ts";
import { beyondBackend } from "./abilities.ts";
import { Caches } from "./cache/caches.ts";
import { canCache, withCache } from "./cache/host.ts";
import { checkCloudKey } from "./checks/cloud.ts";
import { lineOf } from "./checks/finding.ts";
import { type Microvm, prepareMicrovm } from "./checks/microvm.ts";
import { checkRuntime } from "./checks/runtime.ts";
import { obstacles } from "./checks/virtualization.ts";
import { type BackendName, type Choice, chooseBackend } from "./choose.ts";
import { availableTemplates, createHost, type HostSettings } from "./hosts.ts";
import { withLayers } from "./layers/host.ts";
import type { Layers } from "./layers/layers.ts";
import { layeredTemplates, openLayers, packagesOf } from "./layers/open.ts";
import { keepPrivate } from "./microvm/runtime/home.ts";
import type { PackagesOf } from "./packages.ts";
import type { SandboxHost } from "./port.ts";
import { doesServerAnswer } from "./server/presence.ts";
import type { Template } from "./templates.ts";

export type OpenHostOptions = {
  readonly settings: HostSettings & {
    readonly backend: BackendName | "auto";
    readonly runtimeDir: string;
    readonly runtimeHome: string;
  };
  /** Of the downloads that are kept, for one principal. */
  readonly cacheBytesOfOne: number;
  /** Settings that were given rather than defaulted. */
  readonly isServerUrlGiven: boolean;
  readonly isRuntimeDirGiven: boolean;
  /** Whether nobody from another machine can call. */
  readonly isLoopback: boolean;
  readonly installationId: string;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type OpenedHost = {
  readonly host: SandboxHost;
  readonly layers: Layers;
  readonly packagesOf: PackagesOf;
  readonly choice: Choice;
  /** Those of which there are sandboxes to be had. */
  readonly templates: readonly Template[];
};

/** Longer than a boot that tries whether microVMs run here may take. Milliseconds. */
const startCheckMs = 180_000;

/** Throws Failure `configuration` and StartError where no sandboxes can be had as they are asked for. What it opens is `stack`'s. */
export async function openHost(options: OpenHostOptions, stack: AsyncDisposableStack): Promise<OpenedHost> {
  const { settings, isServerUrlGiven, isRuntimeDirGiven, isLoopback, installationId, clock, emit } = options;
  const { runtimeDir, runtimeHome, stateDir, serverUrl, apiKey, network, secrets, interpreters } = settings;
  const microvm = prepareMicrovm({ runtimeDir, isRuntimeDirGiven, stateDir, clock });
  const choice = await chooseBackend({
    asked: settings.backend,
    isServerUrlGiven,
    doesServerAnswer: () => doesServerAnswer(serverUrl),
    microvm: () => microvmObstacles(microvm),
    cloud: async () => obstacles([checkCloudKey(apiKey), await checkRuntime(microvm.runtime)]).map(lineOf),
    isLoopback,
  });
  const { backend, warning, passedOver } = choice;
  // A backend asked for by name was looked at with the configuration; here is the one that `auto` took.
  const beyond = beyondBackend(backend, network, secrets, interpreters);
  if (beyond.length > 0) throw new StartError(beyond.join("\n"), { isConfiguration: true });
  if (warning !== undefined) emit({ type: "server.warning", message: warning });
  for (const why of passedOver) emit({ type: "server.warning", message: `No microVMs here: ${why}` });
  if (backend === "microvm" && secrets.length > 0) await keepPrivate(runtimeHome);
  const bare = createHost({ backend, settings, installationId, microvm, clock, emit });
  const layers = openLayers({ host: bare, settings, clock, emit });
  const host = stack.use(withCaches(withLayers(bare, layers), options));
  const templates = layeredTemplates(backend, settings.templates, layers, emit);
  return {
    host,
    layers,
    packagesOf: packagesOf(layers),
    choice,
    templates: await availableTemplates(bare, templates, settings, emit),
  };
}

/** The host itself where sandboxes cannot share what they download. */
function withCaches(host: SandboxHost, { settings, cacheBytesOfOne: shareBytes, clock, emit }: OpenHostOptions) {
  if (!canCache(host.backend, platform())) return host;
  const { stateDir, maxCacheBytes: maxBytes, network } = settings;
  const caches = new Caches({ folder: join(stateDir, "cache"), maxBytes, shareBytes, clock, emit });
  return withCache(host, caches, network);
}

/** What keeps microVMs from running, a line each. */
async function microvmObstacles({ virtualization }: Pick<Microvm, "virtualization">): Promise<readonly string[]> {
  const late = AbortSignal.timeout(startCheckMs);
  try {
    return obstacles(await virtualization.recall(late)).map(lineOf);
  } catch (error) {
    if (!late.aborted) throw error;
    const what = `whether microVMs run here was not found out within ${startCheckMs / 1000} s`;
    return [`${what}. The machine is busy, or emulates its processor: start again, or name another --backend`];
  }
}
