// Gets the programs that this project's own dependencies do not bring: the Python SDK and the examples' packages into folders of their own, the Go SDK into
// a program. All are kept in the user's cache, outside the repository, so that only a first run downloads.

import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** How to start the client, but for what it is to connect to; or why it cannot be had here. */
export type Foreign = { readonly argv: readonly string[]; readonly missing?: string };

const pythonSdkVersion = "2.3.0";
const uvVersion = "0.13.9";

/** How long downloads and the Go compiler may take each. */
const patienceMs = 120_000;

export async function preparePython(): Promise<Foreign> {
  const { argv, missing } = await pythonWith("python-mcp", [`mcp==${pythonSdkVersion}`]);
  return { argv: [...argv, join(import.meta.dir, "python-client.py")], ...(missing !== undefined && { missing }) };
}

/** Python with these packages, in an environment of its own. Installed by uv, which takes seconds where pip takes minutes. */
export async function pythonWith(name: string, requirements: readonly string[]): Promise<Foreign> {
  const installer = await folderFor("uv", [uvVersion]);
  const uv = join(installer, "bin/uv");
  const environment = await folderFor(name, requirements);
  const argv = [join(environment, "bin/python")] as const;
  const missing =
    (await onceIn(installer, [
      ["python3", "-m", "venv", "--clear", installer],
      [join(installer, "bin/pip"), "install", "--quiet", "--retries=1", `uv==${uvVersion}`],
    ])) ??
    (await onceIn(environment, [
      [uv, "venv", "--quiet", "--clear", "--python", join(installer, "bin/python"), environment],
      [uv, "pip", "install", "--quiet", "--no-cache", "--python", ...argv, ...requirements],
    ]));
  return { argv, ...(missing !== undefined && { missing }) };
}

/** A folder with this package.json and what it needs; `argv` is Bun, which runs a program that is put there. */
export async function packagesOf(name: string, packageJson: string): Promise<Foreign & { readonly folder: string }> {
  const folder = await folderFor(name, [packageJson]);
  await Bun.write(join(folder, "package.json"), packageJson);
  const missing = await onceIn(folder, [[process.execPath, "install", "--cwd", folder, "--silent"]]);
  return { argv: [process.execPath], folder, ...(missing !== undefined && { missing }) };
}

export async function prepareGo(): Promise<Foreign> {
  const program = join(await cacheDirectory(), "go-client");
  const missing = await problemOf(["go", "build", "-o", program, "."], join(import.meta.dir, "go-client"));
  return missing === undefined ? { argv: [program] } : { argv: [program], missing };
}

/** Outside of the repository; made if it is not there. */
export async function cacheDirectory(): Promise<string> {
  const { XDG_CACHE_HOME: cacheHome } = process.env;
  const directory = join(
    cacheHome === undefined || cacheHome === "" ? join(homedir(), ".cache") : cacheHome,
    "msb-mcp-clients",
  );
  await mkdir(directory, { recursive: true });
  return directory;
}

/** Of its own for each set of needs: another version is another folder. */
async function folderFor(name: string, needs: readonly string[]): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256").update(needs.join("\n")).digest("hex").slice(0, 12);
  return join(await cacheDirectory(), `${name}-${hash}`);
}

/** Runs the commands, unless they have all ended well there before; the complaint of the one that did not. */
async function onceIn(folder: string, commands: readonly (readonly string[])[]): Promise<string | undefined> {
  const mark = Bun.file(join(folder, ".complete"));
  if (await mark.exists()) return undefined;
  for (const command of commands) {
    const problem = await problemOf(command);
    if (problem !== undefined) return problem;
  }
  await mark.write("");
  return undefined;
}

/** The last line of what the program complains of; undefined if it ends well. */
export async function problemOf([name = "", ...args]: readonly string[], cwd = "/"): Promise<string | undefined> {
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
