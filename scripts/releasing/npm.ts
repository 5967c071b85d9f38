// The npm packages of a release: one a platform with its executable, and msb-mcp, which starts the one that npm has installed. Packed by
// Bun, whose version the project pins: another npm or Node would compress to other bytes.

import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { project } from "./project.ts";
import type { Executable, Target } from "./targets.ts";

const root = join(import.meta.dir, "../..");

export type NpmOptions = {
  readonly version: string;
  /** Made if it is not there. Gets NAME-VERSION.tgz for each package. */
  readonly outDir: string;
  readonly executables: readonly Executable[];
  /** The licenses of what an executable contains of others, by its target's id: goes along as THIRD-PARTY-LICENSES. */
  readonly notices?: ReadonlyMap<string, string>;
};

/** The paths of the packages; the last one is msb-mcp itself, which must be published after the others. */
export async function makeNpmPackages(options: NpmOptions): Promise<readonly string[]> {
  const { version, outDir, executables, notices } = options;
  await mkdir(outDir, { recursive: true });
  const packages: string[] = [];
  for (const { target, path } of executables) {
    packages.push(await packPlatform({ version, outDir, target, path, notice: notices?.get(target.id) }));
  }
  packages.push(await packLauncher({ version, outDir, targets: executables.map(({ target }) => target) }));
  return packages;
}

/** The package that has a target's executable. */
function npmPackageOf({ id }: Target): string {
  return `${project.name}-${id}`;
}

async function packPlatform(options: {
  readonly version: string;
  readonly outDir: string;
  readonly target: Target;
  readonly path: string;
  readonly notice: string | undefined;
}): Promise<string> {
  const { version, outDir, target, path, notice } = options;
  const name = npmPackageOf(target);
  await using folder = await stagingFolder();
  const manifest = {
    ...common(name, version),
    description: `The executable of ${project.name} for ${target.id}`,
    // Not to be started as a package of its own: `msb-mcp` is the command.
    preferUnplugged: true,
    files: ["bin/", "THIRD-PARTY-LICENSES"],
    os: [target.os],
    cpu: [target.arch],
    ...(target.libc !== undefined && { libc: [target.libc] }),
  };
  const file = `bin/msb-mcp${target.os === "win32" ? ".exe" : ""}`;
  await mkdir(join(folder.path, "bin"));
  await copyFile(path, join(folder.path, file));
  await chmod(join(folder.path, file), 0o755);
  if (notice !== undefined) await Bun.write(join(folder.path, "THIRD-PARTY-LICENSES"), notice);
  const readme = [
    `# ${name}`,
    `The executable of [${project.name}](${project.repositoryUrl}) for ${target.id}.`,
    `It is installed with the package \`${project.name}\` where it fits: use that one.`,
  ];
  return await pack({ folder: folder.path, outDir, manifest, readme });
}

async function packLauncher(options: {
  readonly version: string;
  readonly outDir: string;
  readonly targets: readonly Target[];
}): Promise<string> {
  const { version, outDir, targets } = options;
  await using folder = await stagingFolder();
  const manifest = {
    ...common(project.name, version),
    description: project.description,
    mcpName: project.mcpName,
    homepage: project.repositoryUrl,
    keywords: ["mcp", "mcp-server", "sandbox", "microvm", "code-execution", "agents"],
    bin: { [project.name]: "bin/index.js" },
    files: ["bin/"],
    engines: { node: ">=18" },
    optionalDependencies: Object.fromEntries(targets.map((target) => [npmPackageOf(target), version])),
  };
  await mkdir(join(folder.path, "bin"));
  await copyFile(join(import.meta.dir, "npm/launcher.cjs"), join(folder.path, "bin/index.js"));
  await chmod(join(folder.path, "bin/index.js"), 0o755);
  const readme = [
    `# ${project.name}`,
    `${project.description}.`,
    "Start it over HTTP at http://localhost:8000/mcp:",
    `\`\`\`sh\nnpx ${project.name}\n\`\`\``,
    "Let a client start it over stdio:",
    `\`\`\`json\n${JSON.stringify({ mcpServers: { [project.name]: { command: "npx", args: ["-y", project.name, "--transport", "stdio"] } } }, undefined, 2)}\n\`\`\``,
    `\`npx ${project.name} doctor\` tells what this machine can run. \`npx ${project.name} --help\` shows every option.`,
    `The documentation is at ${project.repositoryUrl}.`,
  ];
  return await pack({ folder: folder.path, outDir, manifest, readme });
}

function common(name: string, version: string) {
  return {
    name,
    version,
    license: project.license,
    repository: { type: "git", url: `git+${project.repositoryUrl}.git` },
  };
}

async function pack(options: {
  readonly folder: string;
  readonly outDir: string;
  readonly manifest: { readonly name: string; readonly version: string };
  readonly readme: readonly string[];
}): Promise<string> {
  const { folder, outDir, manifest, readme } = options;
  await Bun.write(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await Bun.write(join(folder, "README.md"), `${readme.join("\n\n")}\n`);
  await copyFile(join(root, "LICENSE"), join(folder, "LICENSE"));
  const packing = Bun.spawn([process.execPath, "pm", "pack", "--quiet", "--ignore-scripts", "--destination", outDir], {
    cwd: folder,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const [errors, status] = await Promise.all([packing.stderr.text(), packing.exited]);
  if (status !== 0) throw new Error(`${manifest.name} could not be packed: ${errors.trim()}`);
  return join(outDir, `${manifest.name}-${manifest.version}.tgz`);
}

async function stagingFolder() {
  const path = await mkdtemp(join(tmpdir(), "msb-mcp-npm-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
