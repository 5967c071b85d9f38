// Makes all files of a release: the executables, their archives, packages for npm, bundles, service files, the bill of materials, the sums.
// scripts/release starts it, and tells of its options. Nothing has the folder's name before all files are there.

import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { parsedArguments } from "./building/arguments.ts";
import { commitOf, commitTime } from "./building/commit.ts";
import { compressions } from "./building/parts.ts";
import { makeArchive } from "./releasing/archives.ts";
import { buildTarget, type ExecutableContents } from "./releasing/executables.ts";
import { thirdPartyLicenses } from "./releasing/licenses.ts";
import { readLock } from "./releasing/lock.ts";
import { makeBundles } from "./releasing/mcpb.ts";
import { makeNpmPackages } from "./releasing/npm.ts";
import { makeServerJson } from "./releasing/registry.ts";
import { sbom } from "./releasing/sbom.ts";
import { makeServiceFiles } from "./releasing/services.ts";
import { type Sized, sizeTable, sumsFile, sumsOf } from "./releasing/sums.ts";
import { targets } from "./releasing/targets.ts";

const root = join(import.meta.dir, "..");
const { values, positionals } = parsedArguments("scripts/release", {
  allowPositionals: true,
  options: {
    targets: { type: "string" },
    compression: { type: "string", default: "best" },
    out: { type: "string" },
  },
});

const wanted = values.targets?.split(",") ?? targets.map(({ id }) => id);
const releaseDir = resolve(values.out ?? join(root, "dist/release"));
const outDir = `${releaseDir}.new`;
// Sources are named from here in the source map, and the same bytes must come out of any folder.
process.chdir(root);
const compression = compressions.find((name) => name === values.compression);
const unknown = wanted.filter((id) => !targets.some((target) => target.id === id));
const [version] = positionals;
const problems = [
  ...(version === packageJson.version && positionals.length === 1
    ? []
    : [
        `VERSION: "${positionals.join(" ")}" is not allowed; it must be ${packageJson.version}, as in package.json. ` +
          "To release another version, write it into package.json and commit that",
      ]),
  ...unknown.map(
    (id) => `--targets: "${id}" is not allowed; it must be some of ${targets.map((target) => target.id).join(",")}`,
  ),
  ...(compression === undefined
    ? [`--compression: "${values.compression}" is not allowed; it must be one of ${compressions.join(", ")}`]
    : []),
  ...(values.out !== undefined && (await entriesOf(releaseDir)).length > 0
    ? [`--out: ${releaseDir} is not empty. Name an empty folder, or one that is not there`]
    : []),
  ...(values.out !== undefined && (await entriesOf(outDir)).length > 0
    ? [`--out: ${outDir} is not empty. It is what a release leaves that was ended half-way: remove it`]
    : []),
];
if (problems.length > 0 || version === undefined || compression === undefined) {
  console.error(problems.join("\n"));
  process.exit(2);
}

const commit = await commitOf(root);
const time = await commitTime(root);
if (commit.endsWith("+dirty")) {
  console.error(
    "The tree has changes that are not committed: nobody else can make these files. This is no release to publish.",
  );
}
// What an earlier release has left would get into the sums of this one, or pass for it.
for (const folder of [releaseDir, outDir]) await rm(folder, { recursive: true, force: true });
await mkdir(outDir, { recursive: true });
const lock = await readLock(root);

const executables: ExecutableContents[] = [];
const sized: Sized[] = [];
const notices = new Map<string, string>();
const texts = {
  LICENSE: await Bun.file(join(root, "LICENSE")).text(),
  "README.md": await Bun.file(join(root, "README.md")).text(),
};
for (const target of targets.filter(({ id }) => wanted.includes(id))) {
  const tell = (step: string) => console.error(`${target.id}: ${step} …`);
  const built = await buildTarget(target, { root, outDir, commit, compression, lock, tell });
  tell(`making the archive (compression ${compression})`);
  const licenses = await thirdPartyLicenses(root, lock, built);
  const archive = await makeArchive({
    outDir,
    executable: built,
    texts: { ...texts, "THIRD-PARTY-LICENSES": licenses },
    time,
    compression,
  });
  executables.push(built);
  notices.set(target.id, licenses);
  sized.push({ executable: built, bunPath: built.bun.path, archive });
}

console.error("all targets: making the bundles …");
const bundles = await makeBundles({ version, outDir, executables, notices });
console.error("all targets: making the npm packages …");
await makeNpmPackages({ version, outDir, executables, notices });
await makeServerJson({ version, outDir, bundles });
console.error("all targets: making the bill of materials, and the sums …");
await Bun.write(join(outDir, "msb-mcp.cdx.json"), await sbom({ root, lock, executables, time }));
const sizes = sizeTable(sized);
await Bun.write(join(outDir, "SIZES.md"), sizes);
await Bun.write(join(outDir, "install.sh"), Bun.file(join(root, "install.sh")));
if (executables.length === targets.length) {
  await makeServiceFiles({ version, outDir, sums: await sumsOf(await entriesOf(outDir)) });
}
await Bun.write(join(outDir, "SHA256SUMS"), sumsFile(await sumsOf(await entriesOf(outDir))));
await rename(outDir, releaseDir);
console.log(sizes);
console.log(`${releaseDir}: msb-mcp ${version} (${commit})`);

async function entriesOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.map((name) => join(folder, name));
}
