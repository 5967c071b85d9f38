// A terminal of its own for the commands of the documents: an empty home, `msb-mcp` on PATH (from source), and settings in the environment, which
// flags of a command beat. So the commands run as they stand.

import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "./blocks.ts";

export type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** How long a command may take before it is ended, and its test fails. */
const patienceMs = 50_000;

export class Shell implements AsyncDisposable {
  readonly home: string;

  private constructor(home: string) {
    this.home = home;
  }

  static async open(): Promise<Shell> {
    const shell = new Shell(await mkdtemp(join(tmpdir(), "msb-mcp-docs-")));
    const source = join(root, "src/main.ts");
    await shell.program("msb-mcp", `exec '${process.execPath}' --no-env-file '${source}' "$@"`);
    return shell;
  }

  /** Puts a program of sh on this shell's PATH. */
  async program(name: string, script: string): Promise<void> {
    const path = join(this.home, "bin", name);
    await mkdir(dirname(path), { recursive: true });
    await Bun.write(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }

  /** Runs commands to their end. */
  async run(text: string, env: Readonly<Record<string, string>> = {}, cwd = this.home): Promise<Ended> {
    const child = this.#spawn(text, env, cwd);
    // What it started goes with it.
    const late = setTimeout(() => kill(child.pid, "SIGKILL"), patienceMs);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    clearTimeout(late);
    return { status: child.exitCode, stdout, stderr };
  }

  /** Runs commands of which the last one serves; resolves once it listens, or has ended without. */
  async serve(text: string, env: Readonly<Record<string, string>> = {}, cwd = this.home): Promise<Served> {
    const child = this.#spawn(text, env, cwd);
    const url = Promise.withResolvers<string | undefined>();
    let log = "";
    const read = async () => {
      const decoder = new TextDecoder();
      for await (const bytes of child.stderr) {
        log += decoder.decode(bytes, { stream: true });
        const found = /"event":"server\.listening".*?"url":"([^"]+)"/.exec(log)?.[1];
        if (found !== undefined) url.resolve(found);
      }
      url.resolve(undefined);
    };
    const over = read().catch(url.reject);
    const late = setTimeout(() => kill(child.pid, "SIGKILL"), patienceMs);
    const listening = await url.promise;
    const end = async () => {
      kill(child.pid, "SIGTERM");
      // The shell may be gone before its last command is; that has the log.
      await over;
      clearTimeout(late);
      return await child.exited;
    };
    return {
      url: listening,
      log: () => log,
      end,
      async [Symbol.asyncDispose]() {
        await end();
      },
    };
  }

  #spawn(text: string, env: Readonly<Record<string, string>>, cwd: string) {
    return Bun.spawn(["sh", "-eu", "-c", text], {
      cwd,
      env: {
        // Package managers need what this machine says of certificates and proxies.
        ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:MCP|MSB|XDG)_/.test(name))),
        PATH: `${join(this.home, "bin")}:${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
        HOME: this.home,
        NPM_CONFIG_USERCONFIG: join(homedir(), ".npmrc"),
        MCP_SERVER_PORT: "0",
        MCP_SANDBOX_BACKEND: "namespace",
        ...env,
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

/** A shell with all that it started. It may be gone. */
function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // As above.
  }
}

export type Served = AsyncDisposable & {
  /** Of the endpoint; undefined if it ended before it listened. */
  readonly url: string | undefined;
  readonly log: () => string;
  /** Gives the exit status. */
  readonly end: () => Promise<number>;
};
