// server.json: what the MCP registry is told of a release, in its schema of 2025-12-11.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Option, options } from "../../src/config/options.ts";
import type { Bundle } from "./mcpb.ts";
import { project, releaseFileUrl } from "./project.ts";

export type RegistryOptions = {
  readonly version: string;
  /** Made if it is not there. Gets server.json. */
  readonly outDir: string;
  readonly bundles: readonly Bundle[];
};

/** The path of server.json. */
export async function makeServerJson({ version, outDir, bundles }: RegistryOptions): Promise<string> {
  await mkdir(outDir, { recursive: true });
  const path = join(outDir, "server.json");
  const packages = [
    npmPackage(version),
    ...(await Promise.all(bundles.map((it) => mcpbPackage(version, it)))),
    image(version),
  ];
  const server = {
    $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    name: project.mcpName,
    title: project.name,
    description: project.description,
    repository: { url: project.repositoryUrl, source: "github" },
    version,
    packages,
  };
  await Bun.write(path, `${JSON.stringify(server, undefined, 2)}\n`);
  return path;
}

const transport = { type: "stdio" };

const stdioArguments = [{ type: "named", name: "--transport", value: "stdio" }];

function npmPackage(version: string) {
  return {
    registryType: "npm",
    identifier: project.name,
    version,
    runtimeHint: "npx",
    transport,
    packageArguments: stdioArguments,
    environmentVariables: variables(),
  };
}

/** Its manifest says how it is started and what the user is asked for. */
async function mcpbPackage(version: string, { path }: Bundle) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return {
    registryType: "mcpb",
    identifier: releaseFileUrl(version, name),
    version,
    fileSha256: Bun.SHA256.hash(await Bun.file(path).bytes(), "hex"),
    transport,
  };
}

/** The minimal image, in which nothing but a backend elsewhere works without a device of the machine. */
function image(version: string) {
  return {
    registryType: "oci",
    identifier: `${project.image}:${version}`,
    runtimeHint: "docker",
    transport,
    packageArguments: stdioArguments,
    environmentVariables: variables(),
  };
}

function variables() {
  return [
    variable(options.backend),
    variable(options.serverUrl),
    { ...variable(options.apiKey), description: "Key for the microsandbox server or cloud", isSecret: true },
    variable(options.maxSessions),
  ];
}

/** Without a default: a client would set the variable to it, and a server URL that is set is asked for. */
function variable({ variable: name, summary, kind, fallbackShown }: Option<unknown>) {
  return {
    name,
    description: summary,
    ...(fallbackShown !== undefined && { placeholder: fallbackShown }),
    ...(Array.isArray(kind.completions) && { choices: kind.completions }),
  };
}
