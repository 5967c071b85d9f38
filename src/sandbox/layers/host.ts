// A host whose sandboxes have the packages of their templates: those of the host underneath, with a layer mounted.

import type { HostHealth, Sandbox, SandboxHost, SandboxSpec, Survivors } from "../port.ts";
import { envOf, mountsOf, programsOf } from "./layer.ts";
import type { Layers } from "./layers.ts";
import type { StoredLayer } from "./store.ts";

export function withLayers(host: SandboxHost, layers: Layers): SandboxHost {
  return new LayeredHost(host, layers);
}

class LayeredHost implements SandboxHost {
  readonly backend: string;
  readonly isolation: string;
  readonly windDown?: () => void;
  readonly survivors?: Survivors;
  readonly #host: SandboxHost;
  readonly #layers: Layers;

  constructor(host: SandboxHost, layers: Layers) {
    this.#host = host;
    this.#layers = layers;
    this.backend = host.backend;
    this.isolation = host.isolation;
    const { windDown, survivors } = host;
    if (windDown !== undefined) this.windDown = () => windDown.call(host);
    if (survivors !== undefined) this.survivors = this.#survivorsOf(survivors);
  }

  health(signal: AbortSignal): Promise<HostHealth> {
    return this.#host.health(signal);
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    if (spec.template.packages === undefined) return await this.#host.create(spec, signal);
    return await this.#host.create(layered(spec, await this.#layerOf(spec, signal)), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _ = this.#host;
    await this.#layers[Symbol.asyncDispose]();
  }

  async #layerOf({ template, onProgress, onPreparing }: SandboxSpec, signal: AbortSignal): Promise<StoredLayer> {
    const over = Promise.withResolvers<void>();
    const onBuilding = () => onPreparing?.(over.promise);
    try {
      return await this.#layers.of(template, { onProgress, onBuilding, signal });
    } finally {
      over.resolve();
    }
  }

  #survivorsOf(survivors: Survivors): Survivors {
    return {
      canAdopt: survivors.canAdopt,
      // A sandbox that builds is nobody's session, and not lost either.
      list: async (signal, known) =>
        (await survivors.list(signal, known)).filter(
          ({ sessionId }) => sessionId === null || !this.#layers.isClaimed(sessionId),
        ),
      // It has its mounts; what the environment was is known from the layer.
      adopt: (name, spec, signal) => {
        const layer = this.#layers.adopted(spec.template);
        return survivors.adopt(name, layer === null ? spec : layered(spec, layer), signal);
      },
      destroy: (name, signal) => survivors.destroy(name, signal),
    };
  }
}

function layered(spec: SandboxSpec, { folder, facts }: StoredLayer): SandboxSpec {
  const { template, mounts = [] } = spec;
  const { interpreter, language } = facts;
  const programs = { folder: programsOf(language), path: interpreter.path };
  return {
    ...{ ...spec, programs, mounts: [...mounts, ...mountsOf(language, folder)] },
    template: { ...template, env: envOf(template) },
  };
}
