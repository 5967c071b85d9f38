// How a program of this project becomes one file.

import { rm } from "node:fs/promises";
import type { BunPlugin } from "bun";

/** The platforms that a release may have an executable for. */
export const buildTargets = [
  "bun-linux-x64",
  "bun-linux-x64-baseline",
  "bun-linux-x64-musl",
  "bun-linux-arm64",
  "bun-linux-arm64-musl",
  "bun-darwin-x64",
  "bun-darwin-arm64",
  "bun-windows-x64",
] as const;

export type BuildTarget = (typeof buildTargets)[number];

export type ExecutableOptions = {
  readonly entry: string;
  readonly outfile: string;
  /** Undefined: this machine's. */
  readonly target: BuildTarget | undefined;
  /** The target's Bun; undefined: this one, or one that Bun brings for the target. */
  readonly bunPath?: string;
  readonly plugin: BunPlugin;
  readonly commit: string;
};

export type Built = { readonly ok: boolean; readonly messages: readonly string[] };

export async function buildExecutable(options: ExecutableOptions): Promise<Built> {
  const { entry, outfile, target, bunPath, plugin, commit } = options;
  const result = await Bun.build({
    entrypoints: [entry],
    target: "bun",
    plugins: [plugin],
    // Compiled ahead: the start is mostly parsing otherwise. Names are kept, because logs show them.
    format: "esm",
    bytecode: true,
    minify: { whitespace: true, syntax: true, identifiers: false },
    sourcemap: "inline",
    define: { BUILD_COMMIT: JSON.stringify(commit) },
    compile: {
      outfile,
      ...(target === undefined ? {} : { target }),
      ...(bunPath === undefined ? {} : { executablePath: bunPath }),
      // By default a compiled program runs what a bunfig.toml in its working directory tells it to, and reads its .env.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
    throw: false,
  });
  const messages = result.logs.map(String);
  if (!result.success) return { ok: false, messages };
  // The executable carries its source map; the copy beside it is of no use.
  for (const { kind, path } of result.outputs) if (kind === "sourcemap") await rm(path, { force: true });
  return { ok: true, messages };
}
