// The npm packages, installed by npm from a registry on loopback into an empty folder, and started from there.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { makeNpmPackages } from "../../scripts/releasing/npm.ts";
import type { Executable } from "../../scripts/releasing/targets.ts";
import { foreignExecutable, ownExecutable, ownTarget } from "./executable.ts";
import { manifestOf, type Registry, startRegistry } from "./registry.ts";

// A build, and npm on a busy machine. Milliseconds.
setDefaultTimeout(180_000);

const version = packageJson.version;
/** Starts anywhere and asks nobody. */
const serverFlags = ["--backend", "server", "--server-url", "http://127.0.0.1:1"];

const npm = Bun.which("npm");
const node = Bun.which("node");
if (npm === null || node === null) console.warn("SKIPPED: npm packages: there is no npm with Node.js here");

let folder: string;
let executables: readonly Executable[];
let packages: readonly string[];
let registry: Registry;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "msb-mcp-npm-test-"));
  const others = (["linux-x64-musl", "windows-x64", "darwin-arm64"] as const).filter((id) => id !== ownTarget.id);
  executables = [
    await ownExecutable(),
    ...(await Promise.all(others.map((id) => foreignExecutable(id, join(folder, "foreign"))))),
  ];
  const notices = new Map([[ownTarget.id, "the licenses of the parts"]]);
  packages = await makeNpmPackages({ version, outDir: join(folder, "packages"), executables, notices });
  registry = await startRegistry(packages);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** npm and npx here know no registry but ours, and no settings of this machine. A server has its state to itself. */
function environment(): Readonly<Record<string, string>> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: join(folder, "home"),
    XDG_STATE_HOME: join(folder, "state", crypto.randomUUID()),
    npm_config_registry: registry.url,
    npm_config_cache: join(folder, "cache"),
    npm_config_update_notifier: "false",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_loglevel: "error",
  };
}

function start(argv: readonly string[], cwd: string, options: { readonly detached?: boolean } = {}) {
  return Bun.spawn([...argv], { ...options, cwd, env: environment(), stdin: "pipe", stdout: "pipe", stderr: "pipe" });
}

async function run(argv: readonly string[], cwd: string) {
  const child = start(argv, cwd);
  child.stdin.end();
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, stdout, stderr };
}

async function emptyFolder(name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  await Bun.write(join(path, "package.json"), "{}");
  return path;
}

/** Resolves once the server listens, with the end of its log: of all programs that have it open. */
async function untilListening(stderr: ReadableStream<Uint8Array>): Promise<{ readonly ended: Promise<string> }> {
  const listening = Promise.withResolvers<void>();
  const read = async () => {
    let log = "";
    const decoder = new TextDecoder();
    for await (const bytes of stderr) {
      log += decoder.decode(bytes, { stream: true });
      if (log.includes('"server.listening"')) listening.resolve();
    }
    listening.reject(new Error(`it has ended before it listened:\n${log}`));
    return log;
  };
  const ended = read();
  ended.catch(listening.reject);
  await listening.promise;
  return { ended };
}

test("every package has its licence, a README and its repository, and msb-mcp the name that the MCP registry looks for", async () => {
  for (const path of packages) {
    const manifest = await manifestOf(path);
    expect(manifest).toMatchObject({ version, license: "MIT", repository: { type: "git" } });
    const files = (await Bun.$`tar -tzf ${path}`.text()).trim().split("\n");
    expect(files).toContain("package/LICENSE");
    expect(files).toContain("package/README.md");
    const isOwn = manifest.name === `msb-mcp-${ownTarget.id}`;
    expect(files.includes("package/THIRD-PARTY-LICENSES")).toBe(isOwn);
    expect(files).toHaveLength(isOwn ? 5 : 4);
  }
  const launcher = await manifestOf(packages.at(-1) ?? "");
  expect(launcher).toMatchObject({ name: "msb-mcp", mcpName: packageJson.mcpName });
  const names = executables.map(({ target }) => `msb-mcp-${target.id}`);
  expect(Object.entries(Object(launcher.optionalDependencies))).toEqual(names.map((name) => [name, version]));
});

test("the same executables make the same bytes", async () => {
  const small = executables.filter(({ target }) => target !== ownTarget);
  const sums = async (outDir: string) => {
    const paths = await makeNpmPackages({ version, outDir, executables: small });
    return await Promise.all(paths.map(async (path) => Bun.SHA256.hash(await Bun.file(path).bytes(), "hex")));
  };
  expect(await sums(join(folder, "again-1"))).toEqual(await sums(join(folder, "again-2")));
});

