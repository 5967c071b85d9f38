// A host whose sandboxes share what their principal has downloaded: those of the host underneath, with the principal's cache mounted.

import { type NetworkPolicy, packageRegistries, reaches } from "../network.ts";
import type { HostHealth, Sandbox, SandboxHost, SandboxSpec, Survivors } from "../port.ts";
import { CachedSandbox } from "./cached-sandbox.ts";
import type { Caches, CacheUse } from "./caches.ts";

/** Where sandboxes have it. */
export const cacheFolder = "/opt/msb/cache";

/** Each tool has a folder of its own, named by what it keeps there. */
const cacheEnv: Readonly<Record<string, string>> = {
  PIP_CACHE_DIR: `${cacheFolder}/pip`,
  NPM_CONFIG_CACHE: `${cacheFolder}/npm`,
  UV_CACHE_DIR: `${cacheFolder}/uv`,
  // The home is another file system.
  UV_LINK_MODE: "copy",
};

/** `network` is that of sandboxes whose spec says nothing. */
export function withCache(host: SandboxHost, caches: Caches, network: NetworkPolicy): SandboxHost {
  return new CachingHost(host, caches, network);
}

/** Where the backend mounts folders of this machine, and descriptors name folders, without which nobody could clear up after a guest. */
export function canCache(backend: string, platform: string): boolean {
  return (backend === "namespace" || backend === "microvm") && platform === "linux";
}

class CachingHost implements SandboxHost {
  readonly backend: string;
  readonly isolation: string;
  readonly windDown?: () => void;
  readonly survivors?: Survivors;
  readonly #host: SandboxHost;
  readonly #caches: Caches;
  readonly #network: NetworkPolicy;

  constructor(host: SandboxHost, caches: Caches, network: NetworkPolicy) {
    this.#host = host;
    this.#caches = caches;
    this.#network = network;
    this.backend = host.backend;
    this.isolation = host.isolation;
    const { windDown, survivors } = host;
    if (windDown !== undefined) this.windDown = () => windDown.call(host);
    if (survivors !== undefined) {
      this.survivors = {
        canAdopt: survivors.canAdopt,
        list: (signal, known) => survivors.list(signal, known),
        // It has its mounts.
        adopt: (name, spec, signal) => this.#using(spec, (cached) => survivors.adopt(name, cached, signal)),
        destroy: (name, signal) => survivors.destroy(name, signal),
      };
    }
  }

  health(signal: AbortSignal): Promise<HostHealth> {
    return this.#host.health(signal);
  }

  create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    return this.#using(spec, (cached) => this.#host.create(cached, signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _ = this.#caches;
    await this.#host[Symbol.asyncDispose]();
  }

  async #using(spec: SandboxSpec, make: (spec: SandboxSpec) => Promise<Sandbox>): Promise<Sandbox> {
    const use = this.#useFor(spec);
    if (use === null) return await make(spec);
    try {
      const sandbox = new CachedSandbox(await make(withMount(spec, use.folder)), use);
      const { endHoarders } = sandbox;
      if (endHoarders !== undefined) use.onLook((limits) => endHoarders(cacheFolder, limits));
      return sandbox;
    } catch (error) {
      use[Symbol.dispose]();
      throw error;
    }
  }

  #useFor({ principal, network = this.#network }: SandboxSpec): CacheUse | null {
    if (principal === undefined || !packageRegistries.some((name) => reaches(network, name))) return null;
    return this.#caches.use(principal, this.backend);
  }
}

function withMount(spec: SandboxSpec, hostPath: string): SandboxSpec {
  const { template, mounts = [] } = spec;
  const mount = { hostPath, guestPath: cacheFolder, readOnly: false };
  return { ...spec, mounts: [...mounts, mount], template: { ...template, env: { ...cacheEnv, ...template.env } } };
}
