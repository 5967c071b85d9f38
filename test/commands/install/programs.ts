// The clients themselves, as their makers publish them to npm: of each the package for this platform alone, by its exact version. They are
// large (1 GB in all), so they are no dependencies: a first run puts them into the user's cache.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheDirectory } from "../../clients/foreign.ts";

/** What starts the client, or why it cannot be had here. */
export type Program = { readonly argv: readonly string[]; readonly missing?: string };

type Package = {
  readonly name: string;
  readonly version: string;
  /** The program within the package. */
  readonly file: string;
  readonly isScript?: true;
};

/** For a download of some hundred megabytes. */
const patienceMs = 180_000;

export const programNames = ["claude", "codex", "opencode", "gemini"] as const;

export type ProgramName = (typeof programNames)[number];

export async function prepare(name: ProgramName): Promise<Program> {
  if (!["linux", "darwin"].includes(process.platform) || !["x64", "arm64"].includes(process.arch)) {
    return { argv: [], missing: `no package of it for ${process.platform} ${process.arch} is named here` };
  }
  const { name: packageName, version, file, isScript } = packageOf(name);
  const directory = join(await cacheDirectory(), `${name}-${version}`);
  const path = join(directory, "node_modules", packageName, file);
  const node = isScript === undefined ? undefined : Bun.which("node");
  if (node === null) return { argv: [], missing: "there is no node" };
  const problem = existsSync(path) ? undefined : await download(packageName, version, directory);
  const argv = node === undefined ? [path] : [node, path];
  return problem === undefined ? { argv } : { argv, missing: problem };
}

function packageOf(name: ProgramName): Package {
  const { platform, arch } = process;
  const machine = `${arch === "x64" ? "x86_64" : "aarch64"}-${platform === "darwin" ? "apple-darwin" : "unknown-linux-musl"}`;
  const baseline = arch === "x64" ? "-baseline" : "";
  switch (name) {
    case "claude":
      return { name: `@anthropic-ai/claude-code-${platform}-${arch}`, version: "2.1.332", file: "claude" };
    case "codex":
      return { name: "@openai/codex", version: `0.169.0-${platform}-${arch}`, file: `vendor/${machine}/bin/codex` };
    case "opencode":
      return { name: `opencode-${platform}-${arch}${baseline}`, version: "1.18.33", file: "bin/opencode" };
    case "gemini":
      return { name: "@google/gemini-cli", version: "0.61.0", file: "bundle/gemini.js", isScript: true };
  }
}

/** Whole or not at all; what is wrong, if anything. */
async function download(name: string, version: string, directory: string): Promise<string | undefined> {
  const draft = await mkdtemp(`${directory}.`);
  const cache = await mkdtemp(join(tmpdir(), "msb-mcp-npm-"));
  try {
    await Bun.write(join(draft, "package.json"), JSON.stringify({ dependencies: { [name]: version } }));
    const child = Bun.spawn([process.execPath, "install", "--ignore-scripts", "--no-progress", "--no-save"], {
      cwd: draft,
      // Not a second time in Bun's own cache.
      env: { ...process.env, BUN_INSTALL_CACHE_DIR: cache },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: patienceMs,
      killSignal: "SIGKILL",
    });
    const [errors, status] = await Promise.all([child.stderr.text(), child.exited]);
    if (status !== 0) return errors.trim().split("\n").at(-1) || `the installation ended with ${status}`;
    await rm(directory, { recursive: true, force: true });
    await mkdir(join(directory, ".."), { recursive: true });
    await rename(draft, directory);
    return undefined;
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(cache, { recursive: true, force: true });
  }
}
