// The bill of materials of a release, as CycloneDX JSON: the packages of bun.lock that the program uses, and for each target the Bun and the
// files of the microVM runtime that its executable has.

import { createHash } from "node:crypto";
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import packageJson from "../../package.json" with { type: "json" };
import type { ExecutableContents } from "./executables.ts";
import { javaScriptPackages, licenseOf } from "./licenses.ts";
import type { Lock, LockedPackage } from "./lock.ts";
import { lockedPackage } from "./packages.ts";

export type SbomOptions = {
  readonly root: string;
  readonly lock: Lock;
  readonly executables: readonly ExecutableContents[];
  /** In seconds. */
  readonly time: number;
};

const { HashAlgorithm } = Enums;

export async function sbom({ root, lock, executables, time }: SbomOptions): Promise<string> {
  const program = new Models.Component(Enums.ComponentType.Application, packageJson.name, {
    version: packageJson.version,
    bomRef: packageJson.name,
    licenses: new Models.LicenseRepository([new Models.SpdxLicense(packageJson.license)]),
  });
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: program, timestamp: new Date(time * 1000) }),
  });
  const components = new Map<string, Models.Component>();
  for (const locked of javaScriptPackages(lock)) {
    components.set(locked.folder, npmComponent(locked, Enums.ComponentType.Library, await licenseOf(root, locked)));
  }
  for (const locked of javaScriptPackages(lock)) {
    for (const use of locked.uses) {
      const used = components.get(use);
      if (used !== undefined) components.get(locked.folder)?.dependencies.add(used.bomRef);
    }
  }
  for (const name of lock.direct) {
    const used = components.get(name);
    if (used !== undefined) program.dependencies.add(used.bomRef);
  }
  for (const component of components.values()) bom.components.add(component);
  for (const contents of executables) bom.components.add(await executableComponent(lock, contents));
  // The number is of the content: the same release has the same one.
  bom.serialNumber = urnOf(serialized(bom));
  return `${serialized(bom)}\n`;
}

function serialized(bom: Models.Bom): string {
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return serializer.serialize(bom, { sortLists: true, space: 2 });
}

function npmComponent(locked: LockedPackage, type: Enums.ComponentType, license: string): Models.Component {
  const [scope, name] = locked.name.startsWith("@") ? locked.name.split("/") : [undefined, locked.name];
  const purl = new PackageURL("npm", scope, name, locked.version, undefined, undefined).toString();
  const [algorithm, sum = ""] = locked.integrity.split("-");
  return new Models.Component(type, name ?? locked.name, {
    ...(scope === undefined ? {} : { group: scope }),
    version: locked.version,
    // A package may be there in two versions, and one version at two places.
    bomRef: `npm:${locked.folder}@${locked.version}`,
    purl,
    licenses: new Models.LicenseRepository([licenseFrom(license)]),
    hashes: new Models.HashDictionary(
      algorithm === "sha512" ? [[HashAlgorithm["SHA-512"], Buffer.from(sum, "base64").toString("hex")]] : [],
    ),
  });
}

function licenseFrom(text: string): Models.License {
  return / (?:OR|AND|WITH) /.test(text) ? new Models.LicenseExpression(text) : new Models.NamedLicense(text);
}

/** An executable, and in it what it has that is no JavaScript. */
async function executableComponent(lock: Lock, { target, path, bun, runtime }: ExecutableContents) {
  const executable = new Models.Component(Enums.ComponentType.File, target.executable, {
    version: packageJson.version,
    bomRef: `executable:${target.id}`,
    hashes: sha256Sum(await sha256Of(path)),
  });
  const bunComponent = npmComponent(lockedPackage(lock, bun.packageName), Enums.ComponentType.Platform, "MIT");
  bunComponent.bomRef.value = `${target.id}:${bunComponent.bomRef.value}`;
  bunComponent.hashes.set(HashAlgorithm["SHA-256"], await sha256Of(bun.path));
  executable.components.add(bunComponent);
  if (runtime === undefined) return executable;
  const runtimePackage = lockedPackage(lock, runtime.packageName);
  const component = npmComponent(runtimePackage, Enums.ComponentType.Library, "Apache-2.0");
  component.bomRef.value = `${target.id}:${component.bomRef.value}`;
  for (const { name, place, sha256 } of runtime.parts.parts) {
    component.components.add(
      new Models.Component(Enums.ComponentType.File, name, {
        bomRef: `${target.id}:${place}`,
        version: runtimePackage.version,
        description: place,
        hashes: sha256Sum(sha256),
        licenses: new Models.LicenseRepository([licenseFrom(partLicenses[name])]),
      }),
    );
  }
  executable.components.add(component);
  return executable;
}

const partLicenses = {
  addon: "Apache-2.0",
  msb: "Apache-2.0",
  libkrunfw: "LGPL-2.1-only AND GPL-2.0-only",
} as const;

function sha256Sum(sum: string): Models.HashDictionary {
  return new Models.HashDictionary([[HashAlgorithm["SHA-256"], sum]]);
}

async function sha256Of(path: string): Promise<string> {
  return createHash("sha256")
    .update(await Bun.file(path).bytes())
    .digest("hex");
}

function urnOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
