// The layers of a start: where they are, and which templates can be had with their packages.

import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { dataTemplate } from "../data-template.ts";
import type { PackageIndexes, PackagesOf } from "../packages.ts";
import type { SandboxHost } from "../port.ts";
import type { Template } from "../templates.ts";
import { Layers } from "./layers.ts";
import { LayerStore } from "./store.ts";

export type OpenLayersOptions = {
  /** Makes the sandboxes that build. */
  readonly host: SandboxHost;
  readonly settings: {
    readonly stateDir: string;
    readonly packageIndexes: PackageIndexes;
    readonly maxLayersBytes: number;
  };
  readonly clock: Clock;
  readonly emit: Emit;
};

export function openLayers({ host, settings, clock, emit }: OpenLayersOptions): Layers {
  const { stateDir, packageIndexes: indexes, maxLayersBytes: maxBytes } = settings;
  return new Layers({ host, store: new LayerStore(join(stateDir, "layers")), indexes, maxBytes, clock, emit });
}

/** Why templates with packages cannot be had; undefined where they can. */
export function whyNoLayers(backend: string): string | undefined {
  switch (backend) {
    case "server":
      return "a microsandbox server cannot mount a folder read-only. Give the template a server_image that has its packages.";
    case "cloud":
      return "hosted microVMs cannot mount a folder of this machine. Give the template an image that has its packages.";
    default:
      return undefined;
  }
}

/** Those that the backend can have, and `data` where its packages have been built. */
export function layeredTemplates(
  backend: string,
  templates: readonly Template[],
  layers: Layers,
  emit: Emit,
): readonly Template[] {
  const why = whyNoLayers(backend);
  if (why !== undefined) {
    for (const { name, packages } of templates) {
      const reason = `Its packages cannot be had: ${why}`;
      if (packages !== undefined) emit({ type: "template.refused", template: name, reason });
    }
    return templates.filter(({ packages }) => packages === undefined);
  }
  const isReady = templates.every(({ name }) => name !== dataTemplate.name) && layers.known(dataTemplate) !== null;
  return isReady ? [...templates, dataTemplate] : templates;
}

export function packagesOf(layers: Layers): PackagesOf {
  return (template) => {
    const known = layers.known(template);
    if (known === null) return null;
    const { language, interpreter, packages } = known.facts;
    const name = { python: "Python ", node: "Node.js " }[language];
    return { interpreter: `${name}${interpreter.version}`, packages };
  };
}
