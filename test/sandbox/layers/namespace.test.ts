// Packages of templates in real sandboxes, from a folder of wheels: built once, there for all, in nobody's way.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { Event } from "../../../src/events.ts";
import { Failure } from "../../../src/failure.ts";
import { Caches } from "../../../src/sandbox/cache/caches.ts";
import { withCache } from "../../../src/sandbox/cache/host.ts";
import { withLayers } from "../../../src/sandbox/layers/host.ts";
import type { Layers } from "../../../src/sandbox/layers/layers.ts";
import { openLayers, packagesOf } from "../../../src/sandbox/layers/open.ts";
import { packagesOfList } from "../../../src/sandbox/packages.ts";
import type { Sandbox, SandboxHost } from "../../../src/sandbox/port.ts";
import type { Template } from "../../../src/sandbox/templates.ts";
import { runIn } from "../../contract/port-contract.ts";
import { namespaceHost, patienceMs, pythonTemplate, small } from "../namespace/machine.ts";
import { hasPip, type WheelFolder, wheelFolder } from "./wheels.ts";

let wheels: WheelFolder;
let host: SandboxHost;
let layers: Layers;
const events: Event[] = [];

beforeAll(() => {
  wheels = wheelFolder();
  for (const version of ["1.0", "2.0"]) wheels.add("tinypack", version);
  const bare = namespaceHost();
  const indexes = { python: { kind: "folder", path: wheels.path } } as const;
  layers = openLayers({
    ...{ host: bare, clock: systemClock, emit: (event) => void events.push(event) },
    settings: { stateDir: wheels.root, packageIndexes: indexes, maxLayersBytes: 1_000_000_000 },
  });
  host = withLayers(bare, layers);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  wheels[Symbol.dispose]();
}, patienceMs);

function templateWith(name: string, ...items: readonly string[]): Template {
  const packages = packagesOfList("python", items);
  if ("wrong" in packages) throw new Error(packages.wrong);
  return { ...pythonTemplate, name, packages };
}

function boot(sessionId: string, template: Template, onProgress?: (message: string) => void): Promise<Sandbox> {
  return host.create({ sessionId, template, resources: small, onProgress }, new AbortController().signal);
}

