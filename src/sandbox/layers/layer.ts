// What a layer is: packages of a template, built for one interpreter, in a folder of this machine that sandboxes mount read-only.

import { createHash } from "node:crypto";
import type { Package } from "../packages.ts";
import type { CommonLanguage, Packages, Template } from "../templates.ts";
import type { Volume } from "../volumes.ts";

/** Raised when the same packages are built in another way. */
const builderVersion = 1;

/** Where sandboxes have it, and the sandbox that builds it. */
export const layerFolder = "/opt/msb/layer";

/** Of an interpreter, as a probe in the guest tells it. */
export type Interpreter = {
  readonly executable: string;
  readonly version: string;
  readonly abi: string;
  readonly platform: string;
  readonly libc: string;
  /** The guest's PATH, which is no part of what it is. */
  readonly path: string;
};

/** Kept beside the folder. */
export type LayerFacts = {
  readonly template: string;
  readonly language: CommonLanguage;
  readonly interpreter: Interpreter;
  readonly packages: readonly Package[];
  readonly bytes: number;
};

/** What begins the keys of all layers of these packages, whatever the interpreter. */
export function packagesKey(language: CommonLanguage, packages: Packages): string {
  return hash([builderVersion, language, packages]);
}

/** Of one layer: a name that is safe as a folder's. */
export function layerKey(language: CommonLanguage, packages: Packages, interpreter: Interpreter): string {
  const { path: _, ...identity } = interpreter;
  return `${packagesKey(language, packages)}-${hash(Object.entries(identity))}`;
}

/** `folder` is that of the layer on this machine. */
export function mountsOf(language: CommonLanguage, folder: string): readonly Volume[] {
  // Where each lookup of a module ends, `import` as well as `require`, from whatever folder it began in.
  if (language === "node") return [{ hostPath: `${folder}/node_modules`, guestPath: "/node_modules", readOnly: true }];
  return [{ hostPath: folder, guestPath: layerFolder, readOnly: true }];
}

/** Where its sandboxes find the programs of its packages. */
export function programsOf(language: CommonLanguage): string {
  return language === "node" ? "/node_modules/.bin" : `${layerFolder}/site/bin`;
}

/** The environment of a sandbox that has the layer. */
export function envOf({ language, env }: Template): Readonly<Record<string, string>> {
  return { ...(language === "node" ? {} : { MSB_PACKAGES: `${layerFolder}/site` }), ...env };
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 20);
}
