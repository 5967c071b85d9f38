// The base image, made of Debian's packages under the name that the Dockerfile has for it, and what the images are built from: the files of this
// project, and an executable built before.

import { cp, mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../docs/blocks.ts";
import type { Docker } from "./daemon.ts";

/** What a build takes from the project where the executable is given. */
const contextFiles = ["Dockerfile", ".dockerignore", "LICENSE", "compose.yaml", "deploy"];

/** A base is made anew after a week: Debian's packages are renewed meanwhile. Milliseconds. */
const baseLifeMs = 7 * 86_400_000;
const baseFolder = process.env.MSB_MCP_DOCKER_HOME ?? "/var/cache/msb-mcp-docker";

/** Debian slim as the Dockerfile names it, from the mirror that this machine takes its packages from. */
export async function importBase(docker: Docker): Promise<void> {
  const dockerfile = await Bun.file(join(root, "Dockerfile")).text();
  const name = /^ARG BASE=(\S+)$/m.exec(dockerfile)?.[1] ?? "";
  const suite = /^debian:(\w+)-slim$/.exec(name)?.[1];
  if (suite === undefined) throw new Error(`the Dockerfile's base is ${name}, and no debian:SUITE-slim`);
  const archive = join(baseFolder, `${suite}.tar`);
  const made = await stat(archive).catch(() => undefined);
  if (made === undefined || Date.now() - made.mtimeMs > baseLifeMs) {
    const draft = `${archive}.${process.pid}.tar`;
    await mkdir(baseFolder, { recursive: true });
    // As Debian's slim images are: essential packages and apt, no manuals.
    const left = ["doc", "man", "info", "locale"].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`);
    const kept = "--dpkgopt=path-include=/usr/share/doc/*/copyright";
    await docker.out(
      `mmdebstrap --quiet --variant=apt ${[...left, kept, "--dpkgopt=force-unsafe-io"].map((option) => `'${option}'`).join(" ")} ` +
        `${suite} ${draft} "${await mirror(docker)}"`,
    );
    await rename(draft, archive);
  }
  await docker.out(`docker import '${archive}' '${name}'`);
}

/** Makes a folder one from which the guide's commands build: BINARY=dist/msb-mcp is there. */
export async function fillContext(docker: Docker, folder: string): Promise<void> {
  for (const file of contextFiles) await cp(join(root, file), join(folder, file), { recursive: true });
  await docker.out(`'${process.execPath}' scripts/build.ts --outfile '${folder}/dist/msb-mcp'`, {}, root);
}

async function mirror(docker: Docker): Promise<string> {
  const query = `apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 'Component: main'`;
  const { stdout } = await docker.sh(query);
  const [first] = stdout.split("\n").filter((line) => /^https?:/.test(line));
  if (first === undefined) throw new Error("apt's sources name no mirror of Debian");
  return first;
}
