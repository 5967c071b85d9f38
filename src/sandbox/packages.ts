// What a template has installed beside its language: as it is configured. Building it is the affair of layers/.

import { isRecord } from "./is-record.ts";
import type { CommonLanguage, Packages, Template } from "./templates.ts";

/** Where packages come from, instead of the language's public registry. */
export type PackageIndex =
  | { readonly kind: "url"; readonly url: string }
  /** A folder of wheels on this machine. */
  | { readonly kind: "folder"; readonly path: string };

export type PackageIndexes = Partial<Readonly<Record<CommonLanguage, PackageIndex>>>;

export type Package = { readonly name: string; readonly version: string };

/** What a template's sandboxes have; null where it has not been built yet. */
export type PackagesOf = (template: Template) => {
  /** With its version: `Python 3.13.1`. */
  readonly interpreter: string;
  readonly packages: readonly Package[];
} | null;

/** Of a requirements file, a package.json, or a lock file. Bytes. */
export const maxPackagesBytes = 4_194_304;

/** Packages in a list of the templates file; a file may have more. */
export const maxListed = 256;

const python =
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9._, -]+\])?\s*(?:(?:===?|~=|!=|<=?|>=?)\s*[^\s;@]+)?(?:\s*;[^\r\n]*)?$/;
const node = /^((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)(?:@([^\s:/]+))?$/i;

export const packageRules: Readonly<Record<CommonLanguage, string>> = {
  python: 'a list such as ["numpy==2.2.6", "requests"], or the path of a requirements file',
  node: 'a list such as ["zod@3.25.0", "lodash"], or the path of a package.json (with the package-lock.json beside it)',
};

/** The packages of a list, or the item that is none. */
export function packagesOfList(
  language: CommonLanguage,
  items: readonly string[],
): Packages | { readonly wrong: string } {
  const wrong = items.find((item) => !(language === "python" ? python : node).test(item));
  if (wrong !== undefined) return { wrong };
  if (language === "python") return { kind: "requirements", text: `${items.join("\n")}\n` };
  const dependencies = items.map((item) => {
    const [, name = "", version = "*"] = node.exec(item) ?? [];
    return [name, version];
  });
  const packageJson = JSON.stringify({ private: true, dependencies: Object.fromEntries(dependencies) });
  return { kind: "manifest", packageJson, lock: null };
}

/** The names that were asked for, in their order: not what they need in turn. */
export function namesOf(packages: Packages): readonly string[] {
  if (packages.kind === "requirements") {
    const lines = packages.text.split("\n").map((line) => /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(line)?.[1]);
    return [...new Set(lines.filter((name) => name !== undefined))];
  }
  const parsed: unknown = JSON.parse(packages.packageJson);
  const dependencies = isRecord(parsed) ? parsed.dependencies : undefined;
  return isRecord(dependencies) ? Object.keys(dependencies) : [];
}

/** Where installers put what is a session's own in a namespace sandbox: in its home. Programs there stand first on its PATH. */
export const ownPrefix = "/home/user/.local";

/** The sandbox is a session's own: installers need not protect its system from it (PEP 668), nor look for newer versions of themselves. */
export const installerEnv: Readonly<Record<string, string>> = {
  PIP_BREAK_SYSTEM_PACKAGES: "1",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_ROOT_USER_ACTION: "ignore",
  NPM_CONFIG_UPDATE_NOTIFIER: "false",
};
