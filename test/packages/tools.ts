// Official tools that are no dependency of ours, as they bring many of their own: fetched by exact version into the user's cache, so that only a
// first run downloads. Each is undefined, having said so with what is skipped, where it cannot be had.

import { join } from "node:path";
import { cacheDirectory, packagesOf, problemOf, pythonWith } from "../clients/foreign.ts";

/** Of npm: the folder of the package. */
export async function npmTool(name: string, version: string, skipped: string): Promise<string | undefined> {
  const wanted = JSON.stringify({ dependencies: { [name]: version } });
  const { folder, missing } = await packagesOf(name.replaceAll("/", "+"), wanted);
  return found(join(folder, "node_modules", name), missing, skipped);
}

/** Of PyPI: the interpreter of an environment that has the package. */
export async function pythonPackage(name: string, version: string, skipped: string): Promise<string | undefined> {
  const { argv, missing } = await pythonWith(`python-${name}`, [`${name}==${version}`]);
  return found(argv[0] ?? "", missing, skipped);
}

/** Of the Go proxy: the folder of the module's files. */
export async function goModule(path: string, version: string, skipped: string): Promise<string | undefined> {
  const missing = await problemOf(["go", "mod", "download", `${path}@${version}`]);
  if (missing !== undefined) return found("", missing, skipped);
  const cache = await Bun.$`go env GOMODCACHE`.text();
  return join(cache.trim(), `${path}@${version}`);
}

/** Of the Go proxy, built: the program's path. */
export async function goProgram(path: string, version: string, skipped: string): Promise<string | undefined> {
  const { folder, program } = await goPlace(path, version);
  const isThere = await Bun.file(program).exists();
  const build = ["env", `GOBIN=${folder}`, "go", "install", `${path}@${version}`];
  return found(program, isThere ? undefined : await problemOf(build), skipped);
}

/** The same for one that takes minutes to build: only if it is on this machine, or the variable asks for it. */
export async function largeGoProgram(path: string, version: string, skipped: string): Promise<string | undefined> {
  const { program } = await goPlace(path, version);
  const name = program.slice(program.lastIndexOf("/") + 1);
  const variable = `MSB_MCP_TEST_${name.toUpperCase()}`;
  if ((await Bun.file(program).exists()) || Bun.env[variable] === "build")
    return await goProgram(path, version, skipped);
  const onPath = Bun.which(name);
  const missing = `there is no ${name} here, and to build it takes minutes (${variable}=build has it built and kept)`;
  return found(onPath ?? "", onPath === null ? missing : undefined, skipped);
}

async function goPlace(path: string, version: string) {
  const folder = join(await cacheDirectory(), `go-${version}`);
  return { folder, program: join(folder, path.slice(path.lastIndexOf("/") + 1)) };
}

function found(path: string, missing: string | undefined, skipped: string): string | undefined {
  if (missing === undefined) return path;
  console.warn(`SKIPPED: ${skipped}: ${missing}`);
  return undefined;
}
