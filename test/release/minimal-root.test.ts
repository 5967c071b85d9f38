// The way of a newcomer: a fresh clone on a machine that has Node and no Bun, scripts/build, and the binary in a Debian that has its essential
// packages and nothing else. Requires root, for the Debian.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { type RunOptions, root, run, scratch } from "./scratch.ts";

// Downloads Bun, the dependencies and Debian's essential packages. Milliseconds.
const patienceMs = 540_000;

/** Without the folders that have a Bun. */
const path = (process.env.PATH ?? "")
  .split(":")
  .filter((folder) => !existsSync(join(folder, "bun")))
  .join(":");
const hasNode = Bun.which("npm", { PATH: path }) !== null && Bun.which("git", { PATH: path }) !== null;
const reason = hasNode ? await whyNoDebian() : "npm is not here";

describe.skipIf(reason !== undefined)("on a machine with Node and no Bun", () => {
  let folder: Awaited<ReturnType<typeof scratch>> | undefined;
  let clone = "";
  let debian = "";

  beforeAll(async () => {
    folder = await scratch();
    clone = join(folder.path, "clone");
    debian = join(folder.path, "debian");
  });

  afterAll(() => folder?.[Symbol.asyncDispose]());

  test(
    "scripts/build makes the binary in a fresh clone, and it runs in a minimal Debian (requires root and mmdebstrap)",
    async () => {
      // All of the machine's, which may say how npm reaches its registry.
      const env = { ...process.env, PATH: path };
      await succeed(["git", "clone", "--quiet", "--no-hardlinks", root, clone], env);
      const built = await run([join(clone, "scripts/build")], { cwd: "/", env, timeoutMs: patienceMs });
      expect(built).toMatchObject({ status: 0, stdout: `${clone}/dist/msb-mcp\n` });
      await succeed(["mmdebstrap", "--quiet", "--variant=essential", await suite(), debian, await mirror()], env);
      await mkdir(join(debian, "srv/empty"));
      await copyFile(join(clone, "dist/msb-mcp"), join(debian, "usr/local/bin/msb-mcp"));

      const version = await run(inDebian(debian, ["--version"]));
      expect(version).toMatchObject({ status: 0, stderr: "" });
      expect(version.stdout).toStartWith(`msb-mcp ${packageJson.version} (`);

      // Where no backend can work, it says what each one needs instead of failing every call.
      const bare = await run(inDebian(debian, ["--backend", "namespace", "--port", "0"]));
      expect(bare).toMatchObject({ status: 2, stderr: expect.stringContaining("apt-get install bubblewrap") });
      const doctor = await run(inDebian(debian, ["doctor"]));
      for (const need of ["bwrap", "/dev/kvm", "--server-url"]) expect(doctor.stdout).toContain(need);

      const child = Bun.spawn(
        inDebian(debian, ["--backend", "server", "--server-url", "http://127.0.0.1:9", "--port", "0"]),
        {
          env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/root" },
          stdin: "ignore",
          stdout: "ignore",
          stderr: "pipe",
        },
      );
      try {
        const url = await listeningUrl(child.stderr);
        const answer = await fetch(new URL("/", url));
        expect(await answer.json()).toMatchObject({ version: packageJson.version });
      } finally {
        child.kill("SIGTERM");
        await child.exited;
      }
    },
    patienceMs,
  );
});

/** With /proc, as on any machine, in a namespace of its own. */
function inDebian(debian: string, argv: readonly string[]): string[] {
  const script =
    'mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh -c \'cd /srv/empty && exec msb-mcp "$@"\' sh "$@"';
  return ["unshare", "--mount", "sh", "-c", `PATH=$PATH:/usr/sbin:/sbin; ${script}`, debian, ...argv];
}

async function listeningUrl(stderr: ReadableStream<Uint8Array>): Promise<string> {
  let log = "";
  const decoder = new TextDecoder();
  for await (const bytes of stderr) {
    log += decoder.decode(bytes, { stream: true });
    const url = /"event":"server\.listening".*?"url":"([^"]+)"/.exec(log)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`the server ended before it listened:\n${log}`);
}

async function succeed(command: readonly string[], env: NonNullable<RunOptions["env"]>): Promise<string> {
  const { status, stdout, stderr } = await run(command, { env, timeoutMs: patienceMs });
  if (status !== 0) throw new Error(`${command[0]} ended with ${status}:\n${stderr}`);
  return stdout;
}

async function suite(): Promise<string> {
  return /^VERSION_CODENAME=(\w+)$/m.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "stable";
}

/** The one that this machine takes its own packages from. */
async function mirror(): Promise<string> {
  const format = ["--format", "$(REPO_URI)", "Origin: Debian", "Label: Debian", "Component: main"];
  const { stdout } = await run(["apt-get", "indextargets", ...format]);
  const first = stdout.split("\n").find((line) => /^https?:/.test(line));
  if (first === undefined) throw new Error("apt's sources name no mirror of Debian");
  return first;
}

/** Undefined once there can be one. */
async function whyNoDebian(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "this requires root";
  if (Bun.which("apt-get") === null) return "this requires Debian's apt";
  if (Bun.which("mmdebstrap") !== null) return undefined;
  const install =
    "apt-get update -q && apt-get -o DPkg::Lock::Timeout=120 install -q -y --no-install-recommends mmdebstrap";
  const { status } = await run(["sh", "-c", install], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
    timeoutMs: patienceMs,
  });
  return status === 0 ? undefined : "mmdebstrap cannot be installed";
}