describe.skipIf(npm === null || node === null)("with npm", () => {
  let installed: string;
  const launcher = () => [node ?? "", join(installed, "node_modules/msb-mcp/bin/index.js")];

  beforeAll(async () => {
    installed = await emptyFolder("installed");
    const { status, stderr } = await run([npm ?? "", "install", "msb-mcp"], installed);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("npx in an empty folder runs the executable of this platform, and fetches no other", async () => {
    const before = registry.fetched.length;
    const cwd = await emptyFolder("npx");
    const { status, stdout, stderr } = await run(["npx", "--yes", "msb-mcp", "--version"], cwd);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^msb-mcp ${version} \\(`));
    expect(registry.fetched.slice(before).every((name) => ["msb-mcp", `msb-mcp-${ownTarget.id}`].includes(name))).toBe(
      true,
    );
  });

  test("of several platforms' packages only the right one is installed", async () => {
    const names = (await readdir(join(installed, "node_modules"))).filter((name) => name.startsWith("msb-mcp"));
    expect(names.toSorted()).toEqual(["msb-mcp", `msb-mcp-${ownTarget.id}`]);
  });

  test("exit statuses and messages pass through", async () => {
    const { status, stdout, stderr } = await run(["npx", "msb-mcp", "--port", "99999"], installed);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain('--port: "99999" is not allowed');
  });

  test("stdio passes through, and the end of input ends all", async () => {
    const child = start(["npx", "msb-mcp", "--transport", "stdio", ...serverFlags], installed);
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } };
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`);
    child.stdin.end();
    const [stdout] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(JSON.parse(stdout)).toMatchObject({ id: 1, result: { serverInfo: { version } } });
    expect(await child.exited).toBe(0);
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} ends the server as it ends itself, and its exit status is told`, async () => {
      const child = start([...launcher(), "--port", "0", ...serverFlags], installed);
      await untilListening(child.stderr);
      child.kill(signal);
      expect({ status: await child.exited, signal: child.signalCode }).toEqual({ status: 0, signal: null });
    });
  }

  test("a signal to npx ends the server too", async () => {
    const child = start(["npx", "msb-mcp", "--port", "0", ...serverFlags], installed);
    const { ended } = await untilListening(child.stderr);
    child.kill("SIGTERM");
    expect(await ended).toContain('"server.stopping"');
    await child.exited;
  });

  test("a signal that all of them get, as from Ctrl+C, lets the server end in peace", async () => {
    const child = start([...launcher(), "--port", "0", ...serverFlags], installed, { detached: true });
    await untilListening(child.stderr);
    process.kill(-child.pid, "SIGINT");
    expect(await child.exited).toBe(0);
  });

  test.skipIf(process.platform !== "linux")("a server that is killed is told as killed", async () => {
    const child = start([...launcher(), "--port", "0", ...serverFlags], installed);
    await untilListening(child.stderr);
    const [server] = (await Bun.file(`/proc/${child.pid}/task/${child.pid}/children`).text()).trim().split(" ");
    process.kill(Number(server), "SIGKILL");
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
  });

  test("Bun runs it as Node.js does", async () => {
    const [, script = ""] = launcher();
    const { status, stdout } = await run([process.execPath, "--no-install", script, "--version"], installed);
    expect(status).toBe(0);
    expect(stdout).toContain(version);
  });

  test("where npm has left the executable out, it says so and what to do", async () => {
    const cwd = await emptyFolder("omitted");
    await run([npm ?? "", "install", "--omit=optional", "msb-mcp"], cwd);
    const { status, stdout, stderr } = await run(["npx", "msb-mcp", "--version"], cwd);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(`npm install msb-mcp-${ownTarget.id}@${version}`);
  });

  test("where there is no executable for the platform, it says for which there is one", async () => {
    const foreign = executables.filter(({ target }) => target !== ownTarget);
    const paths = await makeNpmPackages({ version, outDir: join(folder, "foreign-packages"), executables: foreign });
    const cwd = await emptyFolder("unsupported");
    await run([npm ?? "", "install", "--omit=optional", paths.at(-1) ?? ""], cwd);
    const { status, stderr } = await run(["npx", "msb-mcp"], cwd);
    expect(status).toBe(1);
    expect(stderr).toContain(`no executable for ${ownTarget.id}`);
    expect(stderr).toContain("windows-x64");
  });
});
