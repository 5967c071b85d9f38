// The compiled program, run from outside in a directory full of files that would change what a Bun program does.

import { chmod, cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");

/** How long anything may take before it is ended, and its test fails. */
const patienceMs = 120_000;

export type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

export class Executable implements AsyncDisposable {
  readonly directory: string;
  readonly path: string;
  readonly #home: string;

  private constructor(directory: string, home: string) {
    this.directory = directory;
    this.path = join(directory, "msb-mcp");
    this.#home = home;
  }

  /** Builds the program, and copies it alone into a new hostile directory. */
  static async build(): Promise<Executable> {
    const home = await mkdtemp(join(tmpdir(), "msb-mcp-home-"));
    const built = join(home, "built");
    const build = Bun.spawn([process.execPath, join(root, "scripts/build.ts"), "--outfile", built], { stderr: "pipe" });
    const [errors, status] = await Promise.all([build.stderr.text(), build.exited]);
    if (status !== 0) throw new Error(`the build failed: ${errors}`);
    const executable = new Executable(await hostileDirectory(), home);
    await cp(built, executable.path);
    await chmod(executable.path, 0o755);
    return executable;
  }

  /** Runs it to its end. `onStdout` is called with all that it has printed so far, whenever that is more. */
  async run(
    argv: readonly string[],
    env: Readonly<Record<string, string>> = {},
    onStdout: (stdout: string) => void = () => undefined,
  ): Promise<Ended> {
    const child = this.#spawn(argv, env);
    const read = async () => {
      const decoder = new TextDecoder();
      let text = "";
      for await (const bytes of child.stdout) {
        text += decoder.decode(bytes, { stream: true });
        onStdout(text);
      }
      return text;
    };
    const [stdout, stderr] = await Promise.all([read(), child.stderr.text(), child.exited]);
    return { status: child.exitCode, stdout, stderr };
  }

  /** Starts it on a free port, through another program if one is named; resolves once it listens. */
  async serve(argv: readonly string[] = [], through: readonly string[] = []): Promise<Serving> {
    const child = this.#spawn(["--port", "0", "--backend", "namespace", ...argv], {}, through);
    return Serving.once(child);
  }

  /** The names of what planted code has left behind. */
  async traces(): Promise<readonly string[]> {
    return (await readdir(this.directory)).filter((name) => name.startsWith("planted-"));
  }

  #spawn(argv: readonly string[], env: Readonly<Record<string, string>>, through: readonly string[] = []) {
    return Bun.spawn([...through, this.path, ...argv], {
      cwd: this.directory,
      env: { PATH: process.env.PATH ?? "", HOME: this.#home, ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: patienceMs,
      killSignal: "SIGKILL",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
    await rm(this.#home, { recursive: true, force: true });
  }
}

type Child = Bun.Subprocess<"ignore", "pipe", "pipe">;

export class Serving implements AsyncDisposable {
  readonly url: string;
  readonly #child: Child;

  private constructor(child: Child, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async once(child: Child): Promise<Serving> {
    const listening = Promise.withResolvers<string>();
    let log = "";
    const read = async () => {
      const decoder = new TextDecoder();
      // To the end, and not only until it listens: a program whose log nobody reads is another test.
      for await (const bytes of child.stderr) {
        log += decoder.decode(bytes, { stream: true });
        const url = /"event":"server\.listening".*?"url":"([^"]+)"/.exec(log)?.[1];
        if (url !== undefined) listening.resolve(url);
      }
      listening.reject(new Error(`the server ended with ${await child.exited} before it listened:\n${log}`));
    };
    read().catch(listening.reject);
    return new Serving(child, await listening.promise);
  }

  /** Sends the signal and gives the exit status. */
  end(signal: NodeJS.Signals): Promise<number> {
    this.#child.kill(signal);
    return this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGTERM");
  }
}

/** Every file that Bun reads from a working directory of its own accord. Code that is run writes a file `planted-…`. */
export async function hostileDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "msb-mcp-hostile-"));
  const leaveTrace = (name: string) =>
    `require("node:fs").writeFileSync(${JSON.stringify(join(directory, `planted-${name}`))}, "");`;
  const env =
    "MCP_SERVER_PORT=planted\nMCP_LOG_LEVEL=planted\nMCP_SERVER_HOST=planted host\nBUN_OPTIONS=--preload=./preload.cjs\n";
  const files: Readonly<Record<string, string>> = {
    ".env": env,
    ".env.local": env,
    ".env.production": env,
    ".env.development": env,
    "bunfig.toml": 'preload = ["./preload.cjs"]\n[define]\n"process.argv" = "[]"\n',
    "preload.cjs": leaveTrace("preload"),
    "tsconfig.json": '{ "compilerOptions": { "paths": { "elysia": ["./preload.cjs"], "*": ["./preload.cjs"] } } }',
    "package.json":
      '{ "name": "planted", "version": "6.6.6", "type": "commonjs", "imports": { "#*": "./preload.cjs" } }',
    ...plantedRuntime(leaveTrace),
    "node_modules/elysia/package.json": '{ "name": "elysia", "main": "index.js" }',
    "node_modules/elysia/index.js": leaveTrace("module"),
    "index.ts": leaveTrace("index"),
  };
  for (const [name, content] of Object.entries(files)) await Bun.write(join(directory, name), content);
  // First in PATH and in the package that microsandbox's own search would find.
  for (const folder of [join(directory, "bin"), join(directory, "node_modules", runtimePackage, "bin")]) {
    await Bun.write(join(folder, "msb"), `#!/bin/sh\n: >${directory}/planted-msb\n`);
    await chmod(join(folder, "msb"), 0o755);
  }
  return directory;
}

const runtimePackage = "@superradcompany/microsandbox-linux-x64-gnu";

/** A microsandbox package, and the package of its runtime, whose addon is a script. */
function plantedRuntime(leaveTrace: (name: string) => string): Readonly<Record<string, string>> {
  return {
    "node_modules/microsandbox/package.json": '{ "name": "microsandbox", "version": "0.6.18", "main": "index.js" }',
    "node_modules/microsandbox/index.js": leaveTrace("microsandbox"),
    "node_modules/microsandbox/native/index.cjs": leaveTrace("microsandbox-native"),
    [`node_modules/${runtimePackage}/package.json`]: `{ "name": "${runtimePackage}", "version": "0.6.18", "main": "index.js" }`,
    [`node_modules/${runtimePackage}/index.js`]: leaveTrace("addon"),
    [`node_modules/${runtimePackage}/microsandbox.linux-x64-gnu.node`]: "not an addon: loading it fails",
    [`node_modules/${runtimePackage}/lib/libkrunfw.so.5.6.1`]: "not a library",
  };
}
