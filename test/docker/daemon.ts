// A Docker daemon of the tests' own: Debian's docker.io, with its folders and its socket in a temporary folder, ended with the tests. And a shell
// whose `docker` speaks to it, so that the commands of the guide run as they stand.

import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Ended = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** How long one command may take: a build downloads packages. */
const patienceMs = 280_000;
/** How long the daemon may take to start. */
const startTries = 300;
const startPauseMs = 100;

/** What the daemon and the base image are made of, by the programs that they bring. */
const packages = { dockerd: "docker.io", mmdebstrap: "mmdebstrap" };

/** Why there can be no daemon here, or undefined once everything for it is installed. */
export async function whyNoDaemon(): Promise<string | undefined> {
  if (process.platform !== "linux") return "Docker's daemon is started on Linux only";
  if (process.getuid?.() !== 0) return "starting Docker's daemon requires root";
  if (existsSync("/run/docker.sock")) return "another Docker daemon runs on this machine";
  const missing = Object.entries(packages).filter(([program]) => Bun.which(program) === null);
  if (missing.length > 0) {
    if (Bun.which("apt-get") === null) return "docker.io is not installed, and there is no apt-get";
    const names = missing.map(([, name]) => name).join(" ");
    // Of a daemon that is installed on the way, nothing is started: the tests have their own.
    const keepDown =
      "[ ! -d /run/systemd/system ] || systemctl mask --runtime docker.service docker.socket containerd.service";
    const install = `apt-get update -q && apt-get -o DPkg::Lock::Timeout=120 install -q -y --no-install-recommends ${names}`;
    const { status, stderr } = await run(["sh", "-c", `${keepDown}; ${install}`], {
      DEBIAN_FRONTEND: "noninteractive",
    });
    if (status !== 0) return `Debian's packages ${names} cannot be installed: ${stderr.slice(-300)}`;
  }
  return undefined;
}

export class Docker implements AsyncDisposable {
  /** Of this machine on the network of the containers. */
  readonly hostAddress: string;
  readonly #folder: string;
  readonly #daemon: Bun.Subprocess;
  readonly #hadBridge: boolean;

  private constructor(folder: string, daemon: Bun.Subprocess, hadBridge: boolean, hostAddress: string) {
    this.#folder = folder;
    this.#daemon = daemon;
    this.#hadBridge = hadBridge;
    this.hostAddress = hostAddress;
  }

  static async start(): Promise<Docker> {
    const folder = await mkdtemp(join(tmpdir(), "msb-mcp-docker-"));
    const hadBridge = existsSync("/sys/class/net/docker0");
    await Bun.write(join(folder, "daemon.json"), "{}");
    const daemon = Bun.spawn(
      [
        ...["dockerd", "--config-file", join(folder, "daemon.json"), "--host", `unix://${folder}/docker.sock`],
        ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid")],
        // Published ports go through Docker's own proxy, and builds use the machine's network: no rule of the firewall is touched.
        ...["--iptables=false", "--ip-masq=false", "--group", "root"],
      ],
      { stdin: "ignore", stdout: Bun.file(join(folder, "log")), stderr: Bun.file(join(folder, "log")) },
    );
    try {
      await writeProgram(folder);
      const docker = new Docker(folder, daemon, hadBridge, "");
      for (let tries = 0; (await docker.sh("docker version")).status !== 0; tries++) {
        if (daemon.exitCode !== null || tries > startTries) throw new Error("Docker's daemon did not start");
        await Bun.sleep(startPauseMs);
      }
      // The daemon has the first address of the bridge's network for this machine; a new bridge tells the network only.
      const subnet = await docker.out("docker network inspect bridge --format '{{(index .IPAM.Config 0).Subnet}}'");
      return new Docker(folder, daemon, hadBridge, subnet.trim().replace(/0\/\d+$/, "1"));
    } catch (error) {
      const log = await readFile(join(folder, "log"), "utf8").catch(() => "");
      await new Docker(folder, daemon, hadBridge, "")[Symbol.asyncDispose]();
      throw new Error(`${String(error)}:\n${log.slice(-2_000)}`, { cause: error });
    }
  }

  /** Runs a text as `sh` would, to its end. */
  sh(text: string, env: Readonly<Record<string, string>> = {}, cwd?: string): Promise<Ended> {
    const path = `${join(this.#folder, "bin")}:${process.env.PATH ?? ""}`;
    return run(["sh", "-eu", "-c", text], { PATH: path, DOCKER_CONFIG: this.#folder, ...env }, cwd);
  }

  /** The same, and its output; throws if it fails. */
  async out(text: string, env: Readonly<Record<string, string>> = {}, cwd?: string): Promise<string> {
    const { status, stdout, stderr } = await this.sh(text, env, cwd);
    if (status !== 0)
      throw new Error(`it ended with ${status}: ${text}\n${stdout.slice(-2_000)}${stderr.slice(-2_000)}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sh("docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes");
    this.#daemon.kill("SIGTERM");
    await this.#daemon.exited;
    if (!this.#hadBridge) await run(["ip", "link", "delete", "docker0"], {});
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Debian's own client where there is one, as others may be newer and lack what builds images. */
async function writeProgram(folder: string): Promise<void> {
  const client = existsSync("/usr/bin/docker") ? "/usr/bin/docker" : (Bun.which("docker") ?? "docker");
  const path = join(folder, "bin/docker");
  await mkdir(join(folder, "bin"));
  await Bun.write(
    path,
    `#!/bin/sh
export DOCKER_HOST=unix://${folder}/docker.sock DOCKER_BUILDKIT=1
if [ "$1" = build ]; then shift; set -- build --network host "$@"; fi
exec ${client} "$@"
`,
  );
  await chmod(path, 0o755);
}

async function run(command: readonly string[], env: Readonly<Record<string, string>>, cwd = tmpdir()): Promise<Ended> {
  const child = Bun.spawn([...command], {
    ...{ cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: patienceMs, killSignal: "SIGKILL" },
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/root", ...env },
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { status: child.exitCode ?? 137, stdout, stderr };
}
