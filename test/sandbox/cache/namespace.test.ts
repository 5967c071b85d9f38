// Downloads that sessions of one principal share, in real sandboxes: pip and npm fetch a file once, whoever else's sandboxes fetch it themselves.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { Caches } from "../../../src/sandbox/cache/caches.ts";
import { withCache } from "../../../src/sandbox/cache/host.ts";
import type { Outside } from "../../../src/sandbox/egress/reach.ts";
import { createNamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import { guestPath } from "../../../src/sandbox/namespace/tools.ts";
import type { NetworkPolicy } from "../../../src/sandbox/network.ts";
import type { SandboxHost } from "../../../src/sandbox/port.ts";
import { type Ran, runIn } from "../../contract/port-contract.ts";
import { nodeTemplate, pythonTemplate, small } from "../namespace/machine.ts";
import { openRegistries, type Registries } from "../namespace/registries.ts";

setDefaultTimeout(120_000);

const isHere = (...programs: readonly string[]) =>
  programs.every((program) => Bun.which(program, { PATH: guestPath }) !== null);
const hasPip = isHere("python3") && Bun.spawnSync(["/usr/bin/python3", "-m", "pip", "--version"]).success;

const trust = Object.fromEntries(
  ["PIP_CERT", "NODE_EXTRA_CA_CERTS", "npm_config_cafile"].map((name) => [name, "/ca/ca.pem"]),
);
const pip = "/usr/bin/python3 -m pip install -q --target site made";
const npm = "mkdir -p n && cd n && npm install --silent --no-audit --no-fund made";

describe.skipIf(!isHere("bwrap", "openssl", "git"))("a cache of downloads (bwrap, openssl, git)", () => {
  let folder: string;
  let registries: Registries;
  let host: SandboxHost;

  beforeAll(async () => {
    mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
    folder = mkdtempSync("/tmp/msb-mcp-tests/cache-");
    mkdirSync(join(folder, "shared"));
    registries = await openRegistries(folder, join(folder, "shared"));
    host = open();
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await registries[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  function openBare(network: NetworkPolicy = { kind: "packages" }): SandboxHost {
    const outside: Outside = {
      resolve: async () => ["93.184.215.14"],
      connect: () => connect({ host: "127.0.0.1", port: registries.port, allowHalfOpen: true }),
      ownAddresses: () => ["127.0.0.1"],
    };
    return createNamespaceHost({
      ...{ network, outside, stateDir: folder, clock: systemClock, emit: () => undefined },
      volumes: [{ hostPath: join(folder, "shared"), guestPath: "/ca", readOnly: true }],
    });
  }

  function open(maxBytes = 1_000_000_000, network: NetworkPolicy = { kind: "packages" }): SandboxHost {
    const limits = { maxBytes, shareBytes: maxBytes };
    const caches = new Caches({
      ...{ ...limits, folder: join(folder, "cache"), clock: systemClock, emit: () => undefined },
    });
    return withCache(openBare(network), caches, network);
  }

  let booted = 0;

  /** In a sandbox of its own. */
  async function run(
    principal: string | undefined,
    source: string,
    of = host,
    language = pythonTemplate,
  ): Promise<Ran> {
    const template = { ...language, env: { ...trust, PIP_RETRIES: "0" } };
    const spec = { sessionId: `cache-${booted++}`, principal, template, resources: small };
    await using sandbox = await of.create(spec, new AbortController().signal);
    return await runIn(sandbox, "command", source);
  }

  /** How often the registry was asked for the file meanwhile. */
  async function fetches(file: string, work: () => Promise<Ran>): Promise<number> {
    const before = registries.requests.length;
    const { stderr, end } = await work();
    expect({ stderr, exitCode: end.exitCode }).toEqual({ stderr: "", exitCode: 0 });
    return registries.requests.slice(before).filter((request) => request.endsWith(file)).length;
  }

  for (const { tool, isThere, install, file, template } of [
    { tool: "pip", isThere: hasPip, install: pip, file: "/made-1-py3-none-any.whl", template: pythonTemplate },
    { tool: "npm", isThere: isHere("npm", "node"), install: npm, file: "/made-1.0.0.tgz", template: nodeTemplate },
  ]) {
    test.skipIf(!isThere)(
      `${tool} fetches a file once for all sessions of a principal, a restart between them, and again for another principal (${tool})`,
      async () => {
        const installAs = (principal: string, of = host) => fetches(file, () => run(principal, install, of, template));
        expect(await installAs(`${tool} one`)).toBe(1);
        await using again = open();
        expect(await installAs(`${tool} one`, again)).toBe(0);
        expect(await installAs(`${tool} two`)).toBe(1);
      },
    );
  }

  test("a sandbox sees its principal's cache alone, and no way out of it", async () => {
    await run("mine", "echo mine > /opt/msb/cache/file");
    await run("other", "echo other > /opt/msb/cache/file");
    const { stdout } = await run("mine", "cat /opt/msb/cache/file; ls -A /opt/msb /opt/msb/cache/..; touch /opt/msb/x");
    expect(stdout).toBe("mine\n/opt/msb:\ncache\n\n/opt/msb/cache/..:\ncache\n");
    // Two file systems to the kernel: no other name for a file of the system's.
    const linked = await run("mine", "ln /usr/bin/env /opt/msb/cache/env");
    expect(linked.stderr).toContain("Invalid cross-device link");
  });

  test("a sandbox that reaches no registry has none, nor one that is nobody's, nor any where they are turned off", async () => {
    const look = "ls -d /opt/msb/cache 2>/dev/null; echo $PIP_CACHE_DIR $NPM_CONFIG_CACHE $UV_CACHE_DIR";
    expect((await run("mine", look)).stdout).toBe(
      "/opt/msb/cache\n/opt/msb/cache/pip /opt/msb/cache/npm /opt/msb/cache/uv\n",
    );
    expect((await run(undefined, look)).stdout).toBe("\n");
    await using none = open(1_000_000_000, { kind: "none" });
    expect((await run("mine", look, none)).stdout).toBe("\n");
    await using off = open(0);
    expect((await run("mine", look, off)).stdout).toBe("\n");
    const elsewhere = { kind: "allow", hosts: [{ kind: "domain", name: "example.com", port: undefined }] } as const;
    await using allowed = open(1_000_000_000, elsewhere);
    expect((await run("mine", look, allowed)).stdout).toBe("\n");
  });

  /** While it runs, the caches are looked at all the time. */
  async function runWatched(source: string): Promise<Ran> {
    // Removed files are in nobody's way before the disk is nearly full.
    const limits = { maxBytes: 2_000_000, shareBytes: 2_000_000, freeBytes: async () => 1024 ** 3 };
    const caches = new Caches({
      ...{ ...limits, folder: join(folder, "tight"), clock: systemClock, emit: () => undefined },
    });
    await using tight = withCache(openBare(), caches, { kind: "packages" });
    let isOver = false;
    const running = run("filler", source, tight).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await caches.look();
      await Bun.sleep(20);
    }
    return await running;
  }

  test("what a session fills its cache with is removed while it runs, and it can go on", async () => {
    const fill = "head -c 3000000 /dev/zero > big && while [ -e big ]; do sleep 0.1; done; echo more > small; ls";
    expect((await runWatched(`cd /opt/msb/cache; ${fill}`)).stdout).toContain("small\n");
  });

  test.each([
    ["open", "held.write(bytes(20_000_000)); held.flush(); time.sleep(1000)"],
    [
      "mapped",
      "held.truncate(20_000_000); kept = mmap.mmap(held.fileno(), 0); kept.write(bytes(20_000_000)); held.close(); time.sleep(1000)",
    ],
  ])("a program that keeps a removed file %s, far beyond its share, is ended, and no other", async (_, keep) => {
    const program = `import mmap, os, time; path = "/opt/msb/cache/file"; held = open(path, "w+b"); os.remove(path); ${keep}`;
    const { stdout, end } = await runWatched(`python3 -c '${program}'; echo "$?"`);
    expect(stdout).toBe("137\n");
    expect(end.notices?.[0]).toContain("kept files of the cache of downloads that had been removed");
  });
});
