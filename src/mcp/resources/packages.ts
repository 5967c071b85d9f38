// sandbox-packages://TEMPLATE: what a template has installed, with versions.

import { namesOf, type PackagesOf } from "../../sandbox/packages.ts";
import type { Template } from "../../sandbox/templates.ts";
import type { ResourceScheme } from "./table.ts";

const prefix = "sandbox-packages://";
const mimeType = "text/plain";

export function installedPackages(templates: readonly Template[], packagesOf: PackagesOf): ResourceScheme {
  const layered = templates.filter(({ packages }) => packages !== undefined);
  return {
    prefix,
    resources: layered.map(({ name }) => ({
      uri: `${prefix}${name}`,
      name: `packages-${name}`,
      title: `Packages of the template ${name}`,
      description: "All packages that its sandboxes have installed, with versions.",
      mimeType,
    })),
    templates: [],
    read: (uri) => {
      const template = layered.find(({ name }) => uri === `${prefix}${name}`);
      return template && { contents: [{ uri, mimeType, text: textOf(template, packagesOf) }] };
    },
  };
}

function textOf(template: Template, packagesOf: PackagesOf): string {
  const installed = packagesOf(template);
  if (installed !== null) {
    const lines = installed.packages.map(({ name, version }) => `${name} ${version}`);
    return `${[`# ${installed.interpreter}`, ...lines].join("\n")}\n`;
  }
  const names = template.packages === undefined ? [] : namesOf(template.packages);
  return `${["# Not installed yet: the first session of the template installs them. Asked for:", ...names].join("\n")}\n`;
}
