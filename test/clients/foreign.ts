// Gets the clients that npm does not bring: the Python SDK into a virtual environment, the Go SDK into a program. Both are kept
// in the user's cache, outside the repository, so that only a first run downloads.

import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** How to start the client, but for what it is to connect to; or why it cannot be had here. */
export type Foreign = { readonly argv: readonly string[]; readonly missing?: string };

const pythonSdkVersion = "2.3.0";

/** How long downloads and the Go compiler may take in all. */
const patienceMs = 120_000;

export async function preparePython(): Promise<Foreign> {
  const environment = join(await cacheDirectory(), `python-mcp-${pythonSdkVersion}`);
  const python = join(environment, "bin/python");
  const argv = [python, join(import.meta.dir, "python-client.py")];
  const question = `import importlib.metadata as m; assert m.version("mcp") == "${pythonSdkVersion}"; import mcp`;
  const problem =
    (await problemOf([python, "-c", question])) &&
    ((await problemOf(["python3", "-m", "venv", "--clear", environment])) ??
      (await problemOf([python, "-m", "pip", "install", "--quiet", "--retries=1", `mcp==${pythonSdkVersion}`])));
  return problem === undefined ? { argv } : { argv, missing: problem };
}

export async function prepareGo(): Promise<Foreign> {
  const program = join(await cacheDirectory(), "go-client");
  const missing = await problemOf(["go", "build", "-o", program, "."], join(import.meta.dir, "go-client"));
  return missing === undefined ? { argv: [program] } : { argv: [program], missing };
}

async function cacheDirectory(): Promise<string> {
  const { XDG_CACHE_HOME: cacheHome } = process.env;
  const directory = join(
    cacheHome === undefined || cacheHome === "" ? join(homedir(), ".cache") : cacheHome,
    "msb-mcp-clients",
  );
  await mkdir(directory, { recursive: true });
  return directory;
}

/** The last line of what the program complains of; undefined if it ends well. */
async function problemOf([name = "", ...args]: readonly string[], cwd = "/"): Promise<string | undefined> {
  const path = Bun.which(name);
  if (path === null) return `there is no ${name}`;
  const child = Bun.spawn([path, ...args], {
    cwd,
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
