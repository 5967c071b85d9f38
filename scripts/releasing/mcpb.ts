// The MCP bundles of a release: one a platform, which a desktop client installs by a double click and starts over stdio. Their format is
// that of the MCPB specification, 0.3. The official tool packs the same, but with the time of day in it.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { options } from "../../src/config/options.ts";
import { project } from "./project.ts";
import type { Executable, Target } from "./targets.ts";
import { type ZipEntry, zip } from "./zip.ts";

const root = join(import.meta.dir, "../..");

export type BundleOptions = {
  readonly version: string;
  /** Made if it is not there. Gets msb-mcp-PLATFORM.mcpb for each bundle. */
  readonly outDir: string;
  readonly executables: readonly Executable[];
  /** The licenses of what an executable contains of others, by its target's id: goes along as THIRD-PARTY-LICENSES. */
  readonly notices?: ReadonlyMap<string, string>;
};

export type Bundle = { readonly target: Target; readonly path: string };

/** None for musl, whose systems have no desktop client that takes bundles. */
export async function makeBundles(options: BundleOptions): Promise<readonly Bundle[]> {
  const { version, outDir, executables, notices } = options;
  await mkdir(outDir, { recursive: true });
  const bundles: Bundle[] = [];
  for (const { target, path } of executables) {
    if (target.libc === "musl") continue;
    const manifest = JSON.stringify(bundleManifest(version, target), undefined, 2);
    const notice = notices?.get(target.id);
    const content = await zip([
      textEntry("manifest.json", `${manifest}\n`),
      textEntry("LICENSE", await Bun.file(join(root, "LICENSE")).text()),
      ...(notice === undefined ? [] : [textEntry("THIRD-PARTY-LICENSES", notice)]),
      { name: entryPoint(target), content: await Bun.file(path).bytes(), isExecutable: true },
    ]);
    const bundle = { target, path: join(outDir, `${project.name}-${target.id}.mcpb`) };
    await Bun.write(bundle.path, content);
    bundles.push(bundle);
  }
  return bundles;
}

function textEntry(name: string, text: string): ZipEntry {
  return { name, content: new TextEncoder().encode(text), isExecutable: false };
}

function entryPoint({ os }: Target): string {
  return `server/${project.name}${os === "win32" ? ".exe" : ""}`;
}

function bundleManifest(version: string, target: Target) {
  return {
    manifest_version: "0.3",
    name: project.name,
    display_name: "msb-mcp: code in sandboxes",
    version,
    description: project.description,
    long_description:
      "Runs Python, Node.js and shell commands in isolated sandboxes that keep their state between calls. A sandbox is a microVM on " +
      "this machine where it has virtualization, on a microsandbox server, or in the microsandbox cloud.",
    author: { name: `The ${project.name} authors`, url: project.repositoryUrl },
    repository: { type: "git", url: `${project.repositoryUrl}.git` },
    homepage: project.repositoryUrl,
    support: `${project.repositoryUrl}/issues`,
    license: project.license,
    keywords: ["sandbox", "microvm", "code", "python", "node", "shell"],
    server: {
      type: "binary",
      entry_point: entryPoint(target),
      mcp_config: {
        command: `\${__dirname}/${entryPoint(target)}`,
        args: ["--transport", "stdio"],
        // What the user leaves empty is an unset variable.
        env: Object.fromEntries(settings.map(({ key, variable }) => [variable, `\${user_config.${key}}`])),
      },
    },
    tools_generated: true,
    compatibility: { platforms: [target.os] },
    user_config: Object.fromEntries(settings.map(({ key, asked }) => [key, asked])),
  };
}

/** What a client asks the user for, and the variable that says it to the server. Each has a default: without one it is not left out. */
const settings = [
  {
    key: "backend",
    variable: options.backend.variable,
    asked: {
      type: "string",
      title: "Where sandboxes run",
      description: `${options.backend.kind.rule}. "auto" takes the best that this machine can run.`,
      default: "auto",
    },
  },
  {
    key: "server_url",
    variable: options.serverUrl.variable,
    asked: {
      type: "string",
      title: "microsandbox server",
      description: "URL of a microsandbox server. It is required for the server backend only.",
      default: "",
    },
  },
  {
    key: "api_key",
    variable: options.apiKey.variable,
    asked: {
      type: "string",
      title: "microsandbox API key",
      description: "Key of the microsandbox server or cloud.",
      sensitive: true,
      default: "",
    },
  },
  {
    key: "max_sessions",
    variable: options.maxSessions.variable,
    asked: {
      type: "number",
      title: "Sandboxes at once",
      description: "How many sandboxes may run at the same time.",
      min: 1,
      default: Number(options.maxSessions.fallbackShown),
    },
  },
] as const;
