// Official tools that are in no dependency of ours, as they bring many of their own: fetched by exact version into the user's cache, so that
// only a first run downloads.

import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** How long a download may take. */
const patienceMs = 120_000;

/** Of npm: the folder of the package. Undefined, having said so with what is skipped, where it cannot be had. */
export async function npmTool(name: string, version: string, skipped: string): Promise<string | undefined> {
  const folder = join(cacheDirectory(), `${name.replaceAll("/", "+")}-${version}`);
  const installed = join(folder, "node_modules", name);
  const isThere = async () => {
    const manifest = Bun.file(join(installed, "package.json"));
    return (await manifest.exists()) && (await manifest.json()).version === version;
  };
  if (await isThere()) return installed;
  await mkdir(folder, { recursive: true });
  await Bun.write(join(folder, "package.json"), "{}");
  const problem = await problemOf(
    [process.execPath, "add", "--exact", "--ignore-scripts", `${name}@${version}`],
    folder,
  );
  if (await isThere()) return installed;
  console.warn(`SKIPPED: ${skipped}: ${name}@${version} cannot be had from npm: ${problem}`);
  return undefined;
}

/** Of the Go proxy: the folder of the module's files. Undefined, having said so with what is skipped, where it cannot be had. */
export async function goModule(path: string, version: string, skipped: string): Promise<string | undefined> {
  const go = Bun.which("go");
  const said = go === null ? "" : await output([go, "mod", "download", "-json", `${path}@${version}`]);
  const directory = /"Dir": "([^"]+)"/.exec(said)?.[1];
  if (directory === undefined) {
    console.warn(`SKIPPED: ${skipped}: ${go === null ? "there is no go here" : `${path}@${version} cannot be had`}`);
  }
  return directory;
}

/** Of Go, built: the program's path. Undefined, having said so with what is skipped, where it cannot be had. */
export async function goProgram(path: string, version: string, skipped: string): Promise<string | undefined> {
  const folder = join(cacheDirectory(), `go-${version}`);
  const program = join(folder, path.slice(path.lastIndexOf("/") + 1));
  if (await Bun.file(program).exists()) return program;
  const go = Bun.which("go");
  const problem =
    go === null
      ? "there is no go here"
      : await problemOf([go, "install", `${path}@${version}`], "/", { GOBIN: folder });
  if (problem === undefined) return program;
  console.warn(`SKIPPED: ${skipped}: ${problem}`);
  return undefined;
}

/** Of PyPI: the interpreter of an environment that has the package. Undefined, having said so with what is skipped, where it cannot be had. */
export async function pythonPackage(name: string, version: string, skipped: string): Promise<string | undefined> {
  const { python, problem } = await pythonEnvironment(name, version);
  if (problem === undefined) return python;
  console.warn(`SKIPPED: ${skipped}: ${problem}`);
  return undefined;
}

/** The interpreter, and why it does not have the package. */
async function pythonEnvironment(name: string, version: string) {
  const environment = join(cacheDirectory(), `python-${name}-${version}`);
  const python = join(environment, "bin/python");
  const isThere = ["-c", `import importlib.metadata as m; assert m.version("${name}") == "${version}"`];
  const problem =
    (await problemOf([python, ...isThere])) &&
    ((await problemOf(["python3", "-m", "venv", "--clear", environment])) ??
      (await problemOf([python, "-m", "pip", "install", "--quiet", "--retries=1", `${name}==${version}`])));
  return { python, problem };
}

function cacheDirectory(): string {
  const { XDG_CACHE_HOME: cacheHome } = process.env;
  return join(cacheHome === undefined || cacheHome === "" ? join(homedir(), ".cache") : cacheHome, "msb-mcp-clients");
}

async function output(argv: readonly string[]): Promise<string> {
  const child = Bun.spawn([...argv], {
    cwd: "/",
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: patienceMs,
    killSignal: "SIGKILL",
  });
  return await child.stdout.text();
}

/** The last line of what the program complains of; undefined if it ends well. */
async function problemOf(
  [name = "", ...args]: readonly string[],
  cwd = "/",
  env: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const path = Bun.which(name);
  if (path === null) return `there is no ${name}`;
  const child = Bun.spawn([path, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: patienceMs,
    killSignal: "SIGKILL",
  });
  const [errors, status] = await Promise.all([child.stderr.text(), child.exited]);
  if (status === 0) return undefined;
  return errors.trim().split("\n").at(-1) || `${name} ended with ${status}`;
}