describe.skipIf(!hasPip)("with the pip of this machine's Python", () => {
  const tiny = templateWith("tiny", "tinypack==1.0");

  test("a state directory that cannot be written to is told as such", async () => {
    const bare = namespaceHost();
    const stateDir = join(wheels.root, "unwritable");
    mkdirSync(stateDir);
    writeFileSync(join(stateDir, "layers"), "in the way");
    const settings = { stateDir, packageIndexes: {}, maxLayersBytes: 1_000_000_000 };
    await using unlucky = withLayers(
      bare,
      openLayers({ host: bare, settings, clock: systemClock, emit: () => undefined }),
    );
    const spec = { sessionId: "layers-unwritable", template: tiny, resources: small };
    const failed = await unlucky.create(spec, new AbortController().signal).catch((error: unknown) => error);
    if (!(failed instanceof Failure)) throw failed;
    expect(failed.kind).toBe("sandbox_creation");
    expect(failed.what).toBe("The packages of the template tiny could not be kept in the state directory.");
  }, 90_000);

  test("sandboxes that want the same packages at once have them built once, and are told", async () => {
    const told: string[] = [];
    const made = await Promise.all([
      boot("layers-1", tiny, (message) => told.push(message)),
      boot("layers-2", tiny, (message) => told.push(message)),
    ]);
    try {
      expect(told.filter((message) => message.startsWith("installing the packages of tiny"))).toHaveLength(2);
      expect(events.filter(({ type }) => type === "layer.built")).toHaveLength(1);
      for (const sandbox of made) {
        const { stdout } = await runIn(
          sandbox,
          "code",
          "import tinypack; print(tinypack.version, tinypack.__cached__)",
        );
        // Compiled when it was built: a folder that is read-only gets no compiled files later.
        expect(stdout).toMatch(/^1\.0 \/opt\/msb\/layer\/site\/__pycache__\/tinypack\..*\.pyc\n$/);
      }
    } finally {
      for (const sandbox of made) await sandbox[Symbol.asyncDispose]();
    }
  }, 90_000);

  test("a command's Python and PATH have them too, nobody can change them, and what a session installs comes first", async () => {
    await using sandbox = await boot("layers-3", tiny);
    expect(
      (await runIn(sandbox, "command", "tinypack-says; python3 -c 'import tinypack; tinypack.say()'")).stdout,
    ).toBe("tinypack 1.0\ntinypack 1.0\n");
    const touched = await runIn(sandbox, "command", "echo 'version = 3' > /opt/msb/layer/site/tinypack.py");
    expect(touched.stderr).toContain("Read-only file system");
    const own = `
import os, site
with open(os.path.join(site.getusersitepackages(), "tinypack.py"), "w") as file:
    file.write("def say():\\n    print('my own')\\n")
import tinypack
tinypack.say()`;
    expect((await runIn(sandbox, "code", own)).stdout).toBe("my own\n");
    expect((await runIn(sandbox, "command", "python3 -c 'import tinypack; tinypack.say()'")).stdout).toBe("my own\n");
  }, 90_000);

  test("a sandbox has its principal's cache of downloads beside them", async () => {
    const limits = { maxBytes: 1_000_000, shareBytes: 1_000_000 };
    const folder = join(wheels.root, "cache");
    await using caches = new Caches({ ...limits, folder, clock: systemClock, emit: () => undefined });
    const cached = withCache(host, caches, { kind: "packages" });
    const spec = { sessionId: "layers-cached", principal: "ada", template: tiny, resources: small };
    await using sandbox = await cached.create(spec, new AbortController().signal);
    const both = await runIn(sandbox, "command", 'tinypack-says; touch "$PIP_CACHE_DIR"; ls "$PIP_CACHE_DIR"');
    expect(both).toMatchObject({ stdout: "tinypack 1.0\n/opt/msb/cache/pip\n", stderr: "" });
  }, 90_000);

  test("a virtual environment of a session sees none of them", async () => {
    await using sandbox = await boot("layers-4", tiny);
    const made = await runIn(
      sandbox,
      "command",
      "python3 -m venv --without-pip v && v/bin/python -c 'import tinypack'",
    );
    expect(made.stderr).toContain("No module named 'tinypack'");
  }, 90_000);

  test("what is installed is known with its version, and a bare template has nothing of it", async () => {
    expect(packagesOf(layers)(tiny)).toMatchObject({ packages: [{ name: "tinypack", version: "1.0" }] });
    expect(packagesOf(layers)(templateWith("other", "tinypack==2.0"))).toBeNull();
    await using sandbox = await boot("layers-5", pythonTemplate);
    expect((await runIn(sandbox, "code", "import tinypack")).stderr).toContain("No module named 'tinypack'");
  }, 90_000);

  test("packages that cannot be installed are told with the installer's last lines, nothing is left, and others are not touched", async () => {
    const failing = templateWith("failing", "tinypack==7.0");
    const failure = await boot("layers-6", failing).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    expect(String(failure)).toContain("The packages of the template failing could not be installed:");
    expect(String(failure)).toContain("No matching distribution found for tinypack==7.0");
    expect(readdirSync(join(wheels.root, "layers")).filter((name) => name.startsWith("building"))).toEqual([]);
    expect(layers.known(failing)).toBeNull();
    wheels.add("tinypack", "7.0");
    await using sandbox = await boot("layers-7", failing);
    expect((await runIn(sandbox, "code", "import tinypack; tinypack.say()")).stdout).toBe("tinypack 7.0\n");
    rmSync(join(wheels.path, "tinypack-7.0-py3-none-any.whl"));
  }, 90_000);

  test("who leaves does not end a build: the next one finds it", async () => {
    const late = templateWith("late", "tinypack==2.0");
    const leaving = new AbortController();
    const gone = new Error("gone");
    const onProgress = (message: string) => {
      if (message.startsWith("installing the packages")) leaving.abort(gone);
    };
    const left = host.create({ sessionId: "layers-8", template: late, resources: small, onProgress }, leaving.signal);
    expect(await left.catch((error: unknown) => error)).toBe(gone);
    const { folder } = await layers.of(late, { signal: new AbortController().signal });
    expect(existsSync(join(folder, "site/tinypack.py"))).toBe(true);
    expect(existsSync(join(folder, ".build"))).toBe(false);
  }, 90_000);
});

test("a package that a template lists and that leaves a link in the place of its folder is refused", async () => {
  const planting = templateWith("planting", "tinypack==1.0");
  const { build } = await import("../../../src/sandbox/layers/build.ts");
  const folder = join(wheels.root, "planted");
  const { mkdirSync, symlinkSync } = await import("node:fs");
  mkdirSync(folder);
  const { FakeHost } = await import("../../fakes/fake-host.ts");
  await using fake = new FakeHost();
  fake.script = async (request) => {
    symlinkSync("/etc", join(folder, "site"));
    request.onOutput("stdout", new TextEncoder().encode('installed: [{"name": "tinypack", "version": "1.0"}]\n'));
    return { ended: "exited", success: true, exitCode: null, result: null, interpreterRestarted: false };
  };
  const tools = {
    ...{ host: fake, indexes: {}, signal: new AbortController().signal, onProgress: () => undefined },
    claim: () => ({ [Symbol.dispose]: () => undefined }),
  };
  if (planting.packages === undefined) throw new Error("it has packages");
  const built = build(planting, planting.packages, folder, tools);
  expect(await built.catch((error: unknown) => String(error))).toContain("There is no folder of packages.");
});
