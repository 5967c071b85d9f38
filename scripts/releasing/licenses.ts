// THIRD-PARTY-LICENSES: under which licenses the parts of an executable are that others have made, with their texts.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ExecutableContents } from "./executables.ts";
import { type Lock, type LockedPackage, moduleFolder } from "./lock.ts";

/** The text for one executable. */
export async function thirdPartyLicenses(root: string, lock: Lock, contents: ExecutableContents): Promise<string> {
  const own = (name: string) => Bun.file(join(root, "scripts/releasing/license-texts", name)).text();
  const versionOf = (name: string) => `${name} ${lock.byName.get(name)?.version ?? ""}`;
  const sections = [
    `What msb-mcp contains that others have made, in the executable for ${contents.target.id}.\n`,
    heading(`Bun: ${versionOf(contents.bun.packageName)}`) + (await own("bun.txt")),
  ];
  if (contents.runtime !== undefined) {
    sections.push(heading(`microVM runtime: ${versionOf(contents.runtime.packageName)}`) + (await own("runtime.txt")));
  }
  for (const locked of javaScriptPackages(lock)) sections.push(await packageSection(root, locked));
  const texts = contents.runtime === undefined ? commonTexts.filter(([name]) => name !== "GPL-2") : commonTexts;
  for (const [name, title] of texts) sections.push(heading(title) + (await own(`${name}.txt`)));
  return sections.join("\n");
}

const commonTexts = [
  ["Apache-2.0", "Apache License 2.0"],
  ["LGPL-2", "GNU Library General Public License 2"],
  ["LGPL-2.1", "GNU Lesser General Public License 2.1"],
  ["GPL-2", "GNU General Public License 2"],
] as const;

/** What the program uses, other than the runtime, which is no JavaScript. */
export function javaScriptPackages(lock: Lock): readonly LockedPackage[] {
  return lock.production.filter(({ name }) => !name.startsWith("@superradcompany/microsandbox-"));
}

/** As its package.json says it: an SPDX expression. */
export async function licenseOf(root: string, { folder }: LockedPackage): Promise<string> {
  const { license, licenses } = await Bun.file(join(moduleFolder(root, folder), "package.json")).json();
  return String(license?.type ?? license ?? licenses?.[0]?.type ?? "NOASSERTION");
}

async function packageSection(root: string, locked: LockedPackage): Promise<string> {
  const folder = moduleFolder(root, locked.folder);
  const file = (await readdir(folder)).sort().find((name) => /^(?:licen[cs]e|copying)/i.test(name));
  const license = await licenseOf(root, locked);
  const text =
    file === undefined ? `${license}. The package has no text of it.\n` : await Bun.file(join(folder, file)).text();
  return heading(`${locked.name} ${locked.version}: ${license}`) + text.replaceAll("\r\n", "\n");
}

function heading(title: string): string {
  return `${"=".repeat(title.length)}\n${title}\n${"=".repeat(title.length)}\n\n`;
}
